"""Where somebody wants to see their double: moved and scaled beyond what the body frames say."""

from __future__ import annotations

from dataclasses import dataclass

from transfer.target.normalisation import BodyFrame, Transform

SHIFTS = (-0.5, 0.5)
"""Least and most of a shift."""
SCALES = (0.5, 2.0)
"""Least and most of the scale."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A shift and a scale within `SHIFTS` and `SCALES`; as it is made: nothing is changed."""

    x: float = 0.0
    """To the right, in widths of the target's picture."""
    y: float = 0.0
    """Down, in its heights."""
    scale: float = 1.0
    """Of the double, whose feet stay where they are."""

    def placed(self, plain: Transform, target: BodyFrame, size: tuple[int, int]) -> Transform:
        """The transform into a target's picture of `size` (width, height), with this placement."""
        feet = (target.feet or target.shoulders).near.y
        return Transform(
            self.scale * plain.scale,
            self.scale * (plain.x - target.centre) + target.centre + self.x * size[0],
            self.scale * (plain.y - feet) + feet + self.y * size[1],
        )
