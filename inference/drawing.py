"""What the views are made of, straight on I420 planes: blending, soft masks, blur, squares.

Nothing here goes through RGB: a 640x480 picture is 460,800 bytes as I420 and 921,600 as RGB, and
both conversions would cost more than all of the drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb
from inference.body import PALETTE
from inference.errors import UnderstudyError

Plane = NDArray[np.uint8]
"""One channel of a picture, or a mask of 0..255: uint8 `[rows, columns]`."""

NEUTRAL_CHROMA = 128
"""U and V of every grey."""


def as_plane(matrix: cv2.typing.MatLike) -> Plane:
    """The same array; only the type checker sees a difference (OpenCV says "any numbers")."""
    return np.asarray(matrix, np.uint8)


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture as a video codec wants it: I420, BT.601, limited range (Y 16..235)."""

    i420: NDArray[np.uint8]
    """C-contiguous `[H * 3 / 2, W]`: H rows of Y, then a quarter as many bytes of U, then of V."""

    @classmethod
    def from_i420(cls, i420: NDArray[np.uint8]) -> Planes:
        """Wrap a buffer without copying it.

        Raises:
            UnderstudyError: not uint8 `[H * 3 / 2, W]`, C-contiguous, with even H and W.
        """
        rows, width = i420.shape if i420.ndim == 2 else (0, 0)
        if (
            i420.dtype != np.uint8
            or not rows
            or rows % 3
            or width % 2
            or not i420.flags.c_contiguous
        ):
            raise UnderstudyError(
                f"An array of {i420.dtype} {i420.shape} is no I420 picture: it must be one "
                f"contiguous block of bytes, height * 3 / 2 rows, both sides even."
            )
        return cls(i420)

    @classmethod
    def from_rgb(cls, rgb: Rgb) -> Planes:
        """Convert an RGB picture with even sides."""
        return cls.from_i420(as_plane(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)))

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels."""
        return self.i420.shape[1], self.i420.shape[0] * 2 // 3

    @property
    def y(self) -> Plane:
        """Luma `[H, W]`, a view."""
        return self.i420[: self.size[1]]

    @property
    def u(self) -> Plane:
        """Blue difference `[H / 2, W / 2]`, a view."""
        return self._chroma(0)

    @property
    def v(self) -> Plane:
        """Red difference `[H / 2, W / 2]`, a view."""
        return self._chroma(1)

    def _chroma(self, number: int) -> Plane:
        width, height = self.size
        # Not always whole rows of the buffer: where H is no multiple of four, U ends in mid-row.
        quarter = width * height // 4
        start = width * height + number * quarter
        plane = self.i420.reshape(-1)[start : start + quarter]
        return plane.reshape(height // 2, width // 2)

    def channels(self) -> tuple[Plane, Plane, Plane]:
        """Y, U, V: views on the buffer."""
        return self.y, self.u, self.v

    def copy(self) -> Planes:
        """The same picture in a buffer of its own."""
        return Planes(self.i420.copy())

    def rgb(self) -> Rgb:
        """The same picture as RGB, for stills."""
        return as_plane(cv2.cvtColor(self.i420, cv2.COLOR_YUV2RGB_I420))


def yuv_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BT.601 limited-range Y, U, V of RGB colours (ITU-R BT.601-7, section 2.5), `[..., 3]`."""
    matrix = np.array(
        [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
    )
    yuv = rgb.astype(np.float64) / 255 @ matrix.T + (16, 128, 128)
    colours: NDArray[np.uint8] = np.rint(yuv).astype(np.uint8)
    return colours


def colour_table(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Three tables of 256 entries, `[3, 256]`: class id -> Y, U, V; unknown ids are black."""
    table = np.tile(np.array([[16], [128], [128]], np.uint8), (1, 256))
    table[:, : len(rgb)] = yuv_of(rgb).T
    return table


PART_COLOURS: NDArray[np.uint8] = colour_table(PALETTE)
"""Class id of a label map -> Y, U, V of its colour, `[3, 256]`."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a picture with even sides at even places, so that chroma fits it too."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, box: tuple[float, float, float, float], size: tuple[int, int]) -> Region | None:
        """The smallest region that holds a box (x, y, width, height), cut to the picture."""
        x, y, width, height = box
        left, top = max(int(x), 0) & ~1, max(int(y), 0) & ~1
        right = min(-(-int(np.ceil(x + width)) // 2) * 2, size[0])
        bottom = min(-(-int(np.ceil(y + height)) // 2) * 2, size[1])
        return cls(left, top, right, bottom) if right > left and bottom > top else None

    def of(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The region of a full-size plane, a view."""
        return plane[self.top : self.bottom, self.left : self.right]

    def of_all(self, planes: Planes) -> tuple[Plane, Plane, Plane]:
        """The region of Y, U and V, views."""
        rows = slice(self.top // 2, self.bottom // 2)
        columns = slice(self.left // 2, self.right // 2)
        return self.of(planes.y), planes.u[rows, columns], planes.v[rows, columns]


def person_region(labels: Labels, margin: int) -> Region | None:
    """Where a label map is not background, with a margin in pixels; None when it is empty."""
    x, y, width, height = cv2.boundingRect(labels)
    if not width:
        return None
    box = (x - margin, y - margin, width + 2 * margin, height + 2 * margin)
    return Region.around(box, (labels.shape[1], labels.shape[0]))


def soft_mask(labels: Labels, radius: int) -> Plane:
    """255 inside the person, 0 outside, a slope of about `2 * radius` pixels along the outline.

    Args:
        labels: any part of a label map.
        radius: half the width of the slope in pixels; 0 for a hard edge.
    """
    _, mask = cv2.threshold(labels, 0, 255, cv2.THRESH_BINARY)
    if radius:
        side = 2 * radius + 1
        # Two box filters are all but a Gaussian, at half the price.
        mask = cv2.blur(cv2.blur(mask, (side, side)), (side, side))
    return as_plane(mask)


def halve(mask: Plane) -> Plane:
    """A mask at the size of the chroma planes."""
    size = (mask.shape[1] // 2, mask.shape[0] // 2)
    return as_plane(cv2.resize(mask, size, interpolation=cv2.INTER_AREA))


def blend(below: Plane, above: Plane | int, mask: Plane) -> Plane:
    """`below` where the mask is 0, `above` where it is 255, mixed between; exact at both ends."""
    shown = cv2.multiply(below, cv2.bitwise_not(mask), scale=1 / 255)
    if isinstance(above, int):
        covered = cv2.convertScaleAbs(mask, alpha=above / 255)
    else:
        covered = cv2.multiply(above, mask, scale=1 / 255)
    return as_plane(cv2.add(shown, covered))


def blur_background(planes: Planes, labels: Labels, strength: float) -> None:
    """Put a picture out of focus, without the person's colours leaking into what is around them.

    It is blurred at a small size as `blur(background) / blur(is background)` (normalised
    convolution, Knutsson and Westin, CVPR 1993). What lies behind the person is not of interest.

    Args:
        planes: changed in place, the person included.
        labels: label map of the whole picture.
        strength: sigma of the blur in picture heights.
    """
    # No detail finer than this survives the blur anyway; even, because chroma has half the size.
    cell = max(round(planes.size[1] / _BLUR_ROWS / 2) * 2, 2)
    person = _cell_means(soft_mask(labels, 0), cell, 0)
    # A little larger than the person: what the network missed along the outline must not leak.
    person = as_plane(cv2.dilate(person, np.ones((3, 3), np.uint8)))
    background = np.float32(1) - person.astype(np.float32) / np.float32(255) + np.float32(1e-3)
    sigma = max(strength * planes.size[1] / cell, 0.5)
    weight = cv2.GaussianBlur(background, (0, 0), sigma)
    for plane, side in zip(planes.channels(), (cell, cell // 2, cell // 2), strict=True):
        means = _cell_means(plane, side, None).astype(np.float32)
        blurred = cv2.GaussianBlur(means * background, (0, 0), sigma) / weight
        small = np.rint(blurred).astype(np.uint8)
        size = (small.shape[1] * side, small.shape[0] * side)
        whole = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
        plane[:] = whole[: plane.shape[0], : plane.shape[1]]


_BLUR_ROWS = 130
"""About how many rows a picture has while it is blurred."""


def pixelate_person(planes: Planes, labels: Labels, cells_high: int) -> None:
    """Replace every square that holds some of the person by its mean, in place.

    Args:
        planes: the picture.
        labels: label map of the whole picture.
        cells_high: squares in the height of the picture, about.
    """
    # Even, so that luma and chroma have the same squares.
    cell = max(round(planes.size[1] / cells_high / 2) * 2, 4)
    # Grown by a pixel: a share of less than 1/255 of a square would be rounded to none.
    person = as_plane(cv2.dilate(soft_mask(labels, 0), np.ones((3, 3), np.uint8)))
    hidden = _cell_means(person, cell, 0)
    for plane, side in zip(planes.channels(), (cell, cell // 2, cell // 2), strict=True):
        means = _cell_means(plane, side, None)
        size = (means.shape[1] * side, means.shape[0] * side)
        rows, columns = plane.shape
        squares = cv2.resize(means, size, interpolation=cv2.INTER_NEAREST)[:rows, :columns]
        mask = cv2.resize(hidden, size, interpolation=cv2.INTER_NEAREST)[:rows, :columns]
        cv2.copyTo(squares, mask, plane)


def _cell_means(plane: Plane, cell: int, beyond: int | None) -> Plane:
    """Means over squares of `cell` pixels; past the border lies `beyond`, None: the border again.

    Whole squares only, so that nothing is shifted, and because OpenCV is five times as fast then.
    """
    rows, columns = plane.shape
    down, right = -rows % cell, -columns % cell
    if down or right:
        border = cv2.BORDER_REPLICATE if beyond is None else cv2.BORDER_CONSTANT
        plane = as_plane(cv2.copyMakeBorder(plane, 0, down, 0, right, border, value=beyond or 0))
    size = (plane.shape[1] // cell, plane.shape[0] // cell)
    return as_plane(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
