"""A label map whose outline follows the picture's edges, not the network's coarse grid.

Around each place the mask is taken for a linear function of the colours, fitted where the network
drew it: He, Sun, Tang, "Guided Image Filtering" (PAMI 2013), equations 14 to 16. All that is done
on the picture as coarse as the network saw it, or twice as coarse; what comes out is enlarged.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Heads
from inference.arrays import Labels, Rgb

RADIUS = 1.5
"""So many of the grid's cells to each side are looked at: an outline is wrong by less."""
STEP = 2
"""Pixels of the network's input from one place at which colours are compared to the next."""
NOISE = 5e-4
"""Variance of colours 0..1 that says nothing (epsilon of the paper)."""

SPECKS = 5
"""Side of the median that takes out single pixels, of the frame."""

Floats = NDArray[np.float32]


def follow_outline(labels: Labels, rgb: Rgb, heads: Heads) -> Labels:
    """`labels` (uint8 `[H, W]`, 0 = nobody) of `rgb`, made from `heads`, with a finer outline.

    What comes to the person gets the part beside it; inside, parts stay as they are.
    """
    placement = heads.body_placement
    pixel = 1 / max(placement.scale)
    cell = placement.stride * pixel
    left, top, width, height = cv2.boundingRect((labels > 0).view(np.uint8))
    if not width:
        return labels
    reach = round(2 * RADIUS * cell)
    step = max(1, round(STEP * pixel))
    part = (
        _whole_steps(top - reach, top + height + reach, labels.shape[0], step),
        _whole_steps(left - reach, left + width + reach, labels.shape[1], step),
    )
    sure = _guided(labels[part] > 0, rgb[part], RADIUS * cell, step)
    # The median of yes and no is the majority: a sum is six times as fast.
    votes = cv2.boxFilter((sure > 0.5).view(np.uint8), -1, (SPECKS, SPECKS), normalize=False)
    inside = votes > SPECKS * SPECKS // 2
    result = np.zeros_like(labels)
    result[part] = _grown(labels[part], max(1, round(pixel))) * inside
    return result


def _whole_steps(first: int, last: int, size: int, step: int) -> slice:
    """`first`..`last` within 0..size, and as much more as makes whole steps: quicker to shrink."""
    first, last = max(0, first), min(size, last)
    length = -(-(last - first) // step) * step
    if length > size:
        return slice(first, last)
    first = min(first, size - length)
    return slice(first, first + length)


def _guided(mask: NDArray[np.bool_], rgb: Rgb, reach: float, step: int) -> Floats:
    """How surely each pixel is the mask's, about 0..1: `slope . colour + offset` around it.

    `reach`: pixels to each side that are looked at; `step`: pixels from place to place.
    """
    size = mask.shape[1], mask.shape[0]
    small = max(1, round(size[0] / step)), max(1, round(size[1] / step))
    radius = max(1, round(reach / step))
    colours = np.ascontiguousarray(_resized(rgb, small).transpose(2, 0, 1))
    wanted = _resized(mask.view(np.uint8) * np.uint8(255), small)

    def mean(values: Floats) -> Floats:
        window = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(cv2.blur(values, window, borderType=cv2.BORDER_REPLICATE), np.float32)

    means, mean_wanted = np.stack([mean(colour) for colour in colours]), mean(wanted)
    # Where all around is somebody, or nobody, the slope is 0.
    edge = (mean_wanted > 0) & (mean_wanted < 1)
    spread = [
        (mean(colours[one] * colours[two]) - means[one] * means[two])[edge]
        for one, two in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    ]
    joint = [(mean(colours[one] * wanted) - means[one] * mean_wanted)[edge] for one in range(3)]
    slopes = np.zeros(colours.shape, np.float32)
    slopes[:, edge] = _solved(spread, joint)
    sure = mean(mean_wanted - (slopes * means).sum(axis=0))
    for slope, colour in zip(slopes, colours, strict=True):
        sure += mean(slope) * colour
    return np.asarray(cv2.resize(sure, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> Floats:
    """Smaller, as floats 0..1."""
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) * np.float32(1 / 255)


def _solved(matrix: list[Floats], right: list[Floats]) -> Floats:
    """x of `(matrix + NOISE) x = right` at every place, `[3, places]`, by Cramer's rule.

    `matrix`: the upper half of a symmetric 3x3, row by row.
    """
    a, b, c, d, e, f = (values.astype(np.float64) for values in matrix)
    a, d, f = a + NOISE, d + NOISE, f + NOISE
    u, v, w = right
    aa, ab, ac = d * f - e * e, c * e - b * f, b * e - c * d
    bb, bc, cc = a * f - c * c, b * c - a * e, a * d - b * b
    rows = [aa * u + ab * v + ac * w, ab * u + bb * v + bc * w, ac * u + bc * v + cc * w]
    return np.asarray(np.stack(rows) / (a * aa + b * ab + c * ac), np.float32)


def _grown(labels: Labels, pixel: int) -> Labels:
    """What is nobody's gets the part of the nearest pixel that is somebody's.

    Looked for among each `pixel`-th pixel of each `pixel`-th row: as fine as the network saw them.
    """
    small = np.ascontiguousarray(labels[::pixel, ::pixel])
    nobody = (small == 0).view(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        nobody, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    somebody = np.flatnonzero(small)
    parts = np.zeros(small.size + 1, np.uint8)
    parts[nearest.ravel()[somebody]] = small.ravel()[somebody]
    size = labels.shape[1], labels.shape[0]
    found = np.asarray(parts[nearest], np.uint8)
    grown = cv2.resize(found, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.copyTo(labels, labels, grown), np.uint8)
