"""From heads to people: part-based decoding of several poses.

Papandreou et al., "PersonLab" (ECCV 2018), sections 3.1 and 3.2: every confident local maximum of
a heatmap may be the root of a person; from the root one walks the tree of limbs along the mid-range
offsets, each step refined by the short-range offsets, and non-maximum suppression keeps one pose a
person. Key points are decoded most confident first, so that a hidden one never misleads the rest.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Head, Heads, Person
from inference.body import POSE_TREE
from inference.voting import voted

KEYPOINTS = 17
EDGES = len(POSE_TREE)
REFINEMENT_STEPS = 5
"""How often a key point is moved by the short offsets under it at most."""
SETTLED = 0.25
"""Input pixels: a step so short is the last."""
NMS_RADIUS = 20.0
"""Input pixels within which two key points of one kind are the same one (BodyPix's default)."""
SMALLEST = 2.0
"""A pose that is no larger, in `NMS_RADIUS`, is a speck that no limb can be told in."""
BODY = 0.1
"""Share of a pose's key points, by their scores, that must lie on a person's pixels."""
BESIDE = 0.35
"""Share of the best person's score that everybody else must reach: a faint pose in leaves beside
somebody who is clearly seen is no person, though alone in the frame it might be one."""
SAME = 6
"""Two poses that have so many key points in common are the same person's."""
SURER = 0.15
"""By how much better another walk's key point must be scored to be taken in."""
HELD = 0.15
"""...and the key point it hangs on, by either walk."""
VISIBLE = 0.3
"""Score from which a key point counts as seen (BodyPix's `minKeypointScore`)."""

_Step = tuple[int, int, int, int]
"""Target key point, edge, first y channel, first x channel of the mid offsets to follow."""


def _steps() -> tuple[tuple[_Step, ...], ...]:
    """For each key point, the steps to its neighbours in the tree, outwards and back."""
    steps: list[list[_Step]] = [[] for _ in range(KEYPOINTS)]
    for edge, (parent, child) in enumerate(POSE_TREE):
        steps[parent].append((child, edge, 0, EDGES))
        steps[child].append((parent, edge, 2 * EDGES, 3 * EDGES))
    return tuple(tuple(each) for each in steps)


_STEPS = _steps()


@dataclass(frozen=True, slots=True)
class _Field:
    """A head that can be read between its cells."""

    values: memoryview
    """All of them, flat: single ones are read from it faster than from an array."""
    shape: tuple[int, int, int]
    scale: float
    zero_point: int

    @classmethod
    def of(cls, head: Head) -> _Field:
        rows, columns, channels = head.values.shape
        flat = np.ascontiguousarray(head.values).reshape(-1)
        return cls(flat.data, (rows, columns, channels), head.scale, head.zero_point)

    def at(self, x: float, y: float, first: int, second: int) -> tuple[float, float]:
        """Real values of two channels at grid position (x, y), bilinear, clamped to the grid."""
        rows, columns, cell = self.shape
        left, top = int(x), int(y)
        across, down = x - left, y - top
        if x <= 0.0:
            left, across = 0, 0.0
        elif left >= columns - 1:
            left, across = columns - 1, 0.0
        if y <= 0.0:
            top, down = 0, 0.0
        elif top >= rows - 1:
            top, down = rows - 1, 0.0
        here = (top * columns + left) * cell
        right = here + cell if across else here
        step = cell * columns if down else 0
        below, opposite = here + step, right + step
        both = across * down
        one, other = across - both, down - both
        rest = 1.0 - across - other
        read, zero, scale = self.values, self.zero_point, self.scale
        a = read[here + first] * rest + read[right + first] * one
        a += read[below + first] * other + read[opposite + first] * both
        b = read[here + second] * rest + read[right + second] * one
        b += read[below + second] * other + read[opposite + second] * both
        return (a - zero) * scale, (b - zero) * scale


@dataclass(frozen=True, slots=True)
class _Grid:
    """The three pose heads and their stride, in grid units."""

    heatmaps: _Field
    short: _Field
    mid: _Field
    stride: int

    def refined(self, keypoint: int, x: float, y: float, steps: int) -> tuple[float, float]:
        """Follow the short offsets of one key point from grid position (x, y)."""
        rows, columns, _ = self.heatmaps.shape
        for _ in range(steps):
            dy, dx = self.short.at(x, y, keypoint, KEYPOINTS + keypoint)
            x = min(max(x + dx / self.stride, 0.0), columns - 1.0)
            y = min(max(y + dy / self.stride, 0.0), rows - 1.0)
            if abs(dx) + abs(dy) < SETTLED:
                break
        return x, y

    def neighbour(self, step: _Step, x: float, y: float) -> tuple[float, float]:
        """Walk along a limb from (x, y) to the key point at its other end."""
        target, edge, y_channel, x_channel = step
        dy, dx = self.mid.at(x, y, y_channel + edge, x_channel + edge)
        return self.refined(target, x + dx / self.stride, y + dy / self.stride, REFINEMENT_STEPS)

    def score(self, keypoint: int, x: float, y: float) -> float:
        """How sure the heatmap is of this key point at (x, y), 0..1."""
        return _sigmoid(self.heatmaps.at(x, y, keypoint, keypoint)[0])


def decode_people(
    heads: Heads, max_people: int = 10, root_threshold: float = 0.3, min_score: float = 0.2
) -> list[Person]:
    """Everybody in a frame, best first.

    `root_threshold`: score 0..1 that at least one key point of a person must reach.
    `min_score`: mean score of a pose's 17 key points (those that it shares with a better pose
    count nothing) below which it is no person; beside a better one, `BESIDE` counts as well. Key
    points are in pixels of the frame.
    """
    grid = _Grid(
        _Field.of(heads.heatmaps),
        _Field.of(heads.short_offsets),
        _Field.of(heads.mid_offsets),
        heads.placement.stride,
    )
    radius = NMS_RADIUS / grid.stride
    poses: list[NDArray[np.float64]] = []
    for keypoint, column, row in _roots(heads.heatmaps, root_threshold):
        if any(_near(pose, keypoint, column, row, radius) for pose in poses):
            continue
        x, y = grid.refined(keypoint, column, row, REFINEMENT_STEPS)
        if any(_near(pose, keypoint, x, y, radius) for pose in poses):
            continue
        poses.append(_decode(grid, keypoint, x, y))
        if len(poses) >= 2 * max_people:
            break
    return _suppressed(poses, heads, radius, min_score)[:max_people]


def _roots(heatmaps: Head, threshold: float) -> list[tuple[int, int, int]]:
    """Key point, column, row of each local maximum (3x3) above `threshold`, best first."""
    values = heatmaps.values
    least = math.log(threshold / (1 - threshold)) / heatmaps.scale + heatmaps.zero_point
    if values.dtype == np.int8:
        values, least = values.view(np.uint8) ^ np.uint8(128), least + 128
    highest = cv2.dilate(values, np.ones((3, 3), np.uint8))
    rows, columns, keypoints = np.nonzero((values >= highest) & (values >= least))
    order = np.argsort(-values[rows, columns, keypoints].astype(np.float32), kind="stable")
    return [(int(keypoints[index]), int(columns[index]), int(rows[index])) for index in order]


def _decode(grid: _Grid, root: int, x: float, y: float) -> NDArray[np.float64]:
    """A whole pose from one key point: `[17, 3]`, x, y in grid units, score."""
    pose = np.zeros((KEYPOINTS, 3))
    done: set[int] = set()
    queue = [(-grid.score(root, x, y), root, x, y)]
    while queue:
        score, keypoint, x, y = heapq.heappop(queue)
        if keypoint in done:
            continue
        done.add(keypoint)
        pose[keypoint] = x, y, -score
        for step in _STEPS[keypoint]:
            if step[0] not in done:
                there = grid.neighbour(step, x, y)
                heapq.heappush(queue, (-grid.score(step[0], *there), step[0], *there))
    return pose


def _near(pose: NDArray[np.float64], keypoint: int, x: float, y: float, radius: float) -> bool:
    return math.hypot(pose[keypoint, 0] - x, pose[keypoint, 1] - y) <= radius


def _completed(poses: list[NDArray[np.float64]], radius: float) -> list[NDArray[np.float64]]:
    """With the key points that other walks over the same person, from another root, found better.

    `poses`: best first.
    """
    completed: list[NDArray[np.float64]] = []
    for pose in poses:
        for better in completed:
            apart = np.hypot(*(better[:, :2] - pose[:, :2]).T) > radius
            if KEYPOINTS - apart.sum() >= SAME:
                surer = apart & (pose[:, 2] > better[:, 2] + SURER)
                for parent, child in ((0, 0), *POSE_TREE):
                    # What looks like an ankle is none on a body whose knee nobody has found.
                    if surer[child] and max(better[parent, 2], pose[parent, 2]) >= HELD:
                        better[child] = pose[child]
                break
        completed.append(pose)
    return completed


def _suppressed(
    poses: list[NDArray[np.float64]], heads: Heads, radius: float, min_score: float
) -> list[Person]:
    """Poses that stand when each key point counts for the best pose only, best first."""
    poses = _completed(sorted(poses, key=lambda pose: -pose[:, 2].mean()), radius)
    people: list[Person] = []
    for index, pose in enumerate(poses):
        alone = np.ones(KEYPOINTS, bool)
        for better in poses[:index]:
            alone &= np.hypot(*(better[:, :2] - pose[:, :2]).T) > radius
        score = float((pose[:, 2] * alone).sum() / KEYPOINTS)
        collapsed = np.ptp(pose[:, :2], axis=0).max() < SMALLEST * radius
        if score < min_score or collapsed or not _has_body(pose, heads):
            continue
        keypoints = np.empty((KEYPOINTS, 3), np.float32)
        places = voted(pose, heads)[:, :2]
        keypoints[:, :2] = heads.placement.to_frame(places * heads.placement.stride)
        keypoints[:, 2] = pose[:, 2]
        people.append(Person(keypoints, score, box_of(keypoints)))
    people.sort(key=lambda person: -person.score)
    return [person for person in people if person.score >= BESIDE * people[0].score]


def _has_body(pose: NDArray[np.float64], heads: Heads) -> bool:
    """Whether anybody is where a pose is: a table may have key points, but no person's pixels.

    `pose`: in cells of the pose heads. True of a network that tells no persons' pixels.
    """
    if heads.segments is None:
        return True
    values, nobody = heads.segments.values[..., 0], heads.segments.zero_point
    step = heads.placement.stride / heads.body_placement.stride
    columns, rows = (pose[:, :2] * step).round().astype(int).T
    shown = [
        bool((values[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] > nobody).any())
        for x, y in zip(columns.tolist(), rows.tolist(), strict=True)
    ]
    return float(pose[shown, 2].sum()) >= BODY * float(pose[:, 2].sum())


def box_of(keypoints: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """x, y, width, height in pixels of the frame around the key points that are seen.

    With fewer than two of them seen, around all.
    """
    seen = keypoints[keypoints[:, 2] >= VISIBLE, :2]
    if len(seen) < 2:
        seen = keypoints[:, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
