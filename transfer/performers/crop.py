"""The square around the dancer that a generator renders: in the target's picture and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb
from transfer.target.normalisation import Transform

ROOM = 1.12
"""Side of the square over the longest side of the dancers it must hold."""
MOST = 0.98
"""Share of the target's frames whose dancer fits into the usual square."""

Matrix = NDArray[np.float64]
Layer = NDArray[np.uint8]
"""`[S, S, 4]`: RGB weighted by alpha, and alpha."""


def joined(second: Matrix, first: Matrix) -> Matrix:
    """First one, then the other; all 2x3."""
    made = second[:, :2] @ first
    made[:, 2] += second[:, 2]
    return np.asarray(made)


@dataclass(frozen=True, slots=True)
class Crop:
    """A square in pixels of a picture; it may reach beyond the picture's edges."""

    x: int
    y: int
    """Of the left upper corner."""
    side: int

    def matrix(self, size: int) -> Matrix:
        """2x3, from the picture's pixels to those of the crop at `size` pixels."""
        factor = size / self.side
        shift = factor / 2 - 0.5
        return np.array(
            [[factor, 0, shift - self.x * factor], [0, factor, shift - self.y * factor]]
        )

    def cut(self, rgb: Rgb, size: int) -> Rgb:
        """The picture inside, `[size, size, 3]`; beyond the edges the edge goes on."""
        height, width = rgb.shape[:2]
        right, bottom = self.x + self.side, self.y + self.side
        if self.x >= 0 and self.y >= 0 and right <= width and bottom <= height:
            inside = rgb[self.y : bottom, self.x : right]
        else:
            rows = np.arange(self.y, bottom).clip(0, height - 1)
            columns = np.arange(self.x, right).clip(0, width - 1)
            inside = rgb[np.ix_(rows, columns)]
        method = cv2.INTER_AREA if size < self.side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(inside, (size, size), interpolation=method), np.uint8)

    def paste(self, layer: Layer, picture: Rgb) -> Rgb:
        """A copy of `picture` with a layer over it."""
        height, width = picture.shape[:2]
        made = picture.copy()
        x0, y0 = max(0, self.x), max(0, self.y)
        x1, y1 = min(width, self.x + self.side), min(height, self.y + self.side)
        if x1 <= x0 or y1 <= y0:
            return made
        large = cv2.resize(layer, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        part = large[y0 - self.y : y1 - self.y, x0 - self.x : x1 - self.x]
        behind = cv2.merge([cv2.bitwise_not(part[..., 3])] * 3)
        region = made[y0:y1, x0:x1]
        made[y0:y1, x0:x1] = cv2.add(
            cv2.multiply(region, behind, scale=1 / 255), cv2.cvtColor(part, cv2.COLOR_BGRA2BGR)
        )
        return made


def usual_side(label_maps: Sequence[Labels]) -> int:
    """Side of the square for a clip, from its label maps."""
    boxes = [cv2.boundingRect((labels > 0).astype(np.uint8)) for labels in label_maps]
    sides = [max(width, height) for _, _, width, height in boxes]
    return max(32, round(float(np.quantile(sides, MOST)) * ROOM))


def crop_around(labels: Labels, side: int) -> Crop | None:
    """The square around the dancer of a label map in the picture; None when nobody is there.

    As large as usual, so that everybody is rendered at one scale; larger when that is too small.
    """
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    if width == 0:
        return None
    return _around(x, y, width, height, side)


def crop_around_moved(
    labels: Labels, transform: Transform, size: tuple[int, int], side: int
) -> Crop | None:
    """The same in a target's picture of `size`, where the dancer stands after `transform`.

    None when nothing of them is in that picture. Around what is in it, as in training: a target
    behind a table has no legs, and whoever shows theirs must not make the rest small.
    """
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    x0, x1 = np.array([x, x + width]) * transform.scale + transform.x
    y0, y1 = np.array([y, y + height]) * transform.scale + transform.y
    return crop_around_box((x0, y0, x1, y1), size, side)


def crop_around_box(
    box: tuple[float, float, float, float], size: tuple[int, int], side: int
) -> Crop | None:
    """The same around a box: left, top, right, bottom, pixels of the target's picture."""
    x0, x1 = np.clip([box[0], box[2]], 0, size[0])
    y0, y1 = np.clip([box[1], box[3]], 0, size[1])
    if x1 <= x0 or y1 <= y0:
        return None
    return _around(x0, y0, x1 - x0, y1 - y0, side)


def _around(x: float, y: float, width: float, height: float, side: int) -> Crop:
    side = max(side, round(max(width, height) * ROOM))
    return Crop(round(x + (width - side) / 2), round(y + (height - side) / 2), side)
