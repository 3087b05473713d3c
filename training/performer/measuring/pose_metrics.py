"""How well a picture shows the pose it should, seen with the program's own eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.analyzer import Analyzer
from inference.arrays import Keypoints, Rgb
from inference.pool import NetworkPool
from inference.skeleton import MIN_SCORE, body_scale

FOUND = 0.1
"""A key point within this share of the body's height of where it should be is right (PCK@0.1)."""


class Eyes:
    """Looks at one clip's pictures and follows its dancer."""

    def __init__(self, pool: NetworkPool) -> None:
        self._analyzer = Analyzer(pool)

    def predict(self, rgb: Rgb, time_s: float) -> Keypoints | None:
        """The dancer's key points in this very picture, not smoothed; None: nobody is seen."""
        person = self._analyzer.analyse(rgb, time_s).person
        return None if person is None else person.keypoints


@dataclass(frozen=True, slots=True)
class PoseDifference:
    """Of one picture."""

    distance: float | None
    """Mean over the key points that are seen in both, in body heights; None when there are none."""
    right: float
    """Share of the wanted key points that are where they should be (`FOUND`)."""
    missed: int
    """Wanted key points that are not seen (Chan et al., "Everybody Dance Now", ICCV 2019, table 4:
    "number of missed detections")."""


def pose_difference(wanted: Keypoints, generated: Keypoints | None) -> PoseDifference | None:
    """Compare poses wherever and however large they stand; None when nothing is wanted.

    `generated` is shifted and scaled so that it lies on `wanted` as well as it can.
    """
    asked = wanted[:, 2] >= MIN_SCORE
    if not asked.any():
        return None
    if generated is None:
        return PoseDifference(None, 0.0, int(asked.sum()))
    both = asked & (generated[:, 2] >= MIN_SCORE)
    if not both.any():
        return PoseDifference(None, 0.0, int(asked.sum()))
    away = _away(wanted[both, :2], generated[both, :2]) / body_scale(wanted)
    return PoseDifference(
        float(away.mean()),
        float((away <= FOUND).sum() / asked.sum()),
        int((asked & ~both).sum()),
    )


def _away(wanted: NDArray[np.float32], generated: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distances after the shift and the scale that make the sum of their squares least."""
    theirs, ours = wanted - wanted.mean(axis=0), generated - generated.mean(axis=0)
    spread = float((ours**2).sum())
    scale = max(float((theirs * ours).sum()) / spread, 0.0) if spread > 0 else 1.0
    return np.asarray(np.linalg.norm(scale * ours - theirs, axis=1), np.float32)
