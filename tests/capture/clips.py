"""Small videos with a barcode in every frame, made from a real clip, in all odd shapes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

CLIP = Path(__file__).parents[1] / "data" / "juggler_320.mp4"
CELL = 16
BITS = 8

Picture = NDArray[np.uint8]


def pictures(count: int) -> list[Picture]:
    """The first frames of the real clip, each with its number burnt into the top row."""
    with av.open(CLIP) as container:
        frames = container.decode(video=0)
        return [
            with_barcode(next(frames).to_ndarray(format="rgb24"), index) for index in range(count)
        ]


def with_barcode(picture: Picture, number: int) -> Picture:
    """Burn a number in: eight black or white cells, the highest bit first."""
    picture = picture.copy()
    for bit in range(BITS):
        value = 255 * (number >> (BITS - 1 - bit) & 1)
        picture[:CELL, bit * CELL : (bit + 1) * CELL] = value
    return picture


def barcode(picture: Picture) -> int:
    """The number burnt into a picture."""
    number = 0
    for bit in range(BITS):
        cell = picture[4 : CELL - 4, bit * CELL + 4 : (bit + 1) * CELL - 4]
        number = number * 2 + int(cell.mean() > 127)
    return number


def write_video(
    path: Any,
    frames: Sequence[Picture],
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    container_format: str | None = None,
) -> Any:
    """Encode pictures into a file; `times` in milliseconds (25 frames a second when not given)."""
    target = str(path) if isinstance(path, Path) else path
    with av.open(
        target, "w", format=container_format, container_options=container_options or {}
    ) as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.pix_fmt = pixels
        stream.height, stream.width = frames[0].shape[:2]
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = times[index] if times is not None else index * 40
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def patch(path: Path, old: bytes, new: bytes, every: bool = False) -> Path:
    """Replace bytes of a file by as many others."""
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new, -1 if every else 1))
    return path
