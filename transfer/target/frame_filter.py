"""Which pairs of a dataset show the dancer well enough to be learnt from or shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels, Rgb
from transfer.target.blurred_heads import blurred_heads, head_sharpness
from transfer.target.plate import light

VERSION = 2
"""Of the rules: what was found by others is found anew."""
SIDE = 256
"""Longer side of the pictures that are compared, pixels."""
MARGIN = 4
"""Around the mask, pixels of those: hair, shoes and shadows."""
DIFFERENT = 28
"""Of 255: a pixel so far from the plate shows something."""
UNEXPLAINED = 0.05
"""As a share of the dancer's area, above the clip's median: a limb is not masked, somebody else is
there, or a second picture shines through."""
DIM = 16
"""Of 255: so far from the plate is what shines through, and more than noise."""
FADED = 0.87
"""Share of their usual contrast with the plate that dancers keep, however they turn. In a dissolve
two half transparent ones cover more of it with less."""
USUAL = 15
"""Frames before and after whose median is usual."""
AROUND_SECONDS = 0.07
"""Before and after such a frame as much is left out: a dissolve fades in and out."""

BLUR, CROPPED, UNCLEAR = "blurred", "cropped", "badly masked or double exposed"
_FLAGS = {"blur": BLUR, "cropped": CROPPED}


@dataclass(frozen=True, slots=True)
class UsableFrames:
    """Numbers of the pairs that are fit for use, and why the others are not."""

    numbers: list[int]
    reasons: dict[int, str]
    """By number of the pair."""

    def to_json(self) -> dict[str, Any]:
        """The reasons, and by which rules they were found."""
        reasons = {str(number): why for number, why in self.reasons.items()}
        return {"version": VERSION, "left_out": reasons}

    @classmethod
    def from_json(cls, data: dict[str, Any], pairs: int) -> UsableFrames:
        """Of so many pairs; `ValueError` or `KeyError` when it is not by today's rules."""
        if data["version"] != VERSION:
            raise ValueError("by other rules")
        reasons = {int(number): str(why) for number, why in data["left_out"].items()}
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
        self._contrast: list[float] = []
        self._heads: list[float] = []

    def add(self, rgb: Rgb, labels: Labels) -> None:
        """The next frame, of the plate's size."""
        self._heads.append(head_sharpness(rgb, labels))
        small = _small(rgb, self._size)
        mask = cv2.resize(labels, self._size, interpolation=cv2.INTER_NEAREST) > 0
        kernel = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
        around = np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0
        gain = light(small, self._plate, around.astype(np.uint8))
        away = np.abs(small / gain - self._plate).max(axis=2)
        beside = _together(away > DIFFERENT, around) & ~around
        self._unexplained.append(float(beside.sum() / max(mask.sum(), 1)))
        shown = _together(away > DIM, around) & (away > DIM)
        self._contrast.append(float(away[shown].mean()) if shown.any() else 0.0)

    def usable(
        self, flags: Sequence[Sequence[str]], seconds: NDArray[np.float64], keypoints: Keypoints
    ) -> UsableFrames:
        """What is usable of all frames; `flags`, `seconds` and `keypoints` of their pairs."""
        reasons = flagged(flags)
        for number in blurred_heads(np.array(self._heads), keypoints).tolist():
            reasons.setdefault(number, BLUR)
        unexplained = np.array(self._unexplained)
        bad = np.flatnonzero(unexplained > np.median(unexplained) + UNEXPLAINED)
        if len(bad) > len(flags) / 2:
            bad = bad[:0]  # The background moves: nothing can be said.
        for time in seconds[np.union1d(bad, self._faded())]:
            near = np.abs(seconds - time) <= AROUND_SECONDS
            reasons.update({int(one): UNCLEAR for one in np.flatnonzero(near)})
        numbers = [number for number in range(len(flags)) if number not in reasons]
        return UsableFrames(numbers, reasons)

    def _faded(self) -> NDArray[np.intp]:
        """Numbers of the frames in which the dancer has less contrast than before and after."""
        contrast = np.array(self._contrast)
        windows = sliding_window_view(np.pad(contrast, USUAL, mode="edge"), 2 * USUAL + 1)
        usual = np.median(windows, axis=1)
        return np.flatnonzero((contrast > 0) & (contrast < FADED * usual))


def flagged(flags: Sequence[Sequence[str]]) -> dict[int, str]:
    """Why frames are left out for the flags that they got when they were captured, by number."""
    reasons = {
        number: _FLAGS[flag]
        for number, found in enumerate(flags)
        for flag in found
        if flag in _FLAGS
    }
    # Where most frames are cropped the dancer chose to be: a booth shows half a body.
    for why in _FLAGS.values():
        having = [number for number, one in reasons.items() if one == why]
        if len(having) > len(flags) / 2:
            reasons = {number: one for number, one in reasons.items() if one != why}
    return reasons


def _together(seen: NDArray[np.bool_], around: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The dancer's surroundings and what of `seen` hangs together with them: a door far away is
    another matter."""
    _, parts = cv2.connectedComponents((seen | around).astype(np.uint8))
    return np.isin(parts, np.unique(parts[around]))


def _small(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
