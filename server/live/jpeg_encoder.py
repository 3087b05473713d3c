"""Pictures as JPEG, for browsers without WebCodecs where UDP is kept out."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from server.live.encoder import TIME_BASE

BEST, WORST = 85, 25
"""JPEG quality."""
PICTURES_PER_SECOND = 20
SMALL_BELOW, LARGE_FROM = 1_500_000, 2_500_000
"""Bits a second below which pictures are halved, and from which they are whole."""


class JpegEncoder:
    """To the live thread what `H264Encoder` is: quality and size follow the line."""

    def __init__(self) -> None:
        self.line_bps: float | None = None
        """What the line has for pictures, bits a second; None: as much as we like."""
        self._quality = 60
        self._small = False

    def request_key_frame(self) -> None:
        """Every picture is one."""

    def encode(self, i420: NDArray[np.uint8], ticks: int) -> av.Packet[Any] | None:
        """Encode one picture, uint8 `[H * 3 / 2, W]`; `ticks`: its time in 1/90000 s."""
        bps = self.line_bps if self.line_bps is not None else 10e6
        self._small = bps < (LARGE_FROM if self._small else SMALL_BELOW)
        bgr = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
        if self._small:
            bgr = cv2.resize(bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        if not done:
            return None
        room = bps / 8 / PICTURES_PER_SECOND
        step = 3 if len(data) < 0.8 * room else -3 if len(data) > room else 0
        self._quality = min(BEST, max(WORST, self._quality + step))
        packet: av.Packet[Any] = av.Packet(data.tobytes())
        packet.pts = packet.dts = ticks
        packet.time_base = TIME_BASE
        return packet
