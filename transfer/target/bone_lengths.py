"""How long somebody's limbs and how wide their trunk, whatever the camera foreshortens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.skeleton import MIN_SCORE, body_scale
from transfer.target.pose_space import NECK, PELVIS, with_middles

Reals = NDArray[np.float32]

MEASURED: tuple[tuple[tuple[int, int], ...], ...] = (
    ((5, 7), (6, 8)), ((7, 9), (8, 10)), ((11, 13), (12, 14)), ((13, 15), (14, 16)),
    ((5, 6),), ((11, 12),), ((NECK, PELVIS),),
)  # fmt: skip
"""Upper arms, forearms, thighs, shins; shoulders, hips, trunk: key points of their ends, of both
sides together."""
LONGEST = 0.9
"""A limb is seldom seen at full length, and at times too long: this quantile is its length."""
LEAST_SEEN = 10
"""Times that a limb must be seen."""


def bone_lengths(keypoints: Reals) -> Reals:
    """`[7]`, as `MEASURED`, in body heights, from poses `[n, 17, 3]`; 0: hardly ever seen."""
    scales = np.array([body_scale(pose) for pose in keypoints], np.float32)
    points = with_middles(keypoints)
    lengths = np.zeros(len(MEASURED), np.float32)
    for number, bones in enumerate(MEASURED):
        seen = []
        for first, second in bones:
            there = points[:, [first, second], 2].min(axis=1) >= MIN_SCORE
            way = points[there, second, :2] - points[there, first, :2]
            seen.append(np.hypot(way[:, 0], way[:, 1]) / scales[there])
        both = np.concatenate(seen)
        if len(both) >= LEAST_SEEN:
            lengths[number] = np.quantile(both, LONGEST)
    return lengths
