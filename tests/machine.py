"""How fast this machine is just now, so that a test of speed fails for slow code only.

The limits in the tests are promises for an idle laptop of two cores. A machine that is slower, or
busy with something else, takes as much longer for a fixed piece of work (pixels, arrays and plain
Python, as the live path mixes them) and gets as much more time.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import cv2
import numpy as np

USUAL_SECONDS = 0.8e-3
"""What `_fixed_work` takes on the idle machine (two cores at 2.9 GHz) that the limits are for."""

_PICTURE = np.random.default_rng(0).integers(0, 255, (480, 640), np.uint8)


def slowness() -> float:
    """How many times longer than usual the fixed work takes now; never below 1."""
    return max(1.0, min(_seconds(_fixed_work) for _ in range(20)) / USUAL_SECONDS)


def takes_at_most(limit: float, work: Callable[[], object], tries: int = 50) -> None:
    """Fail unless the best of `tries` calls of `work` takes `limit` seconds, or their equivalent.

    Raises:
        AssertionError: With what it took and how slow the machine is, after three rounds.
    """
    for _ in range(3):
        before = slowness()
        best = min(_seconds(work) for _ in range(tries))
        slow = max(before, slowness())
        if best <= limit * slow:
            return
    raise AssertionError(
        f"took {best * 1e3:.3f} ms instead of {limit * 1e3:.3f} on a machine {slow:.2f} x slower"
    )


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _fixed_work() -> None:
    slopes = cv2.Sobel(_PICTURE, cv2.CV_16S, 1, 0)
    cv2.norm(slopes, cv2.NORM_L1)
    np.sort(_PICTURE[:32].ravel())
    sum(number * number for number in range(4000))
