"""Which network this machine is quick enough for: the most accurate that keeps up with a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inference.analyzer import Analyzer
from inference.errors import UnderstudyError
from inference.pool import NetworkPool
from inference.zoo import ZooModel

BUDGET_MS = 20.0
"""Of the 33 ms between two pictures of a camera; the rest is for pictures in and out, and for
whoever is shown."""
TRIES = 7
"""Frames that are measured; the quickest counts, for others may use the machine just now."""
FRAME = (480, 640, 3)


@dataclass(frozen=True, slots=True)
class LiveChoice:
    """A network, and why."""

    name: str
    why: str
    """A sentence."""


def choose_live(candidates: Sequence[ZooModel], milliseconds: Callable[[str], float]) -> LiveChoice:
    """The first that is quick enough; the quickest where none is.

    Args:
        candidates: at least one, the most accurate first.
        milliseconds: of one frame by a network; raises `UnderstudyError` when it cannot be used.
    """
    slower: list[tuple[float, str]] = []
    for model in candidates:
        try:
            spent = milliseconds(model.name)
        except UnderstudyError:
            continue
        if spent <= BUDGET_MS:
            why = f"{model.name} sees a frame in {spent:.0f} ms here"
            if slower:
                others = ", ".join(f"{name} in {needed:.0f} ms" for needed, name in slower)
                return LiveChoice(model.name, f"{why}; {others}: too slow for a camera.")
            return LiveChoice(model.name, f"{why}: the most accurate network that there is.")
        slower.append((spent, model.name))
    if not slower:
        return LiveChoice(candidates[0].name, f"{candidates[0].name} could not be measured.")
    spent, name = min(slower)
    return LiveChoice(name, f"{name} sees a frame in {spent:.0f} ms here; all others are slower.")


def frame_milliseconds(name: str, long_side: int, threads: int) -> float:
    """How long a frame of a camera takes on the CPU, from its pixels to people and parts."""
    pool = NetworkPool.open(name, "cpu", long_side, threads=threads)
    try:
        analyzer = Analyzer(pool)
        frame = np.full(FRAME, 128, np.uint8)
        spent = []
        for number in range(TRIES):
            began = time.perf_counter()
            analyzer.analyse(frame, number / 30)
            spent.append((time.perf_counter() - began) * 1000)
    finally:
        pool.close()
    return min(spent)
