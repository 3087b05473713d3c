"""Where a frame lies in a network's input, and the input in the network's grid.

Three coordinate systems, all in (x, y), with whole numbers at pixel *centres*: pixels of the
frame, pixels of the network's input, cells of its grid. Cell `i` of the grid sits at input pixel
`stride * i` (corners aligned: an input of `16 k + 1` pixels has `k + 1` cells, the outermost on
the outermost pixels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Rgb
from inference.errors import ModelError

cv2.setNumThreads(1)  # OpenCV's own threads fight the network's and the encoder's.

NEARLY_THE_SAME = 1
"""A frame smaller than the input by this many pixels or fewer is padded, not resampled."""


LEAST_LONG_SIDE, MOST_LONG_SIDE = 33, 4097
"""Of an input, pixels: three cells of the usual grid, and more than any camera has."""


def check_long_side(long_side: int) -> None:
    """`ModelError` when a network's input cannot be so large or so small."""
    if not LEAST_LONG_SIDE <= long_side <= MOST_LONG_SIDE:
        raise ModelError(
            f"--long-side {long_side} cannot be: the network's input is {LEAST_LONG_SIDE} to "
            f"{MOST_LONG_SIDE} pixels long; 481 is usual."
        )


def input_size_for(
    frame_size: tuple[int, int], long_side: int, stride: int = 16
) -> tuple[int, int]:
    """Width and height of a network input for frames of `frame_size` (width, height).

    Both are `stride * k + 1`; the longer is the one nearest to `long_side`, the other keeps the
    frame's aspect as nearly as that allows.
    """
    cells = max(1, round((long_side - 1) / stride))
    longest = max(frame_size)
    width, height = (max(1, round(side / longest * cells)) * stride + 1 for side in frame_size)
    return width, height


@dataclass(frozen=True, slots=True)
class Placement:
    """How frames of one size are put into a network's input: resampled, then padded."""

    frame_size: tuple[int, int]
    """Width and height of the frame."""
    input_size: tuple[int, int]
    """Width and height of the network's input."""
    content_size: tuple[int, int]
    """Width and height that the frame takes up in the input, from its top left corner."""
    stride: int = 16
    """Input pixels from one grid cell to the next."""

    @classmethod
    def stretch(
        cls, frame_size: tuple[int, int], input_size: tuple[int, int], stride: int = 16
    ) -> Placement:
        """Fill the input with the frame, whatever the aspects.

        A frame that is a pixel short (640x480 in 641x481) is padded: cheaper, and sharper.
        """
        missing = [want - have for want, have in zip(input_size, frame_size, strict=True)]
        if all(0 <= pixels <= NEARLY_THE_SAME for pixels in missing):
            return cls(frame_size, input_size, frame_size, stride)
        return cls(frame_size, input_size, input_size, stride)

    @classmethod
    def letterbox(
        cls, frame_size: tuple[int, int], input_size: tuple[int, int], stride: int = 16
    ) -> Placement:
        """Keep the frame's aspect; what is left at the right or the bottom is black."""
        scale = min(want / have for want, have in zip(input_size, frame_size, strict=True))
        width, height = (max(1, round(side * scale)) for side in frame_size)
        return cls(frame_size, input_size, (width, height), stride)

    def trimmed(self, step: int) -> Placement:
        """Without the rows and columns that only pad: an input of whole steps of `step` pixels."""
        width, height = (
            min(whole, math.ceil(used / step) * step)
            for whole, used in zip(self.input_size, self.content_size, strict=True)
        )
        return replace(self, input_size=(width, height))

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels a frame pixel, in x and y."""
        return (
            self.content_size[0] / self.frame_size[0],
            self.content_size[1] / self.frame_size[1],
        )

    @property
    def offset(self) -> tuple[float, float]:
        """Input position of the centre of the frame's top left pixel, in x and y."""
        return (self.scale[0] - 1) / 2, (self.scale[1] - 1) / 2

    def resize(self, rgb: Rgb) -> Rgb:
        """The network's input for a frame: uint8 `[input height, input width, 3]`."""
        content: NDArray[Any] = rgb
        if self.content_size != self.frame_size:
            whole = int(1 / max(self.scale))
            if whole >= 2:
                # Averaging whole blocks is quick and leaves no aliasing for the last step.
                halved = (self.frame_size[0] // whole, self.frame_size[1] // whole)
                content = cv2.resize(content, halved, interpolation=cv2.INTER_AREA)
            if content.shape[1::-1] != self.content_size:
                content = cv2.resize(content, self.content_size, interpolation=cv2.INTER_LINEAR)
        right = self.input_size[0] - self.content_size[0]
        bottom = self.input_size[1] - self.content_size[1]
        if right == 0 and bottom == 0:
            return content
        border = cv2.BORDER_CONSTANT
        if max(right, bottom) <= NEARLY_THE_SAME:
            border = cv2.BORDER_REPLICATE
        return np.asarray(cv2.copyMakeBorder(content, 0, bottom, 0, right, border))

    def to_input(self, xy: NDArray[Any]) -> NDArray[np.float32]:
        """Frame pixels `[..., 2]` (x, y) to input pixels, float32."""
        return np.asarray(xy * np.asarray(self.scale) + np.asarray(self.offset), np.float32)

    def to_frame(self, xy: NDArray[Any]) -> NDArray[np.float32]:
        """Input pixels `[..., 2]` (x, y) to frame pixels, float32."""
        return np.asarray((xy - np.asarray(self.offset)) / np.asarray(self.scale), np.float32)
