"""From one picture of a person to another without a jump: both follow the optical flow."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Rgba: TypeAlias = NDArray[np.uint8]

FLOW_HEIGHT = 160
"""The flow is found in pictures of at most this height, pixels."""
STEEPNESS = 6.0
"""Of the edge of a mixed outline."""


class FlowBlender:
    """Blends pictures `[H, W, 4]` of the same size."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def blend(self, first: Rgba, second: Rgba, share: float) -> Rgba:
        """`share` of the way, 0..1, from the first to the second.

        Each is pulled along the flow towards the other, then they are mixed (Kroeger et al.,
        "Fast Optical Flow using Dense Inverse Search", ECCV 2016). Where only one of both shows
        somebody, the nearer one decides: no ghosts.
        """
        height, width = first.shape[:2]
        factor = min(1.0, FLOW_HEIGHT / height)
        size = (max(16, round(width * factor)), max(16, round(height * factor)))
        still = np.zeros((size[1], size[0], 2), np.float32)
        flow = self._flow.calc(_grey(first, size), _grey(second, size), still)
        flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
        flow = (flow * (width / size[0], height / size[1])).astype(np.float32)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        ours = _pulled(first, x - share * flow[..., 0], y - share * flow[..., 1])
        back = 1 - share
        theirs = _pulled(second, x + back * flow[..., 0], y + back * flow[..., 1])
        return _mixed(ours, theirs, share)


def _pulled(rgba: Rgba, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each pixel from where `x` and `y` say, both `[H, W]`."""
    return np.asarray(cv2.remap(rgba, x, y, cv2.INTER_LINEAR), np.float32)


def _mixed(first: NDArray[np.float32], second: NDArray[np.float32], share: float) -> Rgba:
    """Colours weighted by what is there, alpha with a steep edge."""
    alpha_first, alpha_second = first[..., 3:] * (1 - share), second[..., 3:] * share
    alpha = alpha_first + alpha_second
    colours = first[..., :3] * alpha_first + second[..., :3] * alpha_second
    colours /= np.maximum(alpha, 1)
    steep = ((alpha - 127.5) * STEEPNESS + 127.5).clip(0, 255)
    return np.concatenate([colours, steep], axis=2).astype(np.uint8)


def _grey(rgba: Rgba, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The person before grey: the outline counts as much as what is inside."""
    small = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:].astype(np.float32) / 255
    grey = cv2.cvtColor(small[..., :3], cv2.COLOR_RGB2GRAY)[..., None]
    return np.ascontiguousarray((grey * alpha + 127 * (1 - alpha)).astype(np.uint8)[..., 0])
