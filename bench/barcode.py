"""A number burnt into a picture that survives compression: which frame is it?

Twenty-four squares along the top: sixteen bits of number, eight of check sum, white for 1.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

NUMBERS = 1 << 16
"""Numbers from 0 to one less than this."""
BITS = 24
SQUARE = 16
"""Pixels of a square's side."""
_WHITE, _BLACK = 235, 16
_SURE = 30
"""A square's mean must be so far from the middle."""

Luma = NDArray[np.uint8]


def burn(luma: Luma, number: int) -> None:
    """Write `number` into the top rows of `luma`, uint8 `[H, W]`, W at least 384."""
    code = number << 8 | _check(number)
    bits = np.array([code >> shift & 1 for shift in reversed(range(BITS))], np.uint8)
    row = np.where(bits, np.uint8(_WHITE), np.uint8(_BLACK)).repeat(SQUARE)
    luma[:SQUARE, : BITS * SQUARE] = row


def read(luma: Luma) -> int | None:
    """The number in the top rows, or None when there is none to be sure of."""
    squares = luma[4 : SQUARE - 4, : BITS * SQUARE].reshape(SQUARE - 8, BITS, SQUARE)[..., 4:-4]
    means = squares.mean(axis=(0, 2)) - (_WHITE + _BLACK) / 2
    if np.abs(means).min() < _SURE:
        return None
    code = int("".join("1" if mean > 0 else "0" for mean in means), 2)
    number, check = code >> 8, code & 0xFF
    return number if check == _check(number) else None


def _check(number: int) -> int:
    return zlib.crc32(number.to_bytes(2, "big")) & 0xFF
