"""What every performer does: the source's frame and its Analysis in, the target's picture out."""

from __future__ import annotations

from typing import Protocol

from inference.analysis import Analysis
from inference.arrays import Rgb
from transfer.target.placement import Placement
from transfer.target.standing import Standing


class Performer(Protocol):
    """Shows one target. Used by one thread at a time."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""

    @property
    def warning(self) -> str:
        """What cannot be shown of the target, a sentence; empty: nothing."""

    def perform(self, rgb: Rgb, analysis: Analysis, time_s: float) -> Rgb:
        """The target in the pose of the source, uint8 `[H, W, 3]` of `size`.

        Args:
            rgb: the source's frame.
            analysis: what was seen in that very frame; nobody: the clean plate is shown.
            time_s: seconds, growing from call to call.
        """

    def reset(self) -> None:
        """Forget the source: another one begins."""


class OfOneSize:
    """What draws at one size alone, and cannot be quicker by drawing coarser."""

    @property
    def can_be_smaller(self) -> bool:
        """Never."""
        return False

    def draw_smaller(self) -> None:
        """Nothing happens."""


class LivePerformer(Performer, Protocol):
    """What somebody who dances live may change between two pictures."""

    timings: dict[str, float]
    """Milliseconds of the last picture, by stage; empty where it has no stages."""
    placement: Placement
    """Where the double is wanted; read for every picture, replaced at any time."""

    def calibrate(self, standing: Standing) -> None:
        """Fit the source's body at once, rather than learn it as it goes."""

    @property
    def can_be_smaller(self) -> bool:
        """Whether `draw_smaller` makes it quicker."""

    def draw_smaller(self) -> None:
        """Draw coarser from the next picture on, to be quicker; nothing when that cannot be."""
