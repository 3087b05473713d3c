"""What a generator drew beside the dancer's body, where a mask had a curtain or a table in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints
from inference.skeleton import MIN_SCORE, body_scale

SEEN = 0.5
"""Alpha from which pixels hang together."""
THIN = 5
"""What is thinner, pixels, ties nothing to the body."""
NEAR = 0.05
"""A piece so near to a key point is a hand or a foot of the body, in body heights."""
AROUND = 0.1
"""What shimmers around a piece goes with it, of the layer's side..."""
RIM = 2
"""...but for so many pixels around the body."""

Layer = NDArray[np.float32]


def keep_body_components(layer: Layer, keypoints: Keypoints) -> Layer:
    """A layer `[S, S, 4]` without the pieces that are near no key point; the largest one stays.

    `keypoints`: `[17, 3]` in the layer's pixels.
    """
    solid = (layer[..., 3] >= SEEN).astype(np.uint8)
    opened = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((THIN, THIN), np.uint8))
    there = np.asarray(opened, np.uint8)
    count, pieces, measured, _ = cv2.connectedComponentsWithStats(there)
    if count <= 2:
        return layer
    near = np.zeros_like(there)
    radius = max(1, round(NEAR * body_scale(keypoints)))
    for x, y, score in keypoints.tolist():
        if score >= MIN_SCORE:
            cv2.circle(near, (round(x), round(y)), radius, 1, -1)
    loose = np.ones(count, np.bool_)
    loose[[0, 1 + int(measured[1:, cv2.CC_STAT_AREA].argmax())]] = False
    loose[pieces[near > 0]] = False
    if not loose.any():
        return layer
    gone = np.zeros_like(near)
    around = round(AROUND * len(layer))
    for left, top, width, height, _ in measured[loose].tolist():
        rows = slice(max(0, top - around), top + height + around)
        gone[rows, max(0, left - around) : left + width + around] = 1
    body = there & ~loose[pieces]
    gone[cv2.dilate(body, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0] = 0
    return np.asarray(cv2.copyTo(layer, 1 - gone), np.float32)
