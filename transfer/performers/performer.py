"""What every performer does: the source's frame and its Analysis in, the target's picture out."""

from __future__ import annotations

from typing import Protocol

from inference.analysis import Analysis
from inference.arrays import Rgb


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
