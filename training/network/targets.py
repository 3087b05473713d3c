"""What the heads of a student should say about a labelled picture, and where nobody knows.

Targets after Papandreou et al., "PersonLab" (ECCV 2018), sections 3.1 and 3.2: disks for the
heatmaps, offsets inside of the disks, long offsets at every pixel of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.body import POSE_TREE
from training.network.labelled import MAYBE, UNKNOWN, Labelled
from training.network.student import BODY_STRIDE, POSE_STRIDE

RADIUS = 12.0
"""Of the disks around key points, input pixels."""

KEYPOINTS = 17
EDGES = len(POSE_TREE)
_PARENTS = np.array([parent for parent, _ in POSE_TREE])
_CHILDREN = np.array([child for _, child in POSE_TREE])

Reals = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Targets:
    """Of one picture; offsets are `NaN` where there is nothing to learn."""

    person: Bytes
    """`[rows, columns]` at stride 4: 0, 1 or `UNKNOWN`."""
    parts: Bytes
    """The same: part id 0..23 inside of people, else `UNKNOWN`."""
    heatmaps: Bytes
    """`[17, rows, columns]` at stride 8: 0, 1 or `UNKNOWN`."""
    short_offsets: Reals
    """`[34, rows, columns]`, input pixels, BodyPix's channel order."""
    mid_offsets: Reals
    """`[64, rows, columns]`."""
    long_offsets: Reals
    """`[34, rows, columns]`."""


def targets_of(item: Labelled) -> Targets:
    """The targets of a picture whose sides are multiples of 32."""
    body = item.people[::BODY_STRIDE, ::BODY_STRIDE]
    person = np.where(body >= MAYBE, UNKNOWN, body > 0).astype(np.uint8)
    parts = item.parts[::BODY_STRIDE, ::BODY_STRIDE]
    inside = (person == 1) & (parts != UNKNOWN) & (parts > 0)
    owners = item.people[::POSE_STRIDE, ::POSE_STRIDE]
    keypoints = _in_picture(item)
    nearest = _disks(keypoints, owners.shape)
    return Targets(
        person,
        np.where(inside, parts - 1, UNKNOWN).astype(np.uint8),
        _heatmaps(nearest, item.keypoints, owners),
        _short(nearest, keypoints),
        _mid(nearest, keypoints),
        _long(owners, keypoints),
    )


def _in_picture(item: Labelled) -> Reals:
    """Key points with 1 where known and in the picture, else 0."""
    height, width = item.people.shape
    keypoints = item.keypoints.copy()
    x, y = keypoints[..., 0], keypoints[..., 1]
    keypoints[..., 2] *= (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return keypoints


def _cells(shape: tuple[int, ...]) -> tuple[Reals, Reals]:
    rows, columns = np.meshgrid(
        np.arange(shape[0], dtype=np.float32), np.arange(shape[1], dtype=np.float32), indexing="ij"
    )
    return columns * POSE_STRIDE, rows * POSE_STRIDE


def _disks(keypoints: Reals, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """`[17, rows, columns]`: which person's key point each cell is nearest to and near; else -1."""
    nearest = np.full((KEYPOINTS, *shape), -1)
    least = np.full((KEYPOINTS, *shape), RADIUS, np.float32)
    x, y = _cells(shape)
    for number, points in enumerate(keypoints):
        for keypoint in np.flatnonzero(points[:, 2] > 0):
            away = np.hypot(x - points[keypoint, 0], y - points[keypoint, 1])
            nearer = away <= least[keypoint]
            nearest[keypoint][nearer] = number
            least[keypoint][nearer] = away[nearer]
    return nearest


def _heatmaps(nearest: NDArray[np.int64], keypoints: Reals, owners: Bytes) -> Bytes:
    """A key point that is not known of somebody may be anywhere on that person."""
    heatmaps = (nearest >= 0).astype(np.uint8)
    for keypoint in range(KEYPOINTS):
        doubtful = owners == UNKNOWN
        for number in np.flatnonzero(keypoints[:, keypoint, 2] == 0):
            doubtful |= (owners == number + 1) | (owners == MAYBE)
        heatmaps[keypoint][doubtful & (nearest[keypoint] < 0)] = UNKNOWN
    return heatmaps


def _short(nearest: NDArray[np.int64], keypoints: Reals) -> Reals:
    short = np.full((2 * KEYPOINTS, *nearest.shape[1:]), np.nan, np.float32)
    x, y = _cells(nearest.shape[1:])
    for keypoint in range(KEYPOINTS):
        near = nearest[keypoint] >= 0
        points = keypoints[nearest[keypoint][near], keypoint]
        short[keypoint][near] = points[:, 1] - y[near]
        short[KEYPOINTS + keypoint][near] = points[:, 0] - x[near]
    return short


def _mid(nearest: NDArray[np.int64], keypoints: Reals) -> Reals:
    mid = np.full((4 * EDGES, *nearest.shape[1:]), np.nan, np.float32)
    x, y = _cells(nearest.shape[1:])
    for first, starts, ends in ((0, _PARENTS, _CHILDREN), (2 * EDGES, _CHILDREN, _PARENTS)):
        for edge, (start, end) in enumerate(zip(starts, ends, strict=True)):
            owners = nearest[start]
            near = owners >= 0
            near[near] = keypoints[owners[near], end, 2] > 0
            points = keypoints[owners[near], end]
            mid[first + edge][near] = points[:, 1] - y[near]
            mid[first + EDGES + edge][near] = points[:, 0] - x[near]
    return mid


def _long(owners: Bytes, keypoints: Reals) -> Reals:
    long = np.full((2 * KEYPOINTS, *owners.shape), np.nan, np.float32)
    x, y = _cells(owners.shape)
    for number, points in enumerate(keypoints):
        mine = owners == number + 1
        for keypoint in np.flatnonzero(points[:, 2] > 0):
            long[keypoint][mine] = points[keypoint, 1] - y[mine]
            long[KEYPOINTS + keypoint][mine] = points[keypoint, 0] - x[mine]
    return long
