"""Picture of one dancer to picture of another: pairs of the same pose, found by nearest poses.

"pics2pics" of "Generative Models for Pose Transfer" (Berkeley 2018).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.performer.data import Augment, Example, Random, TransferData
from transfer.target.pose_space import PoseIndex
from transfer.target.target import Target

SEEDS = 2**63 - 1


class DirectData:
    """Frames of a target, each with the source's picture of the nearest pose instead of limbs."""

    def __init__(
        self,
        data: TransferData,
        target: Target,
        source: TransferData,
        of: Target,
        both_ways: bool,
    ) -> None:
        """`data` is of `target`, `source` of the dataset `of`.

        `both_ways`: each picture of the source is there as well, with the target's nearest pose.
        Few of them are nearest to any pose of the target, but all will have to be drawn.
        """
        self._data, self._source = data, source
        self.pairs = list(enumerate(_nearest(data, target, source, of)))
        """Places in `data` and in `source`."""
        if both_ways:
            back = _nearest(source, of, data, target)
            self.pairs += [(place, number) for number, place in enumerate(back)]

    def __len__(self) -> int:
        return len(self.pairs)

    def examples(self, place: int, augment: Augment, random: Random) -> list[Example]:
        """The `place`-th frame and the source's picture, both moved and mirrored alike."""
        seed = int(random.integers(SEEDS))
        here, there = self.pairs[place]
        ours = self._data.examples(here, augment, np.random.default_rng(seed))
        theirs = self._source.examples(there, augment, np.random.default_rng(seed))
        return [
            replace(own, parts=other.mask, limbs=other.rgb * other.mask[..., None])
            for own, other in zip(ours, theirs, strict=True)
        ]


def _nearest(data: TransferData, target: Target, among: TransferData, of: Target) -> list[int]:
    """Of each frame of `data`, which is of `target`, the place in `among`, which is of `of`."""
    numbers = [one.number for one in among.kept]
    index = PoseIndex(of.keypoints[numbers], of.seconds[numbers])
    return [int(index.distances(target.keypoints[one.number]).argmin()) for one in data.kept]
