"""What stays behind: memory over a long session, threads and handles after many connections."""

from __future__ import annotations

import asyncio
import sys
import time

import psutil

from bench.client import Client
from bench.clip import FPS, Clip
from bench.loop import Row
from bench.serving import Server, serving

SESSION_SECONDS = 600.0
WARM_UP_SECONDS = 60.0
SAMPLE_SECONDS = 5.0
CONNECTIONS = 20
WARM_UP_CONNECTIONS = 5
"""Before anything is counted: what is opened once, and threads of pools, which stay for good."""
SETTLE_SECONDS = 30.0
"""Until then whatever is closing has closed, on a busy machine too."""
CLIP_SECONDS = 20
MEGABYTE = 1_000_000


def measure_memory(clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """The server's memory while one person dances for `SESSION_SECONDS` (`seconds` is not used).

    Resident memory, in MB, from the second minute on.
    """
    return asyncio.run(_memory(clip, SESSION_SECONDS, flags))


def measure_connections(clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """Threads and open files before and after `CONNECTIONS` connections."""
    return asyncio.run(_connections(clip, CONNECTIONS, flags))


async def _memory(clip: Clip, seconds: float, flags: list[str]) -> Row:
    packets = clip.packets(CLIP_SECONDS * FPS)
    samples: list[float] = []
    with serving(*flags) as server:
        process = psutil.Process(server.pid)
        async with Client(server.url, packets, view="parts") as client:
            await client.wait_for_pictures()
            began = time.monotonic()
            while (past := time.monotonic() - began) < seconds:
                await asyncio.sleep(SAMPLE_SECONDS)
                if past >= min(WARM_UP_SECONDS, seconds / 2):
                    samples.append(process.memory_info().rss / MEGABYTE)
            fps = client.messages["state"][-1]["stats"]["fps_analysed"]
    return {
        "seconds": round(seconds),
        "smallest_mb": round(min(samples)),
        "largest_mb": round(max(samples)),
        "first_mb": round(samples[0]),
        "last_mb": round(samples[-1]),
        "analysed_fps_at_the_end": fps,
    }


async def _connections(clip: Clip, count: int, flags: list[str]) -> Row:
    packets = clip.packets(3 * FPS)
    with serving(*flags) as server:
        for _ in range(WARM_UP_CONNECTIONS):
            await _connect(server, packets)
        before = await _held(server)
        for _ in range(count):
            await _connect(server, packets)
        after = await _held(server)
    return {
        "connections": count,
        "threads_before": before[0],
        "threads_after": after[0],
        "files_before": before[1],
        "files_after": after[1],
    }


async def _connect(server: Server, packets: list[bytes]) -> None:
    async with Client(server.url, packets, view="parts") as client:
        await client.wait_for_pictures(10)


async def _held(server: Server) -> tuple[int, int]:
    """Threads and open files (handles on Windows): the fewest within `SETTLE_SECONDS`."""
    process = psutil.Process(server.pid)
    seen = []
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        await asyncio.sleep(1.0)
        if sys.platform == "win32":
            seen.append((process.num_threads(), process.num_handles()))
        else:
            seen.append((process.num_threads(), process.num_fds()))
    return min(threads for threads, _ in seen), min(files for _, files in seen)
