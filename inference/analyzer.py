"""A frame in, an Analysis out: network, people, the dancer, smoothed key points, label map."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from inference.analysis import Analysis, Heads, Person
from inference.arrays import Keypoints, Labels, Rgb
from inference.camera import Camera
from inference.network import Network
from inference.outline import follow_outline
from inference.personlab import decode_people
from inference.pool import NetworkPool
from inference.second_pass import SecondPass, second_pass_on
from inference.segmentation import label_map
from inference.smoothing import KeypointSmoother
from inference.tracking import DancerTracker, match
from inference.whole_clip import look_over, sightings

THRESHOLDS = (0.01, 0.99)
"""Least and greatest threshold: at 0 and 1 everything and nothing is a person."""


@dataclass(frozen=True, slots=True)
class AnalyzerOptions:
    """How frames are analysed."""

    threshold: float = 0.6
    """Probability from which a pixel is a person's, within `THRESHOLDS`."""
    max_people: int = 10
    """More people in one frame are not looked for."""
    keep_heads: bool = False
    """Whether each Analysis carries the network's raw heads (distillation data)."""
    second_pass: bool = False
    """Whether a dancer who is small in the frame is looked at a second time, enlarged."""
    look_again: Callable[[Rgb, Person], Keypoints] | None = None
    """Better key points of the dancer, slowly: only the offline jobs have time for that."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame on its way, with what it shows by itself, whatever came before it."""

    rgb: Rgb
    time_s: float
    heads: Heads
    people: list[Person]
    timings: dict[str, float]
    chosen: int | None = None
    """Index of the dancer in `people`."""
    second_pass: SecondPass | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.rgb.shape[1], self.rgb.shape[0]


class Analyzer:
    """Analyses one stream of frames and follows one dancer through it.

    One thread at a time may use it. `options` may be replaced between frames.
    """

    def __init__(self, pool: NetworkPool, options: AnalyzerOptions | None = None) -> None:
        self.pool = pool
        self.options = options or AnalyzerOptions()
        self._tracker = DancerTracker()
        self._camera = Camera()
        self._smoother = KeypointSmoother()
        self._sightings: dict[float, Keypoints] = {}

    def reset(self) -> None:
        """Forget who the dancer was: another source begins."""
        self._tracker.reset()
        self._camera.reset()
        self._smoother.reset()
        self._sightings = {}

    def analyse(self, rgb: Rgb, time_s: float, dancer: Person | None = None) -> Analysis:
        """One frame; `time_s` in seconds must grow from call to call.

        With `dancer` nobody is followed: the person most like it is taken. So a frame that was
        saved without loss gives the very Analysis again that it was saved with.

        Raises:
            DeviceError: no network answers any more.
        """
        frame = self.pool.call(partial(self._infer, item=(rgb, time_s)))
        frame = self._follow(frame, dancer)
        if self.options.second_pass:
            frame = self.pool.call(partial(self._second_pass, frame=frame))
        return self._finished(frame)

    def know(self, clip: Iterable[tuple[Rgb, float]], frames: int | None) -> None:
        """Look over a whole clip first, so that all of it decides who the dancer is.

        `frames`: how many there are, nearly; None: not known, then nothing is looked at.
        """
        if frames is not None:
            moments = look_over(self.pool, clip, frames, self.options.max_people)
            self._sightings = sightings(moments)

    def analyse_all(
        self, frames: Iterable[tuple[Rgb, float]]
    ) -> Iterator[tuple[Rgb, float, Analysis]]:
        """Every frame with its time, in order; the networks of the pool work side by side."""
        found = (self._follow(frame, None) for frame in self.pool.map(self._infer, frames))
        followed: Iterator[_Frame] = found
        if self.options.second_pass:
            followed = self.pool.map(self._second_pass, found)
        for frame in followed:
            yield frame.rgb, frame.time_s, self._finished(frame)

    def _infer(self, network: Network, item: tuple[Rgb, float]) -> _Frame:
        rgb, time_s = item
        heads, timings = network.infer(rgb)
        began = time.perf_counter()
        people = decode_people(heads, self.options.max_people)
        return _Frame(rgb, time_s, heads, people, timings | {"decode": _since(began)})

    def _follow(self, frame: _Frame, dancer: Person | None) -> _Frame:
        """Choose the dancer among those who are seen."""
        began = time.perf_counter()
        if dancer is not None:
            chosen = match(frame.people, dancer)
        else:
            wanted = self._sightings.get(frame.time_s)
            moved = self._camera.step(frame.rgb, len(frame.people) > 1)
            chosen = self._tracker.choose(frame.people, frame.time_s, frame.size, wanted, moved)
        return replace(frame, chosen=chosen, timings=frame.timings | {"follow": _since(began)})

    def _second_pass(self, network: Network, frame: _Frame) -> _Frame:
        if frame.chosen is None:
            return frame
        began = time.perf_counter()
        dancer = frame.people[frame.chosen]
        second_pass = second_pass_on(network, frame.rgb, dancer, self.options.max_people)
        return replace(
            frame, second_pass=second_pass, timings=frame.timings | {"second_pass": _since(began)}
        )

    def _finished(self, frame: _Frame) -> Analysis:
        began = time.perf_counter()
        first = None if frame.chosen is None else frame.people[frame.chosen]
        person = first if frame.second_pass is None else frame.second_pass.person
        if person is not None and self.options.look_again is not None:
            person = replace(person, keypoints=self.options.look_again(frame.rgb, person))
        smoothed = self._smoother.update(None if person is None else person.keypoints, frame.time_s)
        smoothing = _since(began)
        began = time.perf_counter()
        labels = self._labels(frame)
        timings = frame.timings | {
            "follow": frame.timings["follow"] + smoothing,
            "labels": _since(began),
        }
        others = tuple(one for one in frame.people if one is not first)
        heads = frame.heads if self.options.keep_heads else None
        return Analysis(labels, person, smoothed, others, timings, heads)

    def _labels(self, frame: _Frame) -> Labels:
        if frame.second_pass is not None:
            return frame.second_pass.labels(frame.rgb, self.options.threshold)
        if frame.chosen is None or frame.heads.part_heatmaps is None:
            return np.zeros(frame.rgb.shape[:2], np.uint8)
        labels = label_map(frame.heads, frame.people, frame.chosen, self.options.threshold)
        return follow_outline(labels, frame.rgb, frame.heads)


def _since(began: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - began) * 1000
