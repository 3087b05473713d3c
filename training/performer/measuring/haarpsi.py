"""HaarPSI: how like two pictures look, told by where their edges are and how strong.

Reisenhofer, Bosse, Kutyniok and Wiegand, "A Haar Wavelet-Based Perceptual Similarity Index for
Image Quality Assessment" (Signal Processing: Image Communication, 2018). Blur, which SSIM hardly
minds, costs much.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Rgb

C, ALPHA = 30.0, 4.2
"""The paper's constants (section 2.2)."""
LEAST_SIDE = 16
"""Pixels; the coarsest filter does not fit into less."""

_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], np.float32
)

Plane = NDArray[np.float32]


def haarpsi(first: Rgb, second: Rgb) -> float:
    """0..1, 1 for equal pictures, uint8 `[H, W, 3]` of one size, sides at least `LEAST_SIDE`."""
    ours, theirs = _planes(first), _planes(second)
    similarities: list[NDArray[np.floating]] = []
    weights: list[NDArray[np.floating]] = []
    for across in (False, True):
        fine = [
            _alike(_edges(ours[0], scale, across), _edges(theirs[0], scale, across))
            for scale in (1, 2)
        ]
        coarse = [_edges(planes[0], 3, across) for planes in (ours, theirs)]
        similarities.append((fine[0] + fine[1]) / 2)
        weights.append(np.maximum(*coarse))
    colours = [
        _alike(np.abs(_smooth(one)), np.abs(_smooth(other)))
        for one, other in zip(ours[1:], theirs[1:], strict=True)
    ]
    similarities.append((colours[0] + colours[1]) / 2)
    weights.append((weights[0] + weights[1]) / 2)
    shares = 1 / (1 + np.exp(-ALPHA * np.stack(similarities, dtype=np.float64)))
    total = np.stack(weights, dtype=np.float64)
    # Two pictures without a single edge are judged by their colours alone.
    total += 1e-9
    mean = float((shares * total).sum() / total.sum())
    return float((np.log(mean / (1 - mean)) / ALPHA) ** 2)


def _planes(rgb: Rgb) -> list[Plane]:
    """Y, I and Q at half the size: seen from where one would look at the picture."""
    height, width = (side // 2 * 2 for side in rgb.shape[:2])
    yiq = rgb[:height, :width].astype(np.float32) @ _YIQ.T
    half = yiq.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return [np.ascontiguousarray(half[..., channel]) for channel in range(3)]


def _edges(plane: Plane, scale: int, across: bool) -> Plane:
    """Absolute response to the Haar filter of side `2 ** scale`, weighted by `2 ** -scale`."""
    side = 2**scale
    kernel = np.full((side, side), 2.0**-scale, np.float32)
    kernel[side // 2 :] *= -1
    return np.abs(_filtered(plane, kernel.T if across else kernel))


def _smooth(plane: Plane) -> Plane:
    return _filtered(plane, np.full((2, 2), 0.25, np.float32))


def _filtered(plane: Plane, kernel: NDArray[np.float32]) -> Plane:
    """Zeros beyond the border; a pixel is a bit left of and above an even kernel's middle."""
    half = kernel.shape[0] // 2 - 1
    made = cv2.filter2D(
        plane, cv2.CV_32F, kernel, anchor=(half, half), borderType=cv2.BORDER_CONSTANT
    )
    return np.asarray(made, np.float32)


def _alike(ours: Plane, theirs: Plane) -> Plane:
    return np.asarray((2 * ours * theirs + C) / (ours**2 + theirs**2 + C), np.float32)
