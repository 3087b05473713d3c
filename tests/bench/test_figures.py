"""The figures that Understudy promises, on this machine: `run.py bench`, shorter.

A machine may be busy with something else for a moment: one run of three has to do. What was
measured is printed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

from bench import soak
from bench.chromium import chromium_path, measure_chromium
from bench.clip import DEFAULT_CLIP, Clip
from bench.importing import measure_import
from bench.loop import measure_loop
from tests.machine import slowness

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("models")]
SECONDS = 20.0
QUICK = "--model=understudy-fast"


def _clip(*size: int) -> Clip:
    return Clip(DEFAULT_CLIP, (size[0], size[1]))


def _met(measure: Callable[[], dict[str, Any]], *promises: str) -> None:
    """Measure up to three times, until all `promises` ("figure >= number") are met.

    Times and rates are promised for a usual machine; a slower one gets its share.
    """
    rows = []
    for _ in range(3):
        rows.append(measure())
        print(rows[-1])
        if all(_holds(rows[-1], promise) for promise in promises):
            return
    pytest.fail(f"{promises} not met: {rows}")


def _holds(row: dict[str, Any], promise: str) -> bool:
    name, relation, bound = promise.split()
    number = float(bound)
    if name.endswith("_ms"):
        number *= slowness()
    elif name.endswith(("fps", "_per_second")):
        number /= slowness()
    return {">=": operator.ge, "<=": operator.le}[relation](row[name], number)


@pytest.mark.timeout(400)
def test_live_640x480() -> None:
    _met(
        lambda: measure_loop(_clip(640, 480), SECONDS, 1, []),
        "distinct_fps >= 29",
        "pairs_per_second >= 29",
        "dropped <= 0",
        "in_out_p95_ms <= 45",
        "masks_of_their_frame >= 1",
    )


@pytest.mark.timeout(400)
def test_live_1280x720() -> None:
    _met(
        # The network that was the default when this was promised; today's is chosen for 640x480.
        lambda: measure_loop(_clip(1280, 720), SECONDS, 1, [QUICK]),
        "distinct_fps >= 25",
        "masks_of_their_frame >= 1",
    )


@pytest.mark.timeout(400)
def test_chromium_640x480() -> None:
    if chromium_path() is None:
        pytest.skip("Chromium is not installed")
    _met(
        lambda: measure_chromium(_clip(640, 480), SECONDS, 1, []),
        "distinct_fps >= 28",
        "round_trip_p50_ms <= 60",
        "received_psnr_db >= 43",
    )


def test_import_640x480() -> None:
    _met(lambda: measure_import(_clip(640, 480), SECONDS, 1, [QUICK]), "frames_per_second >= 60")


def test_twenty_connections_leave_nothing_behind() -> None:
    row = soak.measure_connections(_clip(640, 480), 0, 1, [])
    # A pool may have needed another thread on a busy machine; a leak would be twenty.
    assert row["threads_after"] <= row["threads_before"] + 2
    assert row["files_after"] <= row["files_before"] + 2


@pytest.mark.timeout(900)
def test_memory_is_flat_over_ten_minutes() -> None:
    row = soak.measure_memory(_clip(640, 480), 0, 1, [])
    assert row["largest_mb"] - row["smallest_mb"] <= 100
    assert abs(row["last_mb"] - row["first_mb"]) <= 50
    assert row["analysed_fps_at_the_end"] >= 28 / slowness()
