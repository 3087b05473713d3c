"""A frame in, an Analysis out: network, people, the dancer, smoothed key points, label map."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from inference.analysis import Analysis, Heads, Labels, Person, Rgb
from inference.network import Network
from inference.personlab import decode_people
from inference.pool import NetworkPool
from inference.segmentation import label_map
from inference.smoothing import KeypointSmoother
from inference.tracking import DancerTracker, match


@dataclass(frozen=True, slots=True)
class AnalyzerOptions:
    """How frames are analysed."""

    threshold: float = 0.6
    """Probability 0..1 from which a pixel is a person's."""
    max_people: int = 10
    """More people in one frame are not looked for."""
    keep_heads: bool = False
    """Whether each Analysis carries the network's raw heads (distillation data)."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one frame shows by itself, whatever came before it."""

    heads: Heads
    people: list[Person]
    timings: dict[str, float]


class Analyzer:
    """Analyses one stream of frames and follows one dancer through it.

    One thread at a time may use it. `options` may be replaced between frames.
    """

    def __init__(self, pool: NetworkPool, options: AnalyzerOptions | None = None) -> None:
        self.pool = pool
        self.options = options or AnalyzerOptions()
        self._tracker = DancerTracker()
        self._smoother = KeypointSmoother()

    def reset(self) -> None:
        """Forget who the dancer was: another source begins."""
        self._tracker.reset()
        self._smoother.reset()

    def analyse(self, rgb: Rgb, time_s: float, dancer: Person | None = None) -> Analysis:
        """One frame; `time_s` in seconds must grow from call to call.

        With `dancer` nobody is followed: the person most like it is taken. So a frame that was
        saved without loss gives the very Analysis again that it was saved with.

        Raises:
            DeviceError: no network answers any more.
        """
        look = partial(_look, rgb=rgb, max_people=self.options.max_people)
        return self._follow(self.pool.call(look), rgb, time_s, dancer)

    def analyse_all(
        self, frames: Iterable[tuple[Rgb, float]]
    ) -> Iterator[tuple[Rgb, float, Analysis]]:
        """Every frame with its time, in order; the networks of the pool work side by side."""
        max_people = self.options.max_people

        def look(network: Network, item: tuple[Rgb, float]) -> tuple[Rgb, float, _Seen]:
            rgb, time_s = item
            return rgb, time_s, _look(network, rgb, max_people)

        for rgb, time_s, seen in self.pool.map(look, frames):
            yield rgb, time_s, self._follow(seen, rgb, time_s, None)

    def _follow(self, seen: _Seen, rgb: Rgb, time_s: float, dancer: Person | None) -> Analysis:
        began = time.perf_counter()
        height, width = rgb.shape[:2]
        if dancer is not None:
            chosen = match(seen.people, dancer)
        else:
            chosen = self._tracker.choose(seen.people, time_s, (width, height))
        person = None if chosen is None else seen.people[chosen]
        smoothed = self._smoother.update(None if person is None else person.keypoints, time_s)
        followed = time.perf_counter()
        labels = self._labels(seen, chosen, (height, width))
        timings = seen.timings | {
            "follow": (followed - began) * 1000,
            "labels": (time.perf_counter() - followed) * 1000,
        }
        others = tuple(one for one in seen.people if one is not person)
        heads = seen.heads if self.options.keep_heads else None
        return Analysis(labels, person, smoothed, others, timings, heads)

    def _labels(self, seen: _Seen, chosen: int | None, shape: tuple[int, int]) -> Labels:
        if chosen is None or seen.heads.part_heatmaps is None:
            return np.zeros(shape, np.uint8)
        return label_map(seen.heads, seen.people, chosen, self.options.threshold)


def _look(network: Network, rgb: Rgb, max_people: int) -> _Seen:
    heads, timings = network.infer(rgb)
    began = time.perf_counter()
    people = decode_people(heads, max_people)
    return _Seen(heads, people, timings | {"decode": (time.perf_counter() - began) * 1000})
