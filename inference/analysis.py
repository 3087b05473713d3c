"""The vocabulary of the whole program: what a network said and what was seen in one frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels
from inference.geometry import Placement


@dataclass(frozen=True, slots=True)
class Head:
    """One output of the network, as it left the interpreter."""

    values: NDArray[Any]
    """`[rows, columns, channels]`; uint8 or int8 when quantised, float32 when not."""
    scale: float = 1.0
    """Real value of one quantisation step."""
    zero_point: int = 0
    """The quantised value that means 0."""

    def dequantised(self) -> NDArray[np.float32]:
        """Real values, float32, same shape."""
        return (self.values.astype(np.float32) - self.zero_point) * np.float32(self.scale)


@dataclass(frozen=True, slots=True)
class Heads:
    """Everything a BodyPix-like network said about one frame (PersonLab, section 3)."""

    heatmaps: Head
    """Logits of the 17 key points."""
    short_offsets: Head
    """34 channels: 17 y, then 17 x, in pixels of the network's input."""
    mid_offsets: Head
    """64 channels: forward y 0-15, forward x 16-31, backward y 32-47, backward x 48-63."""
    long_offsets: Head | None
    """34 channels like `short_offsets`; None for a pose-only network."""
    segments: Head | None
    """One channel, logits of "person"; None for a pose-only network."""
    part_heatmaps: Head | None
    """Logits of the 24 parts; None for a pose-only network."""
    placement: Placement
    """Where the frame lies in the network's input, and the input in the grid of the first four."""
    body_stride: int | None = None
    """Input pixels from cell to cell of `segments` and `part_heatmaps`, where their grid is finer;
    None where it is the same (BodyPix)."""

    @property
    def body_placement(self) -> Placement:
        """`placement` for the grid of `segments` and `part_heatmaps`."""
        if self.body_stride is None:
            return self.placement
        return replace(self.placement, stride=self.body_stride)


@dataclass(frozen=True, slots=True)
class Person:
    """One person found in one frame."""

    keypoints: Keypoints
    """Raw: they depend on this frame alone."""
    score: float
    """0..1, mean of the key points' scores."""
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels of the frame."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was seen in one frame."""

    labels: Labels
    """Of the chosen dancer only, same size as the frame; all 0 when there is none."""
    person: Person | None
    """The chosen dancer."""
    smoothed: Keypoints | None = None
    """The dancer's key points, One Euro filtered and imputed (depends on earlier frames)."""
    others: tuple[Person, ...] = ()
    """Everybody else in the frame, best first; counted and shown, never stored as labels."""
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds a stage: resize, invoke, decode, follow, perhaps second_pass, labels."""
    heads: Heads | None = None
    """The raw heads, when they were asked for (distillation data)."""
