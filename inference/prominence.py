"""How likely somebody is the dancer by what a single picture shows: size, place and pose."""

from __future__ import annotations

import math

from inference.arrays import Keypoints
from inference.skeleton import MIN_SCORE

OFF_CENTRE = 2.0
"""Somebody halfway between the middle and the side of the picture counts exp(-OFF_CENTRE / 4)."""

POSING = 2.0
"""By how much more somebody counts who is as far from standing still as can be."""
LEANS = 0.95
"""Cosine of the torso's lean from which on it is upright: 18 degrees."""
ARM, STRIDE = 0.25, 0.5
"""How high above the shoulder a wrist is, and how far apart ankles are, in body heights, in a pose
that is clearly none of standing; and the distance of ankles that still is."""
STANDS = 0.2


def prominence(scale: float, score: float, across: float, posed: float) -> float:
    """How likely somebody is the dancer.

    Args:
        scale: body height in pixels.
        score: 0..1; its root counts, as whoever stands on their head is scored lower.
        across: place in the picture, 0 at its left side and 1 at its right.
        posed: see `posing`.
    """
    off_centre = min(abs(across - 0.5) * 2, 1.0)
    near = math.exp(-OFF_CENTRE * off_centre**2)
    return scale * math.sqrt(score) * near * (1 + POSING * posed)


def posing(keypoints: Keypoints, scale: float) -> float:
    """How far a pose is from standing with the arms down, 0..1: spectators stand.

    A torso that leans, lies or is upside-down counts most; a raised arm and legs apart count half
    of that. Of key points that are not seen nothing is told.

    Args:
        keypoints: of one person.
        scale: body height in pixels.
    """
    points = keypoints.tolist()
    return min(1.0, 1.5 * _lean(points) + 0.5 * _arms(points, scale) + 0.5 * _legs(points, scale))


_Points = list[list[float]]


def _lean(points: _Points) -> float:
    """0 upright, 0.5 lying, 1 upside-down."""
    torso = [points[number] for number in (5, 6, 11, 12)]
    if min(score for _, _, score in torso) < MIN_SCORE:
        return 0.0
    (x5, y5, _), (x6, y6, _), (x11, y11, _), (x12, y12, _) = torso
    x, y = x5 + x6 - x11 - x12, y5 + y6 - y11 - y12
    upright = -y / max(math.hypot(x, y), 1e-6)
    return max(0.0, LEANS - upright) / (1 + LEANS)


def _arms(points: _Points, scale: float) -> float:
    """1 with a wrist `ARM` above its shoulder, 0 below it."""
    higher = [
        (points[shoulder][1] - points[wrist][1]) / scale
        for shoulder, wrist in ((5, 9), (6, 10))
        if min(points[shoulder][2], points[wrist][2]) >= MIN_SCORE
    ]
    return min(max(max(higher, default=0.0), 0.0) / ARM, 1.0)


def _legs(points: _Points, scale: float) -> float:
    """1 with the ankles `STRIDE` apart, 0 nearer than `STANDS`."""
    (x, y, score), (other_x, other_y, other_score) = points[15], points[16]
    if min(score, other_score) < MIN_SCORE:
        return 0.0
    apart = math.hypot(x - other_x, y - other_y) / scale
    return min(max(apart - STANDS, 0.0) / (STRIDE - STANDS), 1.0)
