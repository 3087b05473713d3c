"""Where a body in a known pose can be: a curtain beside a leg is not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints
from inference.skeleton import body_scale

SURE = 0.5
"""Key points scored less may be anywhere that their limb reaches."""
THICK = 0.1
"""From a limb's middle to its outline, clothes included; this and what follows are shares of the
body's height."""
END = 0.12
"""From wrists and ankles to the tips of fingers and toes."""
HEAD = 0.22
"""From the middle of the face to the ends of the hair."""

_TRUNK = (5, 6, 12, 11)
_LIMBS = ((5, 7, 9, 0.36), (6, 8, 10, 0.36), (11, 13, 15, 0.49), (12, 14, 16, 0.49))
"""Where a limb begins, bends and ends, and its length (proportions after Winter, "Biomechanics and
Motor Control of Human Movement", table 4.1)."""
_FACE = 5
_FRACTION_BITS = 4


def mask_limits(keypoints: Keypoints, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The cells `shape` of a grid where a person can be; None when too little of them is sure.

    `keypoints`: `[17, 3]`, x and y in cells. Drawn without looking at pixels: it costs little.
    """
    points = keypoints.tolist()
    sure = [score >= SURE for _, _, score in points]
    if not (all(sure[one] for one in _TRUNK) and any(sure[:_FACE])):
        return None
    height = body_scale(keypoints)
    drawn = np.zeros(shape, np.uint8)

    def at(number: int) -> tuple[int, int]:
        x, y, _ = points[number]
        return round(x * (1 << _FRACTION_BITS)), round(y * (1 << _FRACTION_BITS))

    def line(first: int, second: int) -> None:
        thick = max(1, round(2 * THICK * height))
        cv2.line(drawn, at(first), at(second), 1, thick, cv2.LINE_8, _FRACTION_BITS)

    def disc(number: int, share: float) -> None:
        radius = round(share * height * (1 << _FRACTION_BITS))
        cv2.circle(drawn, at(number), radius, 1, -1, cv2.LINE_8, _FRACTION_BITS)

    for first, second in zip(_TRUNK, _TRUNK[1:] + _TRUNK[:1], strict=True):
        line(first, second)
    for number in range(_FACE):
        if sure[number]:
            disc(number, HEAD)
    for begin, bend, end, length in _LIMBS:
        if not sure[bend]:
            disc(begin, length + END)
            continue
        line(begin, bend)
        if sure[end]:
            line(bend, end)
            disc(end, END)
        else:
            disc(bend, length / 2 + END)
    return drawn.view(np.bool_)
