"""How good masks and key points are: plain functions of what was found and what is true."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Points = NDArray[np.float32]


def iou(predicted: Mask, true: Mask, counted: Mask | None = None) -> float:
    """Intersection over union where `counted`; 1 when there is nothing in either."""
    if counted is not None:
        predicted, true = predicted & counted, true & counted
    union = int((predicted | true).sum())
    return float((predicted & true).sum()) / union if union else 1.0


def boundary_f_score(predicted: Mask, true: Mask, counted: Mask, pixels: float = 3.0) -> float:
    """F-score of the outlines: an outline pixel is right when the other outline is that near.

    After Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
    Segmentation" (CVPR 2016), section 4. Outlines where not `counted` are left out.
    """
    lines = [_outline(predicted) & counted, _outline(true) & counted]
    if not lines[0].any() or not lines[1].any():
        return 1.0 if lines[0].any() == lines[1].any() else 0.0
    near = [
        cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, 5) <= pixels for line in lines
    ]
    precision = float(near[1][lines[0]].mean())
    recall = float(near[0][lines[1]].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _outline(mask: Mask) -> Mask:
    """Pixels of the mask beside ones that are not; the picture's border is none."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    return np.asarray(mask & (inner == 0))


def box_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    return shared / max(one[2] * one[3] + other[2] * other[3] - shared, 1e-6)


class MeanIou:
    """Mean over classes of the intersection over union of all pixels that were added."""

    def __init__(self, classes: int) -> None:
        self._confusion = np.zeros((classes, classes), np.int64)

    def add(self, predicted: NDArray[np.integer], true: NDArray[np.integer]) -> None:
        """Class ids 0..classes-1 of the same pixels, any shape."""
        classes = len(self._confusion)
        both = true.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
        self._confusion += np.bincount(both, minlength=classes**2).reshape(classes, classes)

    def value(self) -> float:
        """Over classes that occur in the truth."""
        hits = np.diag(self._confusion)
        unions = self._confusion.sum(0) + self._confusion.sum(1) - hits
        there = self._confusion.sum(1) > 0
        return float((hits[there] / unions[there]).mean()) if there.any() else 0.0


def extent(points: Points) -> float:
    """The longer side of the box around points `[n, >=2]`, pixels."""
    return float(np.ptp(points[:, :2], axis=0).max())


def hits(predicted: Points, true: Points, radius: float) -> Mask:
    """Which of the true points (third value > 0) were found within `radius` pixels, in order."""
    known = true[:, 2] > 0
    away = np.linalg.norm(predicted[known, :2] - true[known, :2], axis=1)
    return np.asarray(away <= radius)
