"""Somebody who stands still for two seconds: their size and lengths are known at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints
from inference.skeleton import MIN_SCORE, body_scale
from transfer.errors import TransferError
from transfer.target.pose_space import Reals

SECONDS = 2.0
"""So long somebody is looked at."""
LEAST_POSES = 10
THERE = 0.7
"""Somebody, and their feet or both shoulders, must be seen in at least this share of the frames."""
MOVED = 0.06
"""Who stands still keeps each joint within so many body heights of its middle place..."""
STILL = 0.9
"""...in this share of the frames."""
_JOINTS = np.array([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
_SHOULDERS, _ANKLES = np.array([5, 6]), np.array([15, 16])


class NotStill(TransferError):
    """Why two seconds told nothing; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Poses of somebody who stood still."""

    keypoints: Reals
    """`[n, 17, 3]`, pixels of the source's picture."""
    seconds: NDArray[np.float64]
    """`[n]`, when."""

    @classmethod
    def of(cls, poses: Sequence[Keypoints | None], seconds: Sequence[float]) -> Standing:
        """From each frame's key points, None where nobody was seen.

        Raises `NotStill` when too little was seen, or too much moved.
        """
        there = [number for number, pose in enumerate(poses) if pose is not None]
        if len(there) < LEAST_POSES and len(poses) < LEAST_POSES:
            raise NotStill("Too few pictures came in those two seconds. Try again.")
        if len(there) < max(LEAST_POSES, THERE * len(poses)):
            raise NotStill("Nobody was seen. Step into the picture and try again.")
        keypoints = np.stack([pose for pose in poses if pose is not None])
        seen = keypoints[:, :, 2] >= MIN_SCORE
        # Before a booth's camera nobody shows feet; shoulders are matched then.
        anchored = seen[:, _ANKLES].any(axis=1) | seen[:, _SHOULDERS].all(axis=1)
        if anchored.mean() < THERE:
            raise NotStill(
                "Neither your feet nor your shoulders were seen. Step back and try again."
            )
        if _moved(keypoints) > MOVED:
            raise NotStill("You moved. Stand still, arms a little away, and try again.")
        return cls(keypoints, np.array([seconds[number] for number in there]))


def _moved(keypoints: Reals) -> float:
    """How far the joint that moves most goes from its middle place, in body heights."""
    height = float(np.median([body_scale(pose) for pose in keypoints]))
    farthest = 0.0
    for joint in _JOINTS:
        seen = keypoints[:, joint, 2] >= MIN_SCORE
        if seen.mean() < THERE:
            continue
        places = keypoints[seen, joint, :2]
        away = np.linalg.norm(places - np.median(places, axis=0), axis=1)
        farthest = max(farthest, float(np.quantile(away, STILL)) / height)
    return farthest
