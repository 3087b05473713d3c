"""A person's size from key points, and their limbs drawn on I420 planes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2

from inference.arrays import Keypoints
from inference.body import LABEL_NAMES, SKELETON
from inference.drawing import PART_COLOURS, Plane, Planes

MIN_SCORE = 0.3
"""Key points that score less count as not seen."""

_FRACTION_BITS = 4
"""Coordinates go to OpenCV in sixteenths of a pixel, or limbs would jump from pixel to pixel."""


def body_scale(keypoints: Keypoints) -> float:
    """A person's size in pixels: about their height were they standing (never less than 1).

    The largest of several lengths whose share of the body's height is known, so that a bent,
    turned or half-seen body does not count as a small one (proportions after Winter,
    "Biomechanics and Motor Control of Human Movement", table 4.1).
    """
    # Some numbers are added sooner one by one than as arrays.
    points, height = keypoints.tolist(), 1.0
    for first, second, share in _SEGMENTS:
        (x, y, score), (other_x, other_y, other_score) = points[first], points[second]
        if min(score, other_score) >= MIN_SCORE:
            height = max(height, math.hypot(x - other_x, y - other_y) / share)
    return height


_SEGMENTS = (
    (5, 6, 0.23), (5, 11, 0.29), (6, 12, 0.29), (11, 13, 0.24), (12, 14, 0.24), (13, 15, 0.25),
    (14, 16, 0.25), (5, 7, 0.18), (6, 8, 0.18),
)  # fmt: skip
"""Two key points and their distance as a share of the body's height."""


def draw_skeleton(planes: Planes, keypoints: Keypoints) -> None:
    """Draw limbs in the colours of the parts they run through, and a dot on every key point.

    Anti-aliased; the thickness grows with the person. Key points below `MIN_SCORE` and limbs that
    end in one are left out.
    """
    thickness = max(body_scale(keypoints) * 0.011, 1.6)
    points = {
        number: (float(x), float(y))
        for number, (x, y, score) in enumerate(keypoints)
        if score >= MIN_SCORE
    }
    limbs = [limb for limb in _LIMBS if limb.first in points and limb.second in points]
    for plane, channel, scale in zip(planes.channels(), range(3), (1.0, 0.5, 0.5), strict=True):
        fixed = {number: _fixed(point, scale) for number, point in points.items()}
        wide = thickness * scale
        for limb in limbs:
            ends = fixed[limb.first], fixed[limb.second]
            _line(plane, *ends, _OUTLINE[channel], limb.width * wide + 2 * scale)
        for limb in limbs:
            ends = fixed[limb.first], fixed[limb.second]
            _line(plane, *ends, limb.colour[channel], limb.width * wide)
        for number, point in fixed.items():
            width = wide if number >= _FIRST_BODY_POINT else wide * _FACE_WIDTH
            _dot(plane, point, _OUTLINE[channel], width + scale)
            _dot(plane, point, _WHITE[channel], width)


@dataclass(frozen=True, slots=True)
class _Limb:
    """How a limb is drawn."""

    first: int
    second: int
    colour: tuple[int, int, int]
    """Y, U, V."""
    width: float
    """In thicknesses of an arm."""


_FIRST_BODY_POINT = 5
_FACE_WIDTH = 0.6
"""Face and neck are drawn finer, or they would be one blot."""

_OUTLINE = (24, 128, 128)
_WHITE = (235, 128, 128)


def _limbs() -> tuple[_Limb, ...]:
    of_pair = {(5, 7): "upper_arm", (7, 9): "lower_arm", (13, 11): "upper_leg"}
    of_pair |= {(15, 13): "lower_leg"}
    limbs = []
    for first, second in SKELETON:
        face = min(first, second) < _FIRST_BODY_POINT
        if face:
            # Left key points have odd numbers; the nose, 0, has none of its own.
            left = any(number % 2 for number in (first, second)) and (first, second) != (1, 2)
            name = "left_face" if left else "right_face"
        elif (first, second) in of_pair:
            name = f"left_{of_pair[first, second]}_front"
        elif (first - 1, second - 1) in of_pair:
            name = f"right_{of_pair[first - 1, second - 1]}_front"
        else:
            name = "torso_front"
        y, u, v = (int(table[LABEL_NAMES.index(name)]) for table in PART_COLOURS)
        limbs.append(_Limb(first, second, (y, u, v), _FACE_WIDTH if face else 1.0))
    return tuple(limbs)


_LIMBS = _limbs()


def _line(
    plane: Plane, start: tuple[int, int], end: tuple[int, int], value: int, thickness: float
) -> None:
    cv2.line(plane, start, end, value, max(round(thickness), 1), cv2.LINE_AA, _FRACTION_BITS)


def _dot(plane: Plane, centre: tuple[int, int], value: int, radius: float) -> None:
    size = round(max(radius, 0.7) * (1 << _FRACTION_BITS))
    cv2.circle(plane, centre, size, value, -1, cv2.LINE_AA, _FRACTION_BITS)


def _fixed(point: tuple[float, float], scale: float) -> tuple[int, int]:
    """A place in a plane of `scale` times the size, in fixed point; chroma sits between pixels."""
    shift = (scale - 1) / 2
    x, y = (min(max(value * scale + shift, -_FAR), _FAR) for value in point)
    return round(x * (1 << _FRACTION_BITS)), round(y * (1 << _FRACTION_BITS))


_FAR = 10_000.0
"""Farther outside of the picture OpenCV's fixed-point numbers overflow."""
