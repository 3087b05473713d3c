"""Does a made clip move as the true one, or does it flicker? Both along the true optical flow."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb

Flow = NDArray[np.float32]
"""`[H, W, 2]`: how far each pixel of the later picture is from where it was, pixels (x, y)."""


class Flows:
    """Optical flow between neighbouring pictures (Kroeger et al., DIS, ECCV 2016)."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, later: Rgb, earlier: Rgb) -> Flow:
        """From the later picture back to the earlier one."""
        greys = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in (later, earlier)]
        still = np.zeros((*greys[0].shape, 2), np.float32)
        return np.asarray(self._flow.calc(greys[0], greys[1], still), np.float32)


def warping_error(later: Rgb, earlier: Rgb, flow: Flow, labels: Labels) -> float:
    """Mean difference (0..255) of the dancer's pixels to where they were a picture before.

    `flow`: of the true clip; `labels`: the dancer in the later true picture (Lai et al., "Learning
    Blind Video Temporal Consistency", ECCV 2018, section 5.2, without occlusion test).
    """
    height, width = labels.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    pulled = cv2.remap(earlier, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    away = cv2.absdiff(later, np.asarray(pulled, np.uint8))
    return float(away[labels > 0].mean())


def flow_distance(generated: Flow, true: Flow, labels: Labels) -> float:
    """tOF: mean length of the difference of both flows on the dancer, pixels (Chu et al., TecoGAN,
    ACM TOG 2020, section 4)."""
    return float(np.linalg.norm(generated - true, axis=2)[labels > 0].mean())
