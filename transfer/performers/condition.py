"""What a generator is told: body parts, limbs and face points, and its own previous picture.

One function draws it for training, evaluation and the live picture, and one encodes it; their
version stands in every checkpoint.
"""

from __future__ import annotations

import colorsys
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels
from inference.body import LABEL_NAMES, SKELETON
from inference.skeleton import MIN_SCORE
from transfer.performers.crop import Matrix

VERSION = 1
PARTS = len(LABEL_NAMES)
"""Channels of the part map, background included."""
LIMBS = 3
PREVIOUS = 4
CHANNELS = PARTS + LIMBS + PREVIOUS
"""The last four are RGB weighted by alpha, and alpha, of the previous picture."""
FACE_POINTS = 5
_FRACTION_BITS = 4

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Which of the condition a generator gets; the rest is zero."""

    parts: bool = True
    pose: bool = True
    previous: bool = False
    """Costs a second picture a step while it is learnt."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ingredients:
        """As `to_json` made it; files of older versions say more."""
        return cls(bool(data["parts"]), bool(data["pose"]), bool(data["previous"]))

    def to_json(self) -> dict[str, Any]:
        """As it stands in a run."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A condition as pictures of the crop's size."""

    parts: Labels
    """`[S, S]`, label ids 0..24."""
    limbs: Picture
    """`[S, S, 3]`, each limb in its colour, on black."""


def draw_condition(labels: Labels, keypoints: Keypoints, matrix: Matrix, size: int) -> Drawn:
    """Draw the condition of one picture.

    Args:
        labels: the label map in any picture.
        keypoints: `[17, 3]` in the same picture.
        matrix: 2x3, from there to the crop.
        size: side of the crop, pixels.
    """
    parts = cv2.warpAffine(labels, matrix, (size, size), flags=cv2.INTER_NEAREST)
    return Drawn(np.asarray(parts, np.uint8), draw_limbs(moved(keypoints, matrix), size))


def moved(keypoints: Keypoints, matrix: Matrix) -> Keypoints:
    """Key points `[17, 3]` in the pixels that a 2x3 matrix leads to."""
    points = keypoints.copy()
    points[:, :2] = keypoints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return points


def draw_limbs(keypoints: Keypoints, size: int) -> Picture:
    """Limbs and face points `[17, 3]`, in pixels of the picture, in fixed colours."""
    picture = np.zeros((size, size, 3), np.uint8)
    thick = max(1, round(size / 64))
    fixed = np.rint(keypoints[:, :2] * (1 << _FRACTION_BITS)).clip(-(2**20), 2**20).astype(int)
    seen = keypoints[:, 2] >= MIN_SCORE
    for (first, second), colour in zip(SKELETON, _LIMB_COLOURS, strict=True):
        if seen[first] and seen[second]:
            ends = tuple(map(int, fixed[first])), tuple(map(int, fixed[second]))
            cv2.line(picture, *ends, colour, thick, cv2.LINE_AA, _FRACTION_BITS)
    for number, colour in enumerate(_FACE_COLOURS):
        if seen[number]:
            centre = tuple(map(int, fixed[number]))
            radius = thick << _FRACTION_BITS
            cv2.circle(picture, centre, radius, colour, -1, cv2.LINE_AA, _FRACTION_BITS)
    return picture


def _wheel(count: int, brightness: float) -> list[tuple[int, int, int]]:
    """Colours all around the wheel: left and right must not look alike."""
    turns = [colorsys.hsv_to_rgb(number / count, 1.0, brightness) for number in range(count)]
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in turns]


_LIMB_COLOURS = _wheel(len(SKELETON), 0.8)
_FACE_COLOURS = _wheel(FACE_POINTS, 1.0)
