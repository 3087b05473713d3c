"""What a target never showed of their body: a generator that never saw it cannot draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels
from inference.body import LABEL_NAMES
from inference.skeleton import MIN_SCORE

LEAST_AREA = 0.002
"""Share of the dancer's pixels from which a part is shown in a frame; less is a slip."""
LEAST_FRAMES = 0.01
"""Share of the frames in which a part or a key point must be seen."""
LIMBS = {
    "face": "face", "arm": "arms", "hand": "hands", "torso": "torso", "leg": "legs", "feet": "feet",
}  # fmt: skip
"""Word in the names of parts: what people call them."""


@dataclass(frozen=True, slots=True)
class UnseenParts:
    """Class ids 1..24 of the parts, and key points 0..16, that were never seen."""

    parts: tuple[int, ...] = ()
    keypoints: tuple[int, ...] = ()

    @classmethod
    def of(cls, label_maps: Sequence[Labels], keypoints: NDArray[np.float32]) -> UnseenParts:
        """Of a target's frames: some of their label maps, key points `[frames, 17, 3]`."""
        return cls.of_counts(
            [np.bincount(one.ravel(), minlength=256) for one in label_maps], keypoints
        )

    @classmethod
    def of_counts(
        cls, pixels: Sequence[NDArray[np.int64]], keypoints: NDArray[np.float32]
    ) -> UnseenParts:
        """The same from how many pixels of each label `[256]` the maps hold."""
        counts = np.array(pixels)[:, 1:25]
        dancers = counts.sum(axis=1, keepdims=True)
        often = (counts > LEAST_AREA * dancers).mean(axis=0)
        seen = (keypoints[..., 2] >= MIN_SCORE).mean(axis=0)
        return cls(
            tuple(int(part) + 1 for part in np.flatnonzero(often < LEAST_FRAMES)),
            tuple(int(point) for point in np.flatnonzero(seen < LEAST_FRAMES)),
        )

    def removed(self, labels: Labels, keypoints: Keypoints) -> tuple[Labels, Keypoints]:
        """A source's label map and key points `[17, 3]` without them.

        The back of a limb of which only the front was seen becomes its front, and so the other way
        round.
        """
        if self.parts:
            table = np.arange(256, dtype=np.uint8)
            for part in self.parts:
                table[part] = self._instead(part)
            labels = np.asarray(cv2.LUT(labels, table), np.uint8)
        if self.keypoints:
            keypoints = keypoints.copy()
            keypoints[list(self.keypoints), 2] = 0
        return labels, keypoints

    def sentence(self, title: str) -> str:
        """What will not be drawn; empty when all was seen."""
        missing = [
            called
            for word, called in LIMBS.items()
            if all(
                part in self.parts and not self._instead(part)
                for part, name in enumerate(LABEL_NAMES)
                if word in name
            )
        ]
        if not missing:
            return ""
        limbs = " and ".join([", ".join(missing[:-1])] * (len(missing) > 1) + missing[-1:])
        return (
            f"{title} was never seen with {limbs}: where a source shows them nothing is drawn. "
            "Capture them as well if they are wanted."
        )

    def _instead(self, part: int) -> int:
        """The other side of a part that was never seen; 0, the background, when that neither."""
        front, back = "_front", "_back"
        name = LABEL_NAMES[part]
        other = name.replace(front, back) if front in name else name.replace(back, front)
        there = LABEL_NAMES.index(other)
        return 0 if there in self.parts else there
