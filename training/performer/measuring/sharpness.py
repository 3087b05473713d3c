"""How sharp a picture is against the true one: SSIM rewards blur, this does not.

The mean gradient (Sobel) inside the dancer, made over true; 1 is as sharp. A rim of 3 px is left
out, where the halo of a cut-out would count as sharpness.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb

RIM = 3
LEAST_PIXELS = 20


def sharpness(true: Rgb, made: Rgb, inside: NDArray[np.uint8]) -> float | None:
    """Made over true, where `inside`, of `dancer` or a part of it, is not 0.

    None: there is too little to be looked at, or the truth is flat.
    """
    if cv2.countNonZero(inside) < LEAST_PIXELS:
        return None
    ours, theirs = (cv2.mean(_gradient(one), inside)[0] for one in (made, true))
    return None if theirs < 1e-3 else ours / theirs


def dancer(labels: Labels) -> NDArray[np.uint8]:
    """255 where the dancer is, their rim left out."""
    side = 2 * RIM + 1
    body = (labels > 0).astype(np.uint8) * np.uint8(255)
    return np.asarray(cv2.erode(body, np.ones((side, side), np.uint8)), np.uint8)


def _gradient(rgb: Rgb) -> NDArray[np.float32]:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    x, y = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, ksize=3) for dx in (1, 0))
    return np.asarray(cv2.magnitude(x, y), np.float32)
