"""The clip every figure is measured on: real people, each frame with a number of its own."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, cycle
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bench import barcode
from capture.video import read_frames
from server.live.encoder import H264Encoder

DEFAULT_CLIP = Path(__file__).parent / "data" / "booth.mp4"
"""One person in front of a fixed camera, as most people will use it."""
FPS = 30
SOURCE_KBPS = 5000
"""What a browser sends at 640x480 when it may."""

I420 = NDArray[np.uint8]


class Clip:
    """A real clip, forwards and backwards for ever, at one size and 30 frames a second."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        """`size`: width and height; the picture is cropped to that aspect and scaled.

        Raises `VideoError` when it is no video.
        """
        self.size = size
        self._pictures = [_fitted(rgb, size) for rgb, _ in read_frames(path)]

    def frame(self, number: int) -> I420:
        """Frame `number` with its barcode, uint8 `[H * 3 / 2, W]`."""
        way = len(self._pictures) - 1
        turn = number % (2 * way)
        picture = self._pictures[turn if turn <= way else 2 * way - turn].copy()
        barcode.burn(picture[: self.size[1]], number)
        return picture

    def frames(self, count: int) -> Iterator[I420]:
        """The first `count` frames."""
        return (self.frame(number) for number in range(count))

    def packets(self, count: int) -> list[bytes]:
        """The first `count` frames as H.264 access units, as a browser would send them."""
        encoder = H264Encoder(SOURCE_KBPS)
        ticks = 90_000 // FPS
        made = (encoder.encode(frame, i * ticks) for i, frame in enumerate(self.frames(count)))
        return [b"" if packet is None else bytes(packet) for packet in made]

    def save_y4m(self, path: Path, count: int, fps: int = FPS) -> None:
        """Write the frames as YUV4MPEG2, what Chromium takes for a camera of so many a second."""
        width, height = self.size
        with path.open("wb") as file:
            file.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
            for frame in self.frames(count):
                file.write(b"FRAME\n" + frame.tobytes())

    def save_mp4(self, path: Path, count: int) -> None:
        """Write the frames as an H.264 file, such as a phone would record."""
        with av.open(f"file:{path}", "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = self.size
            stream.pix_fmt = "yuv420p"
            stream.options = {"preset": "veryfast", "crf": "18"}
            stream.codec_context.time_base = Fraction(1, FPS)
            pictures = (av.VideoFrame.from_ndarray(f, format="yuv420p") for f in self.frames(count))
            for number, picture in enumerate(pictures):
                picture.pts = number
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))


def _fitted(rgb: NDArray[np.uint8], size: tuple[int, int]) -> I420:
    width, height = size
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    inner = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(rgb, inner, interpolation=shrinks)
    left, top = (inner[0] - width) // 2, (inner[1] - height) // 2
    cropped = np.ascontiguousarray(scaled[top : top + height, left : left + width])
    return np.asarray(cv2.cvtColor(cropped, cv2.COLOR_RGB2YUV_I420), np.uint8)


def looped(packets: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered packets for ever; the numbers begin anew with the clip."""
    return chain.from_iterable(enumerate(packets) for packets in cycle([packets]))
