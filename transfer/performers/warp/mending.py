"""What mends a warped picture: what it is told, what it says, and how that becomes the layer.

One function makes what it is told, for training, evaluation and the live picture; its version
stands in every checkpoint. It says corrections only: of alpha, and how much of a drawn colour is
mixed in. They are small and are enlarged; the references' pixels never are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels
from transfer.performers.condition import LIMBS, PARTS, draw_limbs
from transfer.performers.crop import Layer
from transfer.performers.warp.composition import Warped
from transfer.target.pieces import PIECE_OF_LABEL, Piece

VERSION = 1
SIZE = 256
"""Side of what a network is told, pixels."""
COLOUR, ALPHA, AGREEMENT, SEAMS, FILLED = 3, 6, 7, 8, 9
"""First planes of each, in `MendingInput.planes`; limbs are the first three."""
PLANES = LIMBS + 3 + 3 + 3
CHANNELS = PARTS + PLANES
RESIDUAL = 0.6
"""A drawn colour differs from the one filled in by so much at most, of 0..1."""

GAP = 0.04
"""Half of the widest gap between pieces that is closed, of the side."""
AROUND, HEAD_AROUND = 0.025, 0.004
"""So far around the references' outline the wanted one is believed, of the side; less of a head: a
driver's hair would become a dark halo of the double's."""
_LEVELS = 6
_SOLID, _WHOLLY = 0.75, 0.98
"""Alpha from which on a pixel's colour is the dancer's own: the wall shines through less."""
_ALPHAS = np.arange(256, dtype=np.float32)
_SOLIDNESS = np.square(((_ALPHAS / 255 - _SOLID) / (_WHOLLY - _SOLID)).clip(0, 1))
_WHOLE = 1 / np.maximum(_ALPHAS / 255, np.float32(0.5))
"""By alpha: how far a colour is the dancer's own, and what makes it whole."""

NEARLY = np.float32(0.02)
"""Alpha so near to 0 or 1 counts as that."""
_NEAREST = np.arange(256, dtype=np.uint8)
_NEAREST[: round(255 * float(NEARLY)) + 1] = 0
_NEAREST[-round(255 * float(NEARLY)) - 1 :] = 255

_HEAD = (PIECE_OF_LABEL == Piece.HEAD).astype(np.uint8)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MendingInput:
    """A network's input, uint8, `S` pixels square."""

    parts: Labels
    """`[S, S]`, label ids."""
    planes: NDArray[np.uint8]
    """`[S, S, PLANES]`: limbs, warped colour weighted by alpha, alpha, agreement, seams, and the
    warped colour with its holes filled from around."""


@dataclass(frozen=True, slots=True)
class Mended:
    """Corrections, all of one size."""

    colour: NDArray[np.uint8]
    """`[S, S, 3]`, drawn."""
    share: Floats
    """`[S, S]`, of the drawn colour, 0..1."""
    alpha: Floats
    """`[S, S]`, 0..1."""


class Mender(Protocol):
    """Says what is to be mended."""

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture."""


def mending_input(
    parts: Labels, keypoints: Keypoints, warped: Warped, size: int = SIZE
) -> MendingInput:
    """What a mender gets to see.

    Args:
        parts: the wanted label map of the whole canvas, of any size.
        keypoints: `[17, 3]`, in pixels of the told size.
        warped: on the canvas.
        size: of what is told, at most the canvas's.
    """
    small = (size, size)
    # OpenCV shrinks four planes at once, no more, and merges them sooner than NumPy does.
    shown = cv2.merge([*cv2.split(warped.colour), warped.alpha])
    shown = np.asarray(cv2.resize(shown, small, interpolation=cv2.INTER_AREA), np.uint8)
    sure = cv2.merge([warped.agreement, warped.seams])
    sure = np.asarray(cv2.resize(sure, small, interpolation=cv2.INTER_AREA), np.uint8)
    *colours, alpha = (np.asarray(one, np.uint8) for one in cv2.split(shown))
    labels = np.asarray(cv2.resize(parts, small, interpolation=cv2.INTER_NEAREST), np.uint8)
    labels = np.asarray(cv2.bitwise_and(labels, believed(labels, alpha)), np.uint8)
    around = filled(np.asarray(cv2.merge(colours), np.uint8), alpha)
    planes = cv2.merge([draw_limbs(keypoints, size), shown, sure, around])
    return MendingInput(labels, np.asarray(planes, np.uint8))


def believed(labels: Labels, alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 where the references show the dancer, gaps closed, and a little around; else 0. Both
    `[S, S]`.

    The driver's label map says nothing beyond: their hair and their skirt are not the target's.
    """
    radius = max(1, round(GAP * len(alpha)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    solid = np.pad((alpha >= 128).astype(np.uint8) * np.uint8(255), radius)
    whole = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc)[radius:-radius, radius:-radius]
    limbs, head = (
        cv2.dilate(whole, np.ones((side, side), np.uint8))
        for side in (2 * round(share * len(alpha)) + 1 for share in (AROUND, HEAD_AROUND))
    )
    return np.asarray(np.where(cv2.LUT(labels, _HEAD) > 0, head, limbs), np.uint8)


def filled(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours `[S, S, 3]` weighted by alpha become whole; where there is none, those from around.

    From solid pixels only, ever coarser (the pull-push pyramid of `transfer.target.plate`).
    """
    solid = cv2.LUT(cv2.erode(alpha, np.ones((3, 3), np.uint8)), _SOLIDNESS)
    weight = cv2.merge([cv2.multiply(solid, cv2.LUT(alpha, _WHOLE))] * 3)
    coloured = cv2.multiply(colour, weight, dtype=cv2.CV_32F)
    levels = [(coloured, solid)]
    for _ in range(_LEVELS):
        height, width = solid.shape[:2]
        if min(height, width) < 4:
            break
        half = (width + 1) // 2, (height + 1) // 2
        coloured, solid = (
            cv2.resize(one, half, interpolation=cv2.INTER_AREA) for one in levels[-1]
        )
        levels.append((coloured, solid))
    total = coloured.sum(axis=(0, 1)) / max(float(solid.sum()), 1e-3)
    below = np.full((*solid.shape[:2], 3), total, np.float32)
    for number, (coloured, solid) in enumerate(reversed(levels)):
        height, width = solid.shape[:2]
        if number:
            below = np.asarray(cv2.resize(below, (width, height)), np.float32)
        share = solid if number == len(levels) - 1 else cv2.min(2 * solid, 1.0)  # type: ignore[call-overload]
        own = share / cv2.max(solid, 1e-3)  # type: ignore[call-overload]
        below = cv2.multiply(coloured, cv2.merge([own] * 3)) + cv2.multiply(
            below, cv2.merge([1 - share] * 3)
        )
    return np.asarray(cv2.convertScaleAbs(below), np.uint8)


def mended_of(corrections: Floats, inputs: MendingInput) -> Mended:
    """A network's output `[S, S, 5]` as corrections."""
    residual = cv2.multiply(
        np.ascontiguousarray(corrections[..., :3]),
        (255 * RESIDUAL,) * 4,  # type: ignore[call-overload]
    )
    filled = np.ascontiguousarray(inputs.planes[..., FILLED:])
    colour = np.asarray(cv2.add(filled, residual, dtype=cv2.CV_8U), np.uint8)
    return Mended(
        colour,
        np.ascontiguousarray(corrections[..., 4]),
        np.ascontiguousarray(corrections[..., 3]),
    )


class WithoutNetwork:
    """Fills holes within the wanted silhouette with the colours around them, and nothing else."""

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture."""
        somebody = (inputs.parts > 0).astype(np.float32)
        inside = cv2.blur(cv2.erode(somebody, np.ones((3, 3), np.uint8)), (3, 3))
        alpha = inputs.planes[..., ALPHA] * np.float32(1 / 255)
        hole = np.asarray(inside * (1 - alpha), np.float32)
        return Mended(np.ascontiguousarray(inputs.planes[..., FILLED:]), hole, alpha + hole)


def mended_layer(warped: Warped, inputs: MendingInput, mended: Mended) -> Layer:
    """The layer `[S, S, 4]` of the canvas's size.

    Alpha is corrected, not replaced: what the network says is as coarse as what it is told.
    """
    size = len(warped.alpha)
    layer = np.zeros((size, size, 4), np.uint8)
    scale = size / len(mended.alpha)
    told = np.ascontiguousarray(inputs.planes[..., ALPHA])
    there = cv2.max(told, cv2.convertScaleAbs(mended.alpha, alpha=255))
    x, y, width, height = cv2.boundingRect(there)
    if width == 0:
        return layer
    low = np.s_[y : y + height, x : x + width]
    x0, y0, x1, y1 = (round(one * scale) for one in (x, y, x + width, y + height))
    high, box = np.s_[y0:y1, x0:x1], (x1 - x0, y1 - y0)
    own_low, wanted = told[low] * np.float32(1 / 255), mended.alpha[low]
    # As factors, not as a difference: that would leave a thin line of each edge it takes away.
    less = wanted / np.maximum(own_low, NEARLY)
    more = (1 - wanted) / np.maximum(1 - own_low, NEARLY)
    factors = cv2.convertScaleAbs(cv2.merge([less, more]), alpha=255)
    less, more = cv2.split(cv2.resize(factors, box, interpolation=cv2.INTER_LINEAR))
    colours = cv2.resize(mended.colour[low], box, interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(mended.share[low], box, interpolation=cv2.INTER_LINEAR)
    own = np.ascontiguousarray(warped.alpha[high])
    kept = cv2.multiply(own, less, scale=1 / 255)
    alpha = cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(kept), more, scale=1 / 255))
    alpha = cv2.LUT(alpha, _NEAREST)
    rest = 1 - share
    # The warped colour is weighted by alpha already, the drawn one is not.
    mixed = cv2.blendLinear(colours, np.ascontiguousarray(warped.colour[high]), share, rest)
    weight = cv2.max(255 * share + cv2.multiply(own, rest, dtype=cv2.CV_32F), 1.0)  # type: ignore[call-overload]
    factor = cv2.divide(alpha, weight, dtype=cv2.CV_32F)
    colour = cv2.multiply(mixed, cv2.merge([factor] * 3), dtype=cv2.CV_8U)
    bounded = cv2.min(colour, cv2.merge([alpha] * 3))
    layer[high] = cv2.merge([*cv2.split(bounded), alpha])
    return layer
