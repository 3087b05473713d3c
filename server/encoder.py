"""H.264 for a live picture: x264 at its fastest, no look-ahead, bounded key frames."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

CLOCK_RATE = 90_000
"""Ticks a second of every RTP video clock (RFC 6184, section 8.2.1)."""
TIME_BASE = Fraction(1, CLOCK_RATE)
KEY_FRAME_INTERVAL = 60
"""Frames between key frames: a receiver that lost one waits 2 s at most."""


def bitrate_for(kbps_at_480p: int, width: int, height: int) -> int:
    """Bits a second: as given up to 640x480, twice that from 1280x720, in between by pixels."""
    share = (width * height - 640 * 480) / (1280 * 720 - 640 * 480)
    return int(kbps_at_480p * 1000 * (1 + min(max(share, 0.0), 1.0)))


class H264Encoder:
    """I420 pictures in, Annex B access units out, one for each, without delay.

    The size may change from picture to picture: the stream then starts afresh with a key frame.
    """

    def __init__(self, kbps: int) -> None:
        """`kbps`: bitrate at 640x480; larger pictures get more (`bitrate_for`)."""
        self._kbps = kbps
        self._codec: VideoCodecContext | None = None
        self._key_frame_wanted = True

    def request_key_frame(self) -> None:
        """Make the next picture a key frame (callable from any thread)."""
        self._key_frame_wanted = True

    def encode(self, i420: NDArray[np.uint8], ticks: int) -> av.Packet[Any] | None:
        """Encode one picture.

        `i420`: uint8 `[H * 3 / 2, W]`, even sizes. `ticks`: its time in 1/90000 s, rising.
        None in the rare case that x264 gives nothing for this picture.
        """
        height, width = i420.shape[0] * 2 // 3, i420.shape[1]
        if self._codec is None or (self._codec.width, self._codec.height) != (width, height):
            self._codec = self._open(width, height)
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.pts = ticks
        frame.time_base = TIME_BASE
        if self._key_frame_wanted:
            self._key_frame_wanted = False
            frame.pict_type = PictureType.I
        units = self._codec.encode(frame)
        if not units:
            return None
        packet = av.Packet(b"".join(bytes(unit) for unit in units))
        packet.pts = packet.dts = ticks
        packet.time_base = TIME_BASE
        return packet

    def _open(self, width: int, height: int) -> VideoCodecContext:
        codec = av.CodecContext.create("libx264", "w")
        assert isinstance(codec, VideoCodecContext)
        rate = bitrate_for(self._kbps, width, height)
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
            "bufsize": str(rate // 2),
        }
        return codec
