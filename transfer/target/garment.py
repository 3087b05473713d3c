"""Skirts and robes: what hangs over both legs moves as one, for cut into two legs it would show a
gap that no frame of it has.

They are told by their outline: below the hips it becomes wider where somebody stands, and of a
robe it does not become narrower down to the shins.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels
from inference.skeleton import MIN_SCORE, body_scale
from transfer.target.pieces import Piece, Reals

STRAIGHT, LEAST_THIGH = 0.9, 0.16
"""Who stands has both thighs along the trunk (cosine), and seen from the side: so long, in body
heights."""
REACH = 0.3
"""So far to both sides is looked, in body heights."""
FLARE = 1.1
"""Of the width at the hips, the most that is found over the thighs: a skirt. Median of all frames:
1.17 of a knee-length skirt, 1.00 to 1.03 of four people in trousers."""
FALL = 0.8
"""Of the same, what is left at the shins: a robe. At most 0.77 of wide trousers."""
SHOWN = 128
"""From this alpha on cloth is there, of 255."""
LEAST_FRAMES = 5
"""Fewer frames that show it tell nothing."""
_DOWN: Reals = np.linspace(0, 2 / 3, 9, dtype=np.float32)
_SHIN: Reals = np.linspace(0.4, 0.6, 3, dtype=np.float32)
_HIPS, _KNEES, _ANKLES = (11, 12), (13, 14), (15, 16)
_TRUNK, _THIGHS, _SHINS = (13, 14), (15, 16, 17, 18), (19, 20, 21, 22)
_BODY = (*_TRUNK, *_THIGHS, *_SHINS)

Widths = tuple[float, float | None] | None


class Garment(IntEnum):
    """What is worn over the legs."""

    TROUSERS = 0
    """Or nothing: legs move by themselves."""
    SKIRT = 1
    """Over the thighs."""
    ROBE = 2
    """Over thighs and shins."""

    @property
    def points(self) -> tuple[int, ...]:
        """Key points that it hangs between."""
        return (*_HIPS, *_KNEES, *_ANKLES)[: (0, 4, 6)[self]]

    @property
    def labels(self) -> tuple[int, ...]:
        """Class ids that it covers."""
        return (*_THIGHS, *_SHINS)[: (0, 4, 8)[self]]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """That it makes one."""
        thighs, shins = (Piece.LEFT_THIGH, Piece.RIGHT_THIGH), (Piece.LEFT_SHIN, Piece.RIGHT_SHIN)
        return (*thighs, *shins)[: (0, 2, 4)[self]]

    def merged(self, labels: Labels) -> Labels:
        """A label map in which all that it covers is one thigh, front and back."""
        if self == Garment.TROUSERS:
            return labels
        table = np.arange(256, dtype=np.uint8)
        for label in self.labels:
            # Fronts have odd class ids, backs the even ones after them.
            table[label] = _THIGHS[0] + (label - _THIGHS[0]) % 2
        return np.asarray(cv2.LUT(labels, table), np.uint8)

    def hung(self, labels: Labels) -> Labels:
        """A label map of somebody in trousers with what hangs between their legs."""
        if self == Garment.TROUSERS:
            return labels
        mask = np.isin(labels, self.labels).astype(np.uint8)
        outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not outline:
            return labels
        cloth = np.zeros_like(labels)
        cv2.fillConvexPoly(cloth, cv2.convexHull(np.concatenate(outline)), 1)
        front = np.count_nonzero(mask & (labels % 2)) * 2 >= np.count_nonzero(mask)
        label = np.uint8(_THIGHS[0] if front else _THIGHS[1])
        return np.where((cloth > 0) & (labels == 0), label, labels)


def drawn(hung: Labels, labels: Labels, alpha: NDArray[np.uint8]) -> Labels:
    """`Garment.hung` of `labels`, but only where references show cloth: it may end above the knees.

    `alpha`: of what references show, of the same picture.
    """
    if hung is labels:
        return labels
    shown = cv2.resize(alpha, labels.shape[::-1], interpolation=cv2.INTER_AREA)
    return np.where(np.asarray(shown) < SHOWN, labels, hung)


def worn(widths: Sequence[Widths]) -> Garment:
    """What is worn, by `outline_widths` of every frame."""
    flares = [one[0] for one in widths if one is not None]
    falls = [one[1] for one in widths if one is not None and one[1] is not None]
    if len(flares) < LEAST_FRAMES or np.median(flares) < FLARE:
        return Garment.TROUSERS
    robe = len(falls) >= LEAST_FRAMES and np.median(falls) >= FALL
    return Garment.ROBE if robe else Garment.SKIRT


def outline_widths(labels: Labels, keypoints: Keypoints) -> Widths:
    """Of the width at the hips: how wide somebody is over the thighs, and at the shins (None: not
    seen); None: they do not stand. `keypoints`: in pixels of `labels`."""
    if keypoints[[*_HIPS, *_KNEES], 2].min() < MIN_SCORE:
        return None
    scale = body_scale(keypoints)
    neck, pelvis, knees, ankles = (
        keypoints[list(pair), :2].mean(0) for pair in ((5, 6), _HIPS, _KNEES, _ANKLES)
    )
    trunk = (pelvis - neck) / max(float(np.hypot(*(pelvis - neck))), 1e-6)
    for hip, knee in zip(_HIPS, _KNEES, strict=True):
        thigh = keypoints[knee, :2] - keypoints[hip, :2]
        length = float(np.hypot(*thigh))
        if length < LEAST_THIGH * scale or thigh @ trunk < STRAIGHT * length:
            return None
    down = _across(labels, pelvis, knees, _DOWN, scale)
    hips = float(np.median(down[:3]))
    if not hips:
        return None
    flare = float(down[3:].max()) / hips
    if keypoints[list(_ANKLES), 2].min() < MIN_SCORE:
        return flare, None
    shins = _across(labels, knees, ankles, _SHIN, scale)
    return flare, float(np.median(shins)) / hips


def _across(labels: Labels, first: Reals, last: Reals, along: Reals, scale: float) -> Reals:
    """Pixels of trunk and legs across the line between two places, `along` it (shares)."""
    way = last - first
    aside = np.array([-way[1], way[0]]) / max(float(np.hypot(*way)), 1e-6)
    reach = round(REACH * scale)
    steps = np.arange(-reach, reach + 1)[:, None] * aside
    places = np.rint(first + along[:, None, None] * way + steps).astype(int)
    height, width = labels.shape
    x, y = places[..., 0], places[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    body = np.isin(labels[y.clip(0, height - 1), x.clip(0, width - 1)], _BODY)
    return np.asarray((body & inside).sum(1), np.float32)
