"""Some frames of a performance as one picture, to be looked at or put into a page."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from capture.decoding import fitted
from inference.arrays import Rgb
from transfer.output.writer import PicturesWriter

SHOWN = 6
HEIGHT = 270
"""Of one frame, pixels."""
ASPECT = 1.8
"""Of the whole picture, about."""
KEPT = 64
"""Frames in memory, at most."""
QUALITY = 88


class Filmstrip(PicturesWriter):
    """Takes a clip's pictures one by one; at the end writes `SHOWN` of them, evenly spaced."""

    def __init__(self, path: Path) -> None:
        """`path` ends in `.jpg` or `.png`."""
        super().__init__(path)
        self._kept: list[Rgb] = []
        self._count, self._every = 0, 1

    def write(self, rgb: Rgb, time_s: float) -> None:
        """The next picture."""
        if self._count % self._every == 0:
            width = max(1, round(rgb.shape[1] * HEIGHT / rgb.shape[0]))
            small = cv2.resize(rgb, (width, HEIGHT), interpolation=cv2.INTER_AREA)
            self._kept.append(np.asarray(small, np.uint8))
        if len(self._kept) > KEPT:
            self._kept, self._every = self._kept[::2], 2 * self._every
        self._count += 1

    def finish(self) -> None:
        """Write the picture."""
        if not self._kept:
            return
        count = min(SHOWN, len(self._kept))
        places = ((np.arange(count) + 0.5) * len(self._kept) / count).astype(int)
        picture = _laid_out([self._kept[place] for place in places])
        _, data = cv2.imencode(
            self._path.suffix.lower(),
            cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, QUALITY],
        )
        self._temporary.write_bytes(data.tobytes())


def _laid_out(frames: list[Rgb]) -> Rgb:
    """In rows of as many as make the whole about `ASPECT` times as wide as high."""
    width = max(frame.shape[1] for frame in frames)

    def away(columns: int) -> float:
        rows = math.ceil(len(frames) / columns)
        return abs(math.log(columns * width / (rows * HEIGHT) / ASPECT))

    columns = min((n for n in range(1, len(frames) + 1) if len(frames) % n == 0), key=away)
    cells = [fitted(frame, (width, HEIGHT)) for frame in frames]
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.vstack(rows)
