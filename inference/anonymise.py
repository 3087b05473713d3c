"""Hiding faces: where heads are, and blurring them beyond recognition.

In doubt something is hidden that need not be: a face that shows is the worse mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inference.analysis import Analysis
from inference.arrays import Keypoints
from inference.body import FACE_LABELS
from inference.drawing import Plane, Planes, Region, as_plane, blend, halve

_HEAD = slice(0, 5)
_LOW_SCORE = 0.1
"""Key points of the head count from here on: far lower than what is good enough to be drawn."""

_CELLS = 5
"""A hidden head is no finer than so many cells across: too few for a person or a network."""

_LENGTHS = (
    (3, 4, 1.3), (1, 2, 2.6), (0, 3, 1.5), (0, 4, 1.5), (5, 6, 0.5), (5, 11, 0.36), (6, 12, 0.36),
)  # fmt: skip
"""Two key points, and the radius of a circle that covers the head as a multiple of their distance:
ears, eyes, nose to ear, shoulders, shoulder to hip (head 23 cm high, ears 15 cm, eyes 6 cm,
shoulder joints 36 cm, trunk 50 cm, and a third added)."""


@dataclass(frozen=True, slots=True)
class Head:
    """A circle that covers somebody's head, in pixels of the frame."""

    x: float
    y: float
    radius: float


def find_heads(keypoints: Keypoints, box_height: float) -> list[Head]:
    """A circle over the head of one person; none when nothing says where it is.

    Args:
        keypoints: of the person, raw or smoothed.
        box_height: height of the box around the person in pixels.
    """
    seen = keypoints[:, 2] >= _LOW_SCORE
    lengths = [
        factor * _distance(keypoints, first, second)
        for first, second, factor in _LENGTHS
        if seen[first] and seen[second]
    ]
    # Trunk and box bound what a wrongly placed ear or eye can claim, the box what all can.
    radius = float(np.clip(max(lengths, default=0.0), 0.06 * box_height, 0.35 * box_height))
    radius = max(radius, 6.0)
    head = keypoints[_HEAD][seen[_HEAD], :2]
    if len(head):
        x, y = np.median(head, axis=0)
        if len(head) < 3:
            radius *= 1.4  # it may be an ear, with the face at its side
        return [Head(float(x), float(y), radius)]
    if not (seen[5] or seen[6]):
        return []
    shoulders = keypoints[5:7][seen[5:7], :2].mean(axis=0)
    up = np.array([0.0, -1.0])
    if seen[11] or seen[12]:
        trunk = shoulders - keypoints[11:13][seen[11:13], :2].mean(axis=0)
        up = trunk / max(float(np.hypot(*trunk)), 1e-6)
    x, y = shoulders + up * radius
    return [Head(float(x), float(y), radius * 1.2)]


def hide_faces(planes: Planes, analysis: Analysis) -> None:
    """Blur every face in place: the dancer's (labels, raw and smoothed key points) and others'."""
    people = [person for person in (analysis.person, *analysis.others) if person is not None]
    heads = [head for one in people for head in find_heads(one.keypoints, one.box[3])]
    if analysis.person is not None and analysis.smoothed is not None:
        heads += find_heads(analysis.smoothed, analysis.person.box[3])
    mask = as_plane(cv2.inRange(analysis.labels, *FACE_LABELS))
    x, y, width, height = cv2.boundingRect(mask)
    if width:
        size = float(np.sqrt(cv2.countNonZero(mask)))
        grow = max(round(size * 0.35), 2)
        region = Region.around(_with_margin((x, y, width, height), 1.3 * grow), planes.size)
        if region is not None:
            square = np.ones((2 * grow + 1, 2 * grow + 1), np.uint8)
            _hide(planes, region, as_plane(cv2.dilate(region.of(mask), square)), size)
    for head in heads:
        box = (head.x - head.radius, head.y - head.radius, 2 * head.radius, 2 * head.radius)
        region = Region.around(_with_margin(box, 0.3 * head.radius), planes.size)
        if region is not None:
            circle = np.zeros((region.bottom - region.top, region.right - region.left), np.uint8)
            centre = round(head.x - region.left), round(head.y - region.top)
            cv2.circle(circle, centre, round(1.1 * head.radius), 255, -1)
            _hide(planes, region, circle, 2 * head.radius)


def _hide(planes: Planes, region: Region, mask: Plane, size: float) -> None:
    """Blur a region where its mask says so; nothing finer than `size / _CELLS` pixels is left."""
    cell = max(size / _CELLS, 4.0)
    slope = 2 * max(round(size * 0.05), 1) + 1
    cover = as_plane(cv2.blur(mask, (slope, slope)))
    small_cover = halve(cover)
    for plane, mask, pixels in zip(
        region.of_all(planes),
        (cover, small_cover, small_cover),
        (cell, cell / 2, cell / 2),
        strict=True,
    ):
        rows, columns = plane.shape
        cells = max(round(columns / pixels), 1), max(round(rows / pixels), 1)
        coarse = cv2.resize(plane, cells, interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR)
        plane[:] = blend(plane, as_plane(smooth), mask)


def _with_margin(
    box: tuple[float, float, float, float], margin: float
) -> tuple[float, float, float, float]:
    x, y, width, height = box
    return x - margin, y - margin, width + 2 * margin, height + 2 * margin


def _distance(keypoints: Keypoints, first: int, second: int) -> float:
    x, y = keypoints[first, :2] - keypoints[second, :2]
    return float(np.hypot(x, y))
