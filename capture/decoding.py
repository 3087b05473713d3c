"""From packets of a video stream to upright RGB pictures and their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av.error
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from inference.arrays import Rgb

WIDEST_PIXEL = 4
"""Width over height of a pixel, or the other way round: more is nonsense in the file."""


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """What can be read of the stream: the end of a broken file is an end, not an error."""
    demuxed = container.demux(stream)
    while True:
        try:
            packet = next(demuxed)
        except (StopIteration, av.error.FFmpegError):
            return
        if packet.size:
            yield packet


class Decoder:
    """The whole frames of a stream, and how many were not whole."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.damaged = 0
        self._packets = packets(container, stream)
        self._codec = stream.codec_context

    def frames(self) -> Iterator[VideoFrame]:
        """In order of presentation; those that the decoder holds back at the end included."""
        latest: Packet[VideoStream] | None = None
        for packet in self._packets:
            if latest is not None:
                yield from self._decode(latest)
            latest = packet
        if latest is not None and latest.is_corrupt:  # The file ends within it.
            self.damaged += 1
        elif latest is not None:
            yield from self._decode(latest)
        yield from self._decode(None)

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[VideoFrame]:
        try:
            frames = self._codec.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            if frame.is_corrupt:
                self.damaged += 1
            else:
                yield frame


class Clock:
    """Seconds since the first frame that always grow, whatever the file says."""

    def __init__(self, fps: float, time_base: Fraction | None) -> None:
        """`time_base`: seconds of one tick of a frame's time; None when it must not be trusted."""
        self._step = 1 / fps
        self._time_base = time_base
        self._offset = 0.0
        self._latest: float | None = None

    def seconds(self, frame: VideoFrame) -> float:
        """When the next frame is shown."""
        stamp: float | None = None
        if frame.pts is not None and self._time_base is not None:
            stamp = float(frame.pts * self._time_base)
        if self._latest is None:
            self._latest, self._offset = 0.0, -(stamp or 0.0)
            return 0.0
        shown = self._latest if stamp is None else round(stamp + self._offset, 6)
        if shown <= self._latest:
            shown = round(self._latest + self._step, 6)
            if stamp is not None:
                self._offset = shown - stamp
        self._latest = shown
        return shown


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright: transposed first, then mirrored."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """From the display matrix (ISO/IEC 14496-12, 6.2.2: x' = a x + c y, y' = b x + d y)."""
        data = cast(Mapping[Type, Any], frame.side_data).get(Type.DISPLAYMATRIX)
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @property
    def degrees(self) -> int:
        """The turn, clockwise; a mirror image has the turn of what it mirrors."""
        if self.transposed:
            return 90 if self.mirrored_x else 270
        return 180 if self.mirrored_y else 0

    def applied(self, rgb: Rgb) -> Rgb:
        """The upright picture."""
        if self.transposed:
            rgb = cast(Rgb, cv2.transpose(rgb))
        if self.mirrored_x or self.mirrored_y:
            code = -1 if self.mirrored_x and self.mirrored_y else int(self.mirrored_x)
            rgb = cast(Rgb, cv2.flip(rgb, code))
        return rgb


def square_width(width: int, ratio: Fraction | None) -> int:
    """Width of a picture once its pixels are square; even, unless nothing is to be done.

    Args:
        width: of the stored picture, in pixels.
        ratio: width over height of a stored pixel (the sample aspect ratio). None, 0 and what no
            camera or disc has (`WIDEST_PIXEL`) are taken for 1; so is what rounding made of 1.
    """
    if ratio is None or not 1 / WIDEST_PIXEL <= ratio <= WIDEST_PIXEL:
        return width
    wanted = width * ratio
    return width if abs(wanted - width) < 1 else max(2, 2 * round(wanted / 2))


def fitted(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    """The picture within another size, its aspect kept, black around it."""
    height, width = rgb.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        rgb, inner, interpolation=cv2.INTER_AREA
    )
    return canvas
