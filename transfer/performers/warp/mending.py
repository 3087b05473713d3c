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
from transfer.performers.warp.composition import Warped

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
AROUND = 0.025
"""So far around the references' outline the wanted one is believed, of the side."""
_LEVELS = 6
_SOLID, _WHOLLY = 0.75, 0.98
"""Alpha from which on a pixel's colour is the dancer's own: the wall shines through less."""

NEARLY = np.float32(0.02)
"""Alpha so near to 0 or 1 counts as that."""

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
    """Corrections, float32, all of one size, 0..1."""

    colour: Floats
    """`[S, S, 3]`, drawn."""
    share: Floats
    """`[S, S]`, of the drawn colour."""
    alpha: Floats
    """`[S, S]`."""


class Mender(Protocol):
    """Says what is to be mended."""

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture."""


def mending_input(
    parts: Labels, keypoints: Keypoints, warped: Warped, size: int = SIZE
) -> MendingInput:
    """What a mender gets to see.

    Args:
        parts: the wanted label map on the canvas.
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
    labels[closed(alpha) == 0] = 0
    around = filled(np.asarray(cv2.merge(colours), np.uint8), alpha)
    planes = cv2.merge([draw_limbs(keypoints, size), shown, sure, around])
    return MendingInput(labels, np.asarray(planes, np.uint8))


def closed(alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 where the references show the dancer, gaps closed, and a little around; else 0.

    The driver's label map says nothing beyond: their hair and their skirt are not the target's.
    """
    radius = max(1, round(GAP * len(alpha)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    solid = np.pad((alpha >= 128).astype(np.uint8) * np.uint8(255), radius)
    whole = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc)[radius:-radius, radius:-radius]
    side = 2 * max(1, round(AROUND * len(alpha))) + 1
    return np.asarray(cv2.dilate(whole, np.ones((side, side), np.uint8)), np.uint8)


def filled(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours `[S, S, 3]` weighted by alpha become whole; where there is none, those from around.

    From solid pixels only, ever coarser (the pull-push pyramid of `transfer.target.plate`).
    """
    least = cv2.erode(alpha, np.ones((3, 3), np.uint8)).astype(np.float32) / 255
    solid = np.square(((least - _SOLID) / (_WHOLLY - _SOLID)).clip(0, 1))
    weight = solid / np.maximum(alpha.astype(np.float32), 128)
    level = np.dstack([colour * weight[..., None], solid]).astype(np.float32)
    levels = [level]
    for _ in range(_LEVELS):
        height, width = level.shape[:2]
        if min(height, width) < 2:
            break
        half = (width + 1) // 2, (height + 1) // 2
        level = np.asarray(cv2.resize(level, half, interpolation=cv2.INTER_AREA), np.float32)
        levels.append(level)
    total = levels[-1].sum(axis=(0, 1))
    below = np.full((*level.shape[:2], 3), total[:3] / max(float(total[3]), 1e-3), np.float32)
    for number, level in enumerate(reversed(levels)):
        height, width = level.shape[:2]
        if number:
            below = np.asarray(cv2.resize(below, (width, height)), np.float32)
        own = level[..., :3] / np.maximum(level[..., 3:], 1e-3)
        last = number == len(levels) - 1
        share = level[..., 3:] if last else (2 * level[..., 3:]).clip(0, 1)
        below = np.asarray(own * share + below * (1 - share), np.float32)
    return np.asarray((below * 255).round().clip(0, 255), np.uint8)


def mended_of(corrections: Floats, inputs: MendingInput) -> Mended:
    """A network's output `[S, S, 5]` as corrections."""
    filled = inputs.planes[..., FILLED:].astype(np.float32) * (1 / 255)
    colour = (filled + RESIDUAL * corrections[..., :3]).clip(0, 1)
    return Mended(colour, corrections[..., 4], corrections[..., 3])


class WithoutNetwork:
    """Fills holes within the wanted silhouette with the colours around them, and nothing else."""

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture."""
        somebody = (inputs.parts > 0).astype(np.float32)
        inside = cv2.blur(cv2.erode(somebody, np.ones((3, 3), np.uint8)), (3, 3))
        alpha = inputs.planes[..., ALPHA] * np.float32(1 / 255)
        hole = np.asarray(inside * (1 - alpha), np.float32)
        colour = inputs.planes[..., FILLED:] * np.float32(1 / 255)
        return Mended(colour, hole, alpha + hole)


def mended_layer(warped: Warped, inputs: MendingInput, mended: Mended) -> Floats:
    """The layer `[S, S, 4]` of the canvas's size: RGB weighted by alpha, and alpha, 0..1.

    Alpha is corrected, not replaced: what the network says is as coarse as what it is told.
    """
    size = len(warped.alpha)
    layer = np.zeros((size, size, 4), np.float32)
    scale = size / len(mended.alpha)
    there = ((mended.alpha > 1 / 255) | (inputs.planes[..., ALPHA] > 0)).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(there)
    if width == 0:
        return layer
    low = np.s_[y : y + height, x : x + width]
    x0, y0, x1, y1 = (round(one * scale) for one in (x, y, x + width, y + height))
    high, box = np.s_[y0:y1, x0:x1], (x1 - x0, y1 - y0)
    told_alpha = inputs.planes[low][..., ALPHA] * np.float32(1 / 255)
    # As factors, not as a difference: that would leave a thin line of each edge it takes away.
    less = (mended.alpha[low] / np.maximum(told_alpha, NEARLY)).clip(0, 1)
    more = ((1 - mended.alpha[low]) / np.maximum(1 - told_alpha, NEARLY)).clip(0, 1)
    small = np.dstack([mended.share[low], less, more])
    colours, factors = (
        np.asarray(cv2.resize(one, box, interpolation=cv2.INTER_LINEAR), np.float32)
        for one in (mended.colour[low], small)
    )
    own = warped.alpha[high] * np.float32(1 / 255)
    share = np.ascontiguousarray(factors[..., 0])
    alpha = 1 - (1 - own * factors[..., 1]) * factors[..., 2]
    rest = 1 - share
    # As weights of the drawn colour and of the warped one, which is weighted by alpha already.
    factor = alpha / np.maximum(share + rest * own, np.float32(1e-3))
    drawn, kept = cv2.merge([share * factor] * 3), cv2.merge([rest * factor * (1 / 255)] * 3)
    colour = cv2.add(
        cv2.multiply(colours, drawn),
        cv2.multiply(warped.colour[high], kept, dtype=cv2.CV_32F),
    )
    layer[high] = cv2.merge([*cv2.split(cv2.min(colour, cv2.merge([alpha] * 3))), alpha])
    return layer
