"""The live loop: numbered frames in, masks back, pairs on disk, all counted by their numbers."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import barcode
from bench.client import Client, distinct_per_second
from bench.clip import FPS, Clip
from bench.serving import BenchError, Server, serving
from capture.dataset import Dataset
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.pool import NetworkPool

SETTLE_SECONDS = 3.0
"""Before measuring: connections, codecs and caches warm up."""
CHECKED_PAIRS = 20
"""Pairs of each run whose masks are made again from their frames."""

Row = dict[str, Any]


def measure_loop(clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """`runs` runs of `seconds` with recording; the median of each figure."""
    packets = clip.packets(int((seconds + 4 * SETTLE_SECONDS) * FPS))
    rows = []
    for _ in range(runs):
        with serving(*flags) as server:
            rows.append(asyncio.run(_one_run(server, packets, seconds)))
    row: Row = {name: median(one[name] for one in rows) for name in rows[0] if name != "stages"}
    stages = rows[0]["stages"]
    row["stages"] = {name: round(median(one["stages"][name] for one in rows), 2) for name in stages}
    return row


async def _one_run(server: Server, packets: list[bytes], seconds: float) -> Row:
    async with Client(server.url, packets, view="parts") as client:
        await client.wait_for_pictures()
        await asyncio.sleep(SETTLE_SECONDS)
        heard = len(client.messages["state"])
        client.send("record", seconds=None, title="bench", high_quality=False, heads=False)
        dataset = (await client.hears("recording"))["dataset"]
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        client.send("stop")
        recorded = await client.hears("recorded")
        states = [one["stats"] for one in client.messages["state"][heard:]]
        fps = distinct_per_second(client.received.numbers, began, seconds)
        delays = np.array(client.received.delays[-int(seconds * FPS * 0.9) :]) * 1000
    pairs = Dataset.open(server.data / "datasets" / dataset)
    numbers = _numbers(pairs)
    first, last = pairs.pairs[0].time_s, pairs.pairs[-1].time_s
    return {
        "distinct_fps": round(fps, 2),
        "pairs_per_second": round((len(set(numbers)) - 1) / (last - first), 2),
        "pairs": len(numbers),
        "dropped": recorded["dropped"],
        "in_out_p50_ms": round(median(one["in_out_ms"]["p50"] for one in states), 1),
        "in_out_p95_ms": round(median(one["in_out_ms"]["p95"] for one in states), 1),
        "round_trip_p50_ms": round(float(np.percentile(delays, 50)), 1),
        "round_trip_p95_ms": round(float(np.percentile(delays, 95)), 1),
        "masks_of_their_frame": check_masks(pairs),
        "stages": states[-1]["stages"],
    }


def _numbers(pairs: Dataset) -> list[int]:
    """The number in each pair's frame; every one must be readable and there once."""
    found = []
    for pair in pairs.pairs:
        number = barcode.read(np.asarray(cv2.cvtColor(pairs.frame(pair.index), cv2.COLOR_RGB2GRAY)))
        if number is None:
            raise BenchError(f"The number in frame {pair.index} could not be read.")
        found.append(number)
    return found


def check_masks(pairs: Dataset) -> float:
    """How many of the looked-at pairs have the mask of their own frame, 0..1.

    The network sees each saved frame again, and the frames five before and after it: the saved
    mask must agree best with its own.
    """
    model = pairs.manifest.model
    pool = NetworkPool.open(model.name, "cpu", max(model.input), threads=2)
    analyzer = Analyzer(pool, AnalyzerOptions(threshold=model.threshold))
    indices = [pair.index for pair in pairs.pairs]
    places = np.linspace(5, len(indices) - 6, CHECKED_PAIRS).astype(int)
    right = 0
    for place in places:
        saved = pairs.labels(indices[place]) > 0
        best = max((-5, 0, 5), key=lambda step: _agreement(analyzer, pairs, place + step, saved))
        right += best == 0
    pool.close()
    return right / len(places)


def _agreement(analyzer: Analyzer, pairs: Dataset, place: int, saved: Any) -> float:
    pair = pairs.pairs[place]
    analyzer.reset()
    found = analyzer.analyse(pairs.frame(pair.index), pair.time_s).labels > 0
    return float((found & saved).sum() / max(1, (found | saved).sum()))


def received_psnr(pairs: Dataset, clip: Clip) -> list[tuple[float, float]]:
    """Seconds and luma PSNR (dB) of each saved frame against the frame that was sent.

    Both go through RGB, where saturated colours are clipped alike.
    """
    found = []
    for pair in pairs.pairs:
        luma = _luma(pairs.frame(pair.index), clip)
        number = barcode.read(luma)
        if number is not None:
            sent = _luma(cv2.cvtColor(clip.frame(number), cv2.COLOR_YUV2RGB_I420), clip)
            error = float(np.mean((luma.astype(np.float64) - sent) ** 2))
            found.append((pair.time_s, 10 * float(np.log10(255**2 / max(error, 1e-9)))))
    return found


def _luma(rgb: Any, clip: Clip) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)[: clip.size[1]], np.uint8)
