"""Frames in which the head is blurred, by a quick movement for instance: a face taken from one is
no face.

A blurred head is told from a smooth one, black hair seen from behind, by comparing it with those
that are turned alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels, Rgb
from inference.body import FACE_LABELS
from inference.skeleton import body_scale

SIDE = 48
"""Heads are made so high, pixels: near and far ones are compared."""
LEAST = 8
"""A smaller one says nothing."""
ALIKE = 8
"""One of so many frames is turned alike, but no fewer than..."""
LEAST_ALIKE = 20
MOST = 1000
"""Each is compared with so many frames, evenly over the time."""
USUAL = 0.7
"""Quantile of the sharpness among those."""
BLURRED = 0.65
"""Of the usual sharpness: less is blurred. In sixteen of eighteen clips of people who turn, jump
and sign no head is; in one 22 of 288 are (faces in a dissolve, or behind a hand), in one 3 of
120."""
SCORES = 0.1
"""How much a face point's score counts beside its place, in body heights."""


def head_sharpness(rgb: Rgb, labels: Labels) -> float:
    """Root mean square gradient within the head, 0..255 a pixel of `SIDE`; NaN: no head."""
    mask = cv2.inRange(labels, *FACE_LABELS)
    x, y, width, height = cv2.boundingRect(mask)
    if min(width, height) < LEAST:
        return float("nan")
    box = np.s_[y : y + height, x : x + width]
    size = max(1, round(width * SIDE / height)), SIDE
    grey = cv2.cvtColor(np.ascontiguousarray(rgb[box]), cv2.COLOR_RGB2GRAY)
    method = cv2.INTER_AREA if height > SIDE else cv2.INTER_LINEAR
    grey = cv2.resize(grey, size, interpolation=method)
    inside = cv2.resize(mask[box], size, interpolation=cv2.INTER_NEAREST)
    inside = cv2.erode(inside, np.ones((5, 5), np.uint8))
    if cv2.countNonZero(inside) < SIDE:
        return float("nan")
    squares = np.zeros(grey.shape, np.float32)
    for way in ((1, 0), (0, 1)):
        squares += np.square(np.asarray(cv2.Sobel(grey, cv2.CV_32F, *way), np.float32) / 8)
    return float(np.sqrt(squares[inside > 0].mean()))


def blurred_heads(sharpness: NDArray[np.float64], keypoints: Keypoints) -> NDArray[np.intp]:
    """Numbers of the frames whose head is blurred.

    Args:
        sharpness: `[N]`, from `head_sharpness`.
        keypoints: `[N, 17, 3]`.
    """
    seen = np.flatnonzero(~np.isnan(sharpness))
    if len(seen) < LEAST_ALIKE:
        return seen[:0]
    scale = np.array([body_scale(one) for one in keypoints[seen]])[:, None, None]
    face = keypoints[seen, :5].astype(np.float64)
    places = (face[..., :2] - face[..., :2].mean(1, keepdims=True)) / scale
    turned = np.concatenate([places, SCORES * face[..., 2:]], axis=2).reshape(len(seen), -1)
    others = np.linspace(0, len(seen) - 1, min(MOST, len(seen))).round().astype(int)
    count = max(LEAST_ALIKE, len(others) // ALIKE)
    usual = np.empty(len(seen))
    for first in range(0, len(seen), MOST):
        some = np.s_[first : first + MOST]
        # Squared distances, but for what is the same in a row.
        away = np.square(turned[others]).sum(1) - 2 * turned[some] @ turned[others].T
        alike = others[np.argpartition(away, count - 1, axis=1)[:, :count]]
        usual[some] = np.quantile(sharpness[seen][alike], USUAL, axis=1)
    return seen[sharpness[seen] < BLURRED * usual]
