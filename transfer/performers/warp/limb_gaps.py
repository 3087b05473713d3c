"""Limbs that a label map shows in two pieces become whole: a dark knee before a dark table."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from inference.arrays import Keypoints, Labels
from inference.skeleton import MIN_SCORE, body_scale
from transfer.target.pieces import LABELS, LIMBS, PIECE_OF_LABEL, Piece

THICK = 0.035
"""Half of what is drawn, in body heights."""


def without_gaps(parts: Labels, keypoints: Keypoints) -> Labels:
    """The label map with each limb's gaps closed along its bones.

    Only between two places where the limb is seen: where a key point is wrong, nothing is drawn.
    `keypoints`: `[17, 3]`, in pixels of the label map.
    """
    whole = parts
    radius = max(1, round(THICK * body_scale(keypoints)))
    for points, pieces in LIMBS.items():
        joints = keypoints[list(points)]
        if joints[:, 2].min() < MIN_SCORE:
            continue
        for place, piece in _gaps(parts, joints, pieces):
            if whole is parts:
                whole = parts.copy()
            cv2.circle(whole, place, radius, LABELS[piece][0], -1)
    return whole if whole is parts else np.where(parts > 0, parts, whole)


def _gaps(
    parts: Labels, joints: Keypoints, pieces: tuple[Piece, ...]
) -> list[tuple[tuple[int, int], Piece]]:
    """Places (x, y) along the bones that show nobody, and whose piece each is."""
    height, width = parts.shape
    lines = [
        np.linspace(start, end, max(2, round(float(np.hypot(*(end - start))))), endpoint=False)
        for start, end in pairwise(joints[:, :2])
    ]
    line = np.concatenate(lines)
    bone = np.repeat(np.arange(len(lines)), [len(one) for one in lines])
    x, y = np.rint(line).astype(np.intp).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y, bone = x[inside], y[inside], bone[inside]
    seen = parts[y, x]
    own = np.flatnonzero(np.isin(PIECE_OF_LABEL[seen], pieces))
    if len(own) < 2:
        return []
    between = slice(own[0], own[-1])
    empty = np.flatnonzero(seen[between] == 0) + own[0]
    return [((int(x[at]), int(y[at])), pieces[bone[at]]) for at in empty]
