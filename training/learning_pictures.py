"""Small pictures in a run's folder that show how it learns: held-out poses, true and as drawn.

```
RUN/pictures/
  true.jpg     some held-out frames side by side
  000012.jpg   the same as they were drawn after 12 s of training, and so on
```
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from capture.files import write_whole
from inference.arrays import Rgb

FOLDER = "pictures"
TRUE_NAME = "true.jpg"
POSES = 5
SIDE = 192
"""Pixels of one picture's height."""
EARLY_SECONDS = 60.0
EARLY_EVERY, LATER_EVERY = 8.0, 20.0
"""Seconds between pictures in the first minute (drawing takes some too: under 10), and later."""
MOST_AN_AGE = 180
"""From an hour on they come so many in the time the run is old, so their number stays small."""
QUALITY = 85


def chosen(count: int) -> list[int]:
    """Places of `POSES` frames spread over `count` (fewer when there are fewer)."""
    return sorted({round(place) for place in np.linspace(0, count - 1, POSES)}) if count else []


class LearningPictures:
    """Writes a picture whenever one is due; `seconds` are those of training so far."""

    def __init__(self, run: Path) -> None:
        self._folder = run / FOLDER
        self._last: float | None = None

    def due(self, seconds: float) -> bool:
        """Whether it is time for another."""
        if self._last is None:
            return True
        every = EARLY_EVERY if seconds < EARLY_SECONDS else LATER_EVERY
        return seconds - self._last >= max(every, seconds / MOST_AN_AGE)

    def write_true(self, pictures: Sequence[Rgb]) -> None:
        """What the drawn ones are compared with: uint8 `[S, S, 3]` each."""
        self._write(TRUE_NAME, pictures)

    def write(self, seconds: float, pictures: Sequence[Rgb]) -> None:
        """The same frames as they are drawn now."""
        self._last = seconds
        self._write(f"{int(seconds):06d}.jpg", pictures)

    def _write(self, name: str, pictures: Sequence[Rgb]) -> None:
        small = [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in pictures]
        bgr = cv2.cvtColor(np.hstack(small), cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        self._folder.mkdir(exist_ok=True)
        write_whole(self._folder / name, data.tobytes())
