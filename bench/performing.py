"""Chromium shown as somebody else: how many pictures come back, and how late.

The numbers in the camera's frames are gone from what comes back. So the way there and back is
measured just before, while the camera's own picture is shown: round trip less the server's part.
The server's part of a performed picture, which it measures itself, comes on top of it.

`chosen_s`: from choosing to being shown, as the page hears of it (it hears four times a second),
of a dataset that was prepared as the server does when a capture ends.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.chromium import camera_of, notes_of, round_trips, watched_page
from bench.clip import Clip
from bench.loop import SETTLE_SECONDS, Row
from bench.serving import BenchError, Server, serving
from capture.dataset import Dataset
from server.performers import PREFIX, RUN, WAITING
from transfer.performers.prepare import prepare
from transfer.performers.trained_files import INT8_NAME, WEIGHTS_NAME, is_trained
from transfer.target.target import Target

READY_SECONDS = 60.0
"""A long dataset takes some time before it is shown."""


def measure_performing(path: Path, clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """`runs` runs of `seconds` shown as a dataset (nearest poses) or a trained run.

    Raises:
        BenchError: Chromium is not installed, or the performer cannot be shown.
    """
    rows = []
    with camera_of(clip) as camera:
        for _ in range(runs):
            with serving(*flags) as server:
                rows.append(_one_run(server, _moved_in(path, server), camera, clip, seconds))
    row: Row = {name: median(one[name] for one in rows) for name in rows[0] if name != "stages"}
    return row | {"stages": rows[0]["stages"], "weights": _weights(path)}


def _moved_in(path: Path, server: Server) -> str:
    """Put a performer where the server finds it, prepared; the name of its view."""
    if is_trained(path):
        shutil.copytree(path, server.data / "runs" / path.name)
        return f"{PREFIX}{RUN}{path.name}"
    dataset = Dataset.open(path)
    folder = server.data / "datasets" / dataset.manifest.id
    shutil.copytree(path, folder)
    prepare(Target.open(folder))
    return f"{PREFIX}{dataset.manifest.id}"


def _weights(path: Path) -> dict[str, str]:
    """SHA-256 of the file that plays: the newer of the two; empty for nearest poses."""
    files = [path / name for name in (INT8_NAME, WEIGHTS_NAME) if (path / name).is_file()]
    if not files:
        return {}
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    return {newest.name: hashlib.sha256(newest.read_bytes()).hexdigest()}


def _one_run(server: Server, view: str, camera: Path, clip: Clip, seconds: float) -> Row:
    from playwright.sync_api import TimeoutError

    with watched_page(server, camera, clip) as page:
        page.wait_for_timeout(2 * SETTLE_SECONDS * 1000)
        before = notes_of(page)
        way = float(np.median(round_trips(before))) - _stats(before)["in_out_ms"]["p50"]
        said = json.dumps({"type": "settings", "view": view})
        said_at = float(
            page.evaluate("(said) => (__bench.control.send(said), performance.now())", said)
        )
        ready = """([view, waiting]) => {
            const heard = __bench.messages;
            const taken = heard.findIndex((one) => one.type === "settings" && one.view === view);
            const states = heard.slice(taken).filter((one) => one.type === "state");
            return taken >= 0 && states.length > 0 && states.at(-1).note !== waiting
                && performance.now();
        }"""
        try:
            shown_at = page.wait_for_function(
                ready, arg=[view, WAITING], timeout=READY_SECONDS * 1000
            ).json_value()
        except TimeoutError:
            raise BenchError(f"{view} was not shown within {READY_SECONDS:.0f} s.") from None
        page.wait_for_timeout(SETTLE_SECONDS * 1000)
        began = float(page.evaluate("performance.now()"))
        page.wait_for_timeout(seconds * 1000)
        notes = notes_of(page)
    stats = _stats(notes)
    spent = stats["in_out_ms"]
    shown = sum(when >= began for when in notes["shown"])
    return {
        "chosen_s": round((shown_at - said_at) / 1000, 2),
        "shown_fps": round(shown / ((notes["until"] - began) / 1000), 2),
        "performed_fps": stats["fps_analysed"],
        "way_p50_ms": round(way, 1),
        "in_out_p50_ms": round(spent["p50"], 1),
        "in_out_p95_ms": round(spent["p95"], 1),
        "round_trip_p50_ms": round(way + spent["p50"], 1),
        "stages": stats["stages"],
    }


def _stats(notes: Any) -> Any:
    """What the server measured of late."""
    return [one["stats"] for one in notes["messages"] if one["type"] == "state"][-1]
