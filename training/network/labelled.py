"""One labelled picture: what training learns from, as bytes in memory and as a file."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.files import write_whole
from inference.arrays import Labels, Rgb

UNKNOWN = 255
"""In `people` and `parts`: nobody knows, so nothing is learnt here."""

MAYBE = 254
"""In `people`: one of those who are marked, or nobody, but not somebody else."""

FORMAT = 1
"""Version of the files; others are made anew."""

_QUALITY = 93


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture and what is known about it."""

    rgb: Rgb
    people: Labels
    """uint8 `[H, W]`: 0 = nobody, n = the n-th person, `MAYBE`, `UNKNOWN`."""
    parts: Labels
    """uint8 `[H, W]`: BodyPix part id + 1 where `people` says somebody; else without meaning,
    `UNKNOWN` where the part is not known."""
    keypoints: NDArray[np.float32]
    """`[people, 17, 3]`: x, y in pixels, and 1 where known, 0 where not."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A `Labelled` as compressed bytes: thousands of them fit into memory."""

    rgb: bytes
    people: bytes
    parts: bytes
    keypoints: NDArray[np.float32]
    source: str
    """Which kind of source it is from: sampling and losses differ."""

    @classmethod
    def of(cls, item: Labelled, source: str) -> Packed:
        """Compress; the picture as JPEG, the label maps without loss."""
        bgr = np.asarray(cv2.cvtColor(item.rgb, cv2.COLOR_RGB2BGR), np.uint8)
        return cls(
            _encoded(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]),
            _encoded(".png", item.people, []),
            _encoded(".png", item.parts, []),
            np.asarray(item.keypoints, np.float32).reshape(-1, 17, 3),
            source,
        )

    def labelled(self) -> Labelled:
        """Decompress."""
        bgr = cv2.imdecode(np.frombuffer(self.rgb, np.uint8), cv2.IMREAD_COLOR)
        people = cv2.imdecode(np.frombuffer(self.people, np.uint8), cv2.IMREAD_GRAYSCALE)
        parts = cv2.imdecode(np.frombuffer(self.parts, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert bgr is not None
        assert people is not None
        assert parts is not None
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        return Labelled(
            rgb, np.asarray(people, np.uint8), np.asarray(parts, np.uint8), self.keypoints
        )

    def write(self, path: Path) -> None:
        """Write `path` whole or not at all; `CaptureError` when the disk is full."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            format=FORMAT,
            rgb=np.frombuffer(self.rgb, np.uint8),
            people=np.frombuffer(self.people, np.uint8),
            parts=np.frombuffer(self.parts, np.uint8),
            keypoints=self.keypoints,
            source=self.source,
        )
        write_whole(path, buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> Packed | None:
        """What `write` wrote; None when it is not there, damaged or of another version."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                if int(stored["format"]) != FORMAT:
                    return None
                return cls(
                    stored["rgb"].tobytes(),
                    stored["people"].tobytes(),
                    stored["parts"].tobytes(),
                    stored["keypoints"].astype(np.float32),
                    str(stored["source"]),
                )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None


def _encoded(ending: str, picture: NDArray[np.uint8], options: list[int]) -> bytes:
    done, data = cv2.imencode(ending, picture, options)
    assert done
    return data.tobytes()
