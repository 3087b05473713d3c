"""Between aiortc's frames and arrays: I420 with even sides, seconds, a picture to wait by."""

from __future__ import annotations

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from capture.colours import ColourConverter, is_limited_601
from inference.arrays import Rgb

I420 = NDArray[np.uint8]
"""uint8 `[H * 3 / 2, W]`, limited-range BT.601, even sides."""

_JUMP_SECONDS = 2.0
"""A longer step between two frames' timestamps is taken for a jump of the clock."""


def to_i420(frame: av.VideoFrame, colours: ColourConverter) -> I420:
    """A copy of the frame's pixels; odd sides are padded by repeating the last row or column.

    What is tagged otherwise (full range, BT.709, HDR) is converted here, once, by `colours`.
    """
    if is_limited_601(frame) and frame.width % 2 == 0 and frame.height % 2 == 0:
        return np.asarray(frame.to_ndarray(), np.uint8)
    return from_rgb(colours.rgb(frame))


def from_rgb(rgb: Rgb) -> I420:
    """An RGB picture; odd sides are padded by repeating the last row or column."""
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        padded = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        rgb = np.asarray(padded, np.uint8)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def to_rgb(i420: I420) -> Rgb:
    """The same picture as RGB."""
    return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420), np.uint8)


def waiting_picture(width: int = 640, height: int = 480) -> I420:
    """What is shown until the first frame comes."""
    rgb = np.full((height, width, 3), 24, np.uint8)
    text, font = "Waiting for the camera", cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), _ = cv2.getTextSize(text, font, 0.9, 2)
    origin = ((width - wide) // 2, (height + high) // 2)
    cv2.putText(rgb, text, origin, font, 0.9, (200, 200, 200), 2, cv2.LINE_AA)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


class FrameClock:
    """Seconds since the first frame, by the frames' own timestamps, always rising.

    RTP timestamps wrap at 2^32, can jump when the source is switched, and can be missing: then
    the time of arrival is used for that step.
    """

    def __init__(self) -> None:
        self._last_ticks: int | None = None
        self._last_arrival = 0.0
        self._seconds = 0.0

    def seconds(self, ticks: int | None, arrival: float) -> float:
        """Time of a frame: its timestamp in 1/90000 s, and when it came (`perf_counter`)."""
        first = self._last_arrival == 0.0
        step = max(arrival - self._last_arrival, 0.001)
        if ticks is not None and self._last_ticks is not None:
            by_ticks = ((ticks - self._last_ticks + 2**31) % 2**32 - 2**31) / 90_000
            if 0 < by_ticks < _JUMP_SECONDS:
                step = by_ticks
        self._last_ticks, self._last_arrival = ticks, arrival
        if not first:
            self._seconds += step
        return self._seconds
