"""Which pairs of a dataset show the dancer well enough to be learnt from or shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Labels, Rgb
from transfer.plate import light

SIDE = 256
"""Longer side of the pictures that are compared, pixels."""
MARGIN = 4
"""Around the mask, pixels of those: hair, shoes and shadows."""
DIFFERENT = 28
"""Of 255: a pixel so far from the plate shows something."""
UNEXPLAINED = 0.05
"""As a share of the dancer's area, above the clip's median: a limb is not masked, somebody else is
there, or a second picture shines through."""
AROUND_SECONDS = 0.07
"""Before and after such a frame as much is left out: a dissolve fades in and out."""

BLUR, CROPPED, UNCLEAR = "blurred", "cropped", "badly masked or double exposed"
_FLAGS = {"blur": BLUR, "cropped": CROPPED}


@dataclass(frozen=True, slots=True)
class Usable:
    """Numbers of the pairs that are fit for use, and why the others are not."""

    numbers: list[int]
    reasons: dict[int, str]
    """By number of the pair."""

    def to_json(self) -> dict[str, str]:
        """The reasons."""
        return {str(number): why for number, why in self.reasons.items()}

    @classmethod
    def from_json(cls, data: dict[str, str], pairs: int) -> Usable:
        """Of so many pairs."""
        reasons = {int(number): str(why) for number, why in data.items()}
        if not all(0 <= number < pairs for number in reasons):
            raise ValueError("a number is out of range")
        return cls([number for number in range(pairs) if number not in reasons], reasons)

    def sentence(self) -> str:
        """How many are left out and why; empty when none is."""
        if not self.reasons:
            return ""
        counts = ", ".join(f"{n} {why}" for why, n in Counter(self.reasons.values()).most_common())
        total = len(self.numbers) + len(self.reasons)
        return f"{len(self.reasons)} of {total} frames are left out: {counts}."


class FrameCheck:
    """Looks at the frames of one clip, in order, then says which are usable."""

    def __init__(self, plate: Rgb) -> None:
        """`plate`: the clip's clean plate."""
        height, width = plate.shape[:2]
        factor = min(1.0, SIDE / max(width, height))
        self._size = (max(1, round(width * factor)), max(1, round(height * factor)))
        self._plate = _small(plate, self._size)
        self._unexplained: list[float] = []

    def add(self, rgb: Rgb, labels: Labels) -> None:
        """The next frame, of the plate's size."""
        small = _small(rgb, self._size)
        mask = cv2.resize(labels, self._size, interpolation=cv2.INTER_NEAREST) > 0
        kernel = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
        around = np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0
        gain = light(small, self._plate, around.astype(np.uint8))
        away = np.abs(small / gain - self._plate).max(axis=2)
        # Only what hangs together with the dancer: a door far away is another matter.
        _, parts = cv2.connectedComponents(((away > DIFFERENT) | around).astype(np.uint8))
        shown = np.isin(parts, np.unique(parts[around])) & ~around
        self._unexplained.append(float(shown.sum() / max(mask.sum(), 1)))

    def usable(self, flags: Sequence[Sequence[str]], seconds: NDArray[np.float64]) -> Usable:
        """What is usable of all frames; `flags` and `seconds` of their pairs."""
        reasons = {
            number: _FLAGS[flag]
            for number, found in enumerate(flags)
            for flag in found
            if flag in _FLAGS
        }
        # Where most frames are cropped the dancer chose to be: a booth shows half a body.
        for flag in _FLAGS.values():
            having = [number for number, why in reasons.items() if why == flag]
            if len(having) > len(flags) / 2:
                reasons = {number: why for number, why in reasons.items() if why != flag}
        unexplained = np.array(self._unexplained)
        bad = np.flatnonzero(unexplained > np.median(unexplained) + UNEXPLAINED)
        if len(bad) > len(flags) / 2:
            bad = bad[:0]  # The background moves: nothing can be said.
        for time in seconds[bad]:
            near = np.abs(seconds - time) <= AROUND_SECONDS
            reasons.update({int(one): UNCLEAR for one in np.flatnonzero(near)})
        numbers = [number for number in range(len(flags)) if number not in reasons]
        return Usable(numbers, reasons)


def _small(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
