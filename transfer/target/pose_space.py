"""Poses as limb directions: what two people of different size and place have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints

Reals = NDArray[np.float32]

NECK, PELVIS = 17, 18
"""Numbers of the middles of shoulders and hips, behind COCO's key points."""

LIMBS: tuple[tuple[int, int, float], ...] = (
    (PELVIS, NECK, 1.5), (NECK, 0, 0.5),
    (5, 7, 1.0), (7, 9, 1.2), (6, 8, 1.0), (8, 10, 1.2),
    (11, 13, 1.0), (13, 15, 1.0), (12, 14, 1.0), (14, 16, 1.0),
)  # fmt: skip
"""From joint, to joint, importance."""

WIDTHS: tuple[tuple[int, int, float], ...] = ((6, 5, 2.0), (12, 11, 1.0), (4, 3, 0.5))
"""Shoulders, hips and ears, right to left: measured by the torso they tell which way somebody
faces."""

VELOCITY_SECONDS = 0.1
"""A limb's change in so many seconds counts like a difference of direction..."""
VELOCITY_WEIGHT = 0.3
"""...times this."""

_FROM = np.array([limb[0] for limb in (*LIMBS, *WIDTHS)])
_TO = np.array([limb[1] for limb in (*LIMBS, *WIDTHS)])
_IMPORTANCE = np.array([limb[2] for limb in (*LIMBS, *WIDTHS)], np.float32)
_FLOOR = 1e-3


@dataclass(frozen=True, slots=True)
class PoseVectors:
    """Directions of the limbs of one pose or of many."""

    values: Reals
    """`[..., limbs, 2]`: unit vectors; widths as shares of the torso's length."""
    weights: Reals
    """`[..., limbs]`, 0..1: importance times the lesser score of both ends."""


def pose_vectors(keypoints: Keypoints | Reals) -> PoseVectors:
    """`[..., 17, 3]` key points to the directions of limbs."""
    points = with_middles(keypoints)
    along = points[..., _TO, :2] - points[..., _FROM, :2]
    scores = np.minimum(points[..., _TO, 2], points[..., _FROM, 2]).clip(0, 1)
    lengths = np.linalg.norm(along, axis=-1)
    sizes = lengths.copy()
    # A limb that points at the camera has hardly a direction.
    sizes[..., len(LIMBS) :] = np.maximum(lengths[..., :1], _FLOOR)
    values = along / np.maximum(sizes, _FLOOR)[..., None]
    values[..., len(LIMBS) :, :] = values[..., len(LIMBS) :, :].clip(-1, 1)
    return PoseVectors(values.astype(np.float32), (scores * _IMPORTANCE).astype(np.float32))


def with_middles(keypoints: Keypoints | Reals) -> Reals:
    """Key points `[..., 17, 3]` and the middles of shoulders and hips, `[..., 19, 3]`."""
    middles = []
    for left, right in ((5, 6), (11, 12)):
        pair = keypoints[..., [left, right], :]
        middle = pair.mean(axis=-2)
        middle[..., 2] = pair[..., 2].min(axis=-1)
        middles.append(middle)
    return np.concatenate([keypoints, np.stack(middles, axis=-2)], axis=-2).astype(np.float32)


def velocities(vectors: Reals, seconds: NDArray[np.float64]) -> Reals:
    """Change of `[frames, limbs, 2]` from frame to frame, in `VELOCITY_SECONDS`."""
    if len(vectors) < 2:
        return np.zeros_like(vectors)
    steps = np.maximum(np.diff(seconds), 1e-3)[:, None, None]
    change = np.diff(vectors, axis=0) / steps * VELOCITY_SECONDS
    return np.concatenate([change[:1], change]).astype(np.float32)


class PoseIndex:
    """All poses of a target, to be searched for those nearest to another person's."""

    def __init__(self, keypoints: Reals, seconds: NDArray[np.float64]) -> None:
        """Key points `[frames, 17, 3]`, best smoothed and imputed; `seconds`, rising."""
        vectors = pose_vectors(keypoints)
        self._values = vectors.values
        self._velocities = velocities(vectors.values, seconds)
        self._weights = vectors.weights

    def __len__(self) -> int:
        return len(self._values)

    def distances(self, keypoints: Keypoints, velocity: Reals | None = None) -> Reals:
        """`[frames]`: how far each pose is from this one; 0 is the same, 4 the opposite.

        Limbs count by the product of both scores. `velocity` as by `velocities`, `[limbs, 2]`.
        """
        wanted = pose_vectors(keypoints)
        weights = self._weights * wanted.weights
        away = np.square(self._values - wanted.values).sum(axis=-1)
        if velocity is not None:
            away += VELOCITY_WEIGHT * np.square(self._velocities - velocity).sum(axis=-1)
        total = weights.sum(axis=-1)
        mean = (weights * away).sum(axis=-1) / np.maximum(total, _FLOOR)
        # What shares no limb with the pose says nothing about it.
        known = total / max(float(np.square(wanted.weights).sum()), _FLOOR)
        return np.asarray(mean + 0.5 * (1 - known.clip(0, 1)), np.float32)
