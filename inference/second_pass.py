"""A second look at a dancer who is small in the frame: a square around them, enlarged.

A network sees the whole frame at some hundred pixels; whoever fills a third of it is outlined in
cells as large as a hand. Clips that are imported have the time for a second pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.analysis import Heads, Person
from inference.arrays import Labels, Rgb
from inference.network import Network
from inference.outline import follow_outline
from inference.personlab import decode_people
from inference.segmentation import label_map
from inference.skeleton import body_scale
from inference.tracking import match

ROOM = 1.35
"""Side of the square over the longer side of the box around the key points: hair, hands, feet."""
WORTH = 1.75
"""A second pass must show the dancer at least so many times as large."""
STEPS = 16
"""Squares are multiples of the frame's shorter side over this: few sizes, tables made once."""
SAME = 0.1
"""Whose key points lie this near to where they were, on average, in body heights, is the dancer."""


@dataclass(frozen=True, slots=True)
class Square:
    """A part of a frame, pixels."""

    x: int
    y: int
    side: int

    @classmethod
    def around(cls, person: Person, frame_size: tuple[int, int]) -> Square | None:
        """Where to look more closely; None when that is not worth it."""
        width, height = frame_size
        left, top, wide, high = person.box
        step = min(frame_size) / STEPS
        room = round(-(-ROOM * max(wide, high) // step) * step)
        side = min(room, min(frame_size))
        if side < max(wide, high, 1) or max(frame_size) < WORTH * side:
            return None
        x = round(left + wide / 2 - side / 2)
        y = round(top + high / 2 - side / 2)
        return cls(min(max(x, 0), width - side), min(max(y, 0), height - side), side)


@dataclass(frozen=True, slots=True)
class SecondPass:
    """What the second look shows, still in the square's own pixels."""

    square: Square
    heads: Heads
    people: Sequence[Person]
    dancer: int
    """Index in `people`."""

    @property
    def person(self) -> Person:
        """The dancer in pixels of the frame."""
        found = self.people[self.dancer]
        moved = found.keypoints + np.array([self.square.x, self.square.y, 0], np.float32)
        x, y, width, height = found.box
        box = (x + self.square.x, y + self.square.y, width, height)
        return Person(moved.astype(np.float32), found.score, box)

    def labels(self, rgb: Rgb, threshold: float) -> Labels:
        """The dancer's label map of that frame."""
        labels = np.zeros(rgb.shape[:2], np.uint8)
        square = self.square
        inside = np.s_[square.y : square.y + square.side, square.x : square.x + square.side]
        seen = label_map(self.heads, self.people, self.dancer, threshold)
        labels[inside] = follow_outline(seen, rgb[inside], self.heads)
        return labels


def second_pass_on(
    network: Network, rgb: Rgb, person: Person, max_people: int
) -> SecondPass | None:
    """Look at one person again; None when it is not worth it or shows somebody else."""
    square = Square.around(person, (rgb.shape[1], rgb.shape[0]))
    if square is None:
        return None
    part = rgb[square.y : square.y + square.side, square.x : square.x + square.side]
    heads, _ = network.infer(np.ascontiguousarray(part))
    if heads.part_heatmaps is None:
        return None
    people = decode_people(heads, max_people)
    there = person.keypoints - np.array([square.x, square.y, 0], np.float32)
    wanted = Person(there.astype(np.float32), person.score, person.box)
    dancer = match(people, wanted)
    if dancer is None:
        return None
    away = np.linalg.norm(people[dancer].keypoints[:, :2] - wanted.keypoints[:, :2], axis=1)
    seen = np.minimum(people[dancer].keypoints[:, 2], wanted.keypoints[:, 2])
    mean = float((away * seen).sum() / max(float(seen.sum()), 1e-6))
    if mean > SAME * body_scale(person.keypoints):
        return None
    return SecondPass(square, heads, people, dancer)
