"""Picture of one dancer to picture of another: pairs of the same pose, found by nearest poses.

"pics2pics" of "Generative Models for Pose Transfer" (Berkeley 2018).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.transfer_data import Augment, Example, Random, TransferData
from transfer.pose_space import PoseIndex
from transfer.target import Target

SEEDS = 2**63 - 1


class DirectData:
    """Frames of a target, each with the source's picture of the nearest pose instead of limbs."""

    def __init__(
        self, data: TransferData, target: Target, source: TransferData, of: Target
    ) -> None:
        """`data` is of `target`, `source` of the dataset `of`."""
        self._data, self._source = data, source
        numbers = [one.number for one in source.kept]
        index = PoseIndex(of.keypoints[numbers], of.seconds[numbers])
        self.matches = [
            int(index.distances(target.keypoints[one.number]).argmin()) for one in data.kept
        ]
        """Of each frame of the target, the place in `source`."""

    def __len__(self) -> int:
        return len(self._data)

    def examples(self, place: int, augment: Augment, random: Random) -> list[Example]:
        """The `place`-th frame and the source's picture, both moved and mirrored alike."""
        seed = int(random.integers(SEEDS))
        ours = self._data.examples(place, augment, np.random.default_rng(seed))
        theirs = self._source.examples(self.matches[place], augment, np.random.default_rng(seed))
        return [
            replace(own, parts=other.mask, limbs=other.rgb * other.mask[..., None])
            for own, other in zip(ours, theirs, strict=True)
        ]
