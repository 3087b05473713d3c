"""H.264 for a live picture: x264 at its fastest, no look-ahead, key frames on request only."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from server.live.picture_policy import PicturePolicy
from server.live.x264_rate import set_rate

CLOCK_RATE = 90_000
"""Ticks a second of every RTP video clock (RFC 6184, section 8.2.1)."""
TIME_BASE = Fraction(1, CLOCK_RATE)
KEY_FRAME_INTERVAL = 100_000
"""Key frames are bursts: they come when a receiver asks for one."""
KEY_FRAME_PAUSE = 0.3
"""Seconds between two key frames at least, however often they are asked for."""
VBV_SECONDS = 0.2
"""No frame is larger than what the rate brings in so long."""
REOPEN_PAUSE = 2.0
"""Seconds between two openings, where a running encoder's rate cannot be changed."""
LEAST_BPS = 60_000


def bitrate_for(kbps_at_480p: int, width: int, height: int) -> int:
    """Bits a second: as given up to 640x480, twice that from 1280x720, in between by pixels."""
    share = (width * height - 640 * 480) / (1280 * 720 - 640 * 480)
    return int(kbps_at_480p * 1000 * (1 + min(max(share, 0.0), 1.0)))


class H264Encoder:
    """I420 pictures in, Annex B access units out, without delay, at the rate the line has.

    The size may change from picture to picture: the stream then starts afresh with a key frame.
    """

    def __init__(self, kbps: int) -> None:
        """`kbps`: highest bitrate at 640x480; larger pictures get more (`bitrate_for`)."""
        self.line_bps: float | None = None
        """What the line has for pictures, bits a second; None: as much as we like."""
        self.policy = PicturePolicy()
        self._kbps = kbps
        self._codec: VideoCodecContext | None = None
        self._key_frame_wanted = True
        self._key_frame_at = self._opened_at = -1e9

    def request_key_frame(self) -> None:
        """Make the next picture a key frame (callable from any thread)."""
        self._key_frame_wanted = True

    def encode(self, i420: NDArray[np.uint8], ticks: int) -> av.Packet[Any] | None:
        """Encode one picture.

        `i420`: uint8 `[H * 3 / 2, W]`, even sizes. `ticks`: its time in 1/90000 s, rising.
        None when the rate has no room for this one, or x264 gives nothing for it.
        """
        height, width = i420.shape[0] * 2 // 3, i420.shape[1]
        rate = bitrate_for(self._kbps, width, height)
        now = time.monotonic()
        if self.line_bps is not None:
            rate = int(max(LEAST_BPS, min(rate, self.line_bps)))
            self.policy.update(rate, width * height, now)
            if not self.policy.takes():
                return None
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        if self.policy.small:
            width, height = width // 4 * 2, height // 4 * 2
            frame = frame.reformat(width, height)
        codec = self._ready(width, height, rate, now)
        frame.pts = ticks
        frame.time_base = TIME_BASE
        if self._key_frame_wanted and now - self._key_frame_at >= KEY_FRAME_PAUSE:
            self._key_frame_wanted, self._key_frame_at = False, now
            frame.pict_type = PictureType.I
        units = codec.encode(frame)
        if not units:
            return None
        packet = av.Packet(b"".join(bytes(unit) for unit in units))
        packet.pts = packet.dts = ticks
        packet.time_base = TIME_BASE
        return packet

    def _ready(self, width: int, height: int, rate: int, now: float) -> VideoCodecContext:
        """The encoder for this size and rate: the one there is when it can be changed."""
        codec = self._codec
        if codec is not None and (codec.width, codec.height) == (width, height):
            moved = abs((codec.bit_rate or 0) - rate) > 0.03 * rate
            if not moved or set_rate(codec, rate, int(rate * VBV_SECONDS)):
                return codec
            if now - self._opened_at < REOPEN_PAUSE:
                return codec
        self._opened_at = self._key_frame_at = now
        self._key_frame_wanted = False
        self._codec = self._open(width, height, rate)
        return self._codec

    def _open(self, width: int, height: int, rate: int) -> VideoCodecContext:
        codec = av.CodecContext.create("libx264", "w")
        assert isinstance(codec, VideoCodecContext)
        codec.width, codec.height = width, height
        codec.pix_fmt = "yuv420p"
        codec.time_base = TIME_BASE
        codec.framerate = Fraction(30, 1)
        codec.bit_rate = rate
        codec.gop_size = KEY_FRAME_INTERVAL
        codec.thread_count = 1
        codec.profile = "Baseline"
        codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "level": "31",
            "forced-idr": "1",
            "maxrate": str(rate),
            "bufsize": str(int(rate * VBV_SECONDS)),
        }
        return codec
