"""From decoded frames in any colours to RGB as screens show it (BT.709 primaries, SDR)."""

from __future__ import annotations

from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from inference.arrays import Rgb

HDR = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}
"""Transfer functions of ITU-R BT.2100."""

WIDE_GAMUTS = frozenset(
    int(one) for one in (ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432)
)
"""BT.2020, DCI-P3 and Display P3: pale where they are taken for BT.709."""

# ISO/IEC 23091-2, table 4; FFmpeg cannot convert the other matrices.
_UNSPECIFIED, _BT2020, _BT2020_CONSTANT = 2, 9, 10
_BT601 = frozenset({5, 6})
_MATRICES = frozenset({0, 1, _UNSPECIFIED, 4, *_BT601, 7, _BT2020})
_LIMITED = frozenset({int(ColorRange.UNSPECIFIED), int(ColorRange.MPEG)})


def is_limited_601(frame: VideoFrame) -> bool:
    """Whether the planes are what an untagged frame holds: 8-bit 4:2:0, limited BT.601."""
    return (
        frame.format.name == "yuv420p"
        and frame.color_range in _LIMITED
        and (frame.colorspace == _UNSPECIFIED or frame.colorspace in _BT601)
        and frame.color_trc not in HDR
        and frame.color_primaries not in WIDE_GAMUTS
    )


class ColourConverter:
    """Makes RGB of the frames of one stream; used by one thread at a time."""

    def __init__(self) -> None:
        # Two, because what the second makes for a pair of colours takes seconds: it is kept.
        self._to_rgb = VideoReformatter()
        self._to_bt709 = VideoReformatter()

    def rgb(self, frame: VideoFrame, width: int | None = None) -> Rgb:
        """The stored picture, by its own matrix, range, transfer function and primaries.

        What says nothing is limited BT.601. HDR becomes SDR: the reference white of BT.2408 (203
        nits) becomes white, what is brighter is cut off. Wide gamuts become BT.709. The frame
        itself must not be kept (PyAV 18 ties threads to it).

        Args:
            frame: its matrix is corrected where it is missing or FFmpeg does not know it.
            width: of the result; None for the frame's.
        """
        hdr = frame.color_trc in HDR
        trc, primaries = frame.color_trc, frame.color_primaries
        if frame.colorspace not in _MATRICES:
            constant = frame.colorspace == _BT2020_CONSTANT
            frame.colorspace = _BT2020 if constant else _UNSPECIFIED
        if hdr and frame.colorspace == _UNSPECIFIED:
            frame.colorspace = _BT2020
        if not hdr and primaries not in WIDE_GAMUTS:
            return self._stored(frame, width, "rgb24")
        # A new frame, without the mastering display's data: they would have FFmpeg tone-map the
        # whole range of that display into SDR, and everybody would be dark.
        deep = VideoFrame.from_ndarray(self._stored(frame, width, "rgb48le"), format="rgb48le")
        deep.color_trc = trc if hdr else int(ColorTrc.BT709)  # Then only the primaries change.
        known = primaries in WIDE_GAMUTS or primaries == ColorPrimaries.BT709
        deep.color_primaries = primaries if known else int(ColorPrimaries.BT2020)
        deep.color_range = int(ColorRange.JPEG)
        return _array(
            self._to_bt709.reformat(
                deep,
                format="rgb24",
                dst_color_trc=ColorTrc.BT709,
                dst_color_primaries=ColorPrimaries.BT709,
                dst_color_range=ColorRange.JPEG,
                threads=1,
            )
        )

    def _stored(self, frame: VideoFrame, width: int | None, pixels: str) -> Rgb:
        return _array(
            self._to_rgb.reformat(
                frame,
                width=width,
                format=pixels,
                interpolation=None if width is None else Interpolation.BICUBIC,
                dst_color_range=ColorRange.JPEG,
                threads=1,
            )
        )


def _array(frame: VideoFrame) -> Rgb:
    return np.ascontiguousarray(cast(Rgb, frame.to_ndarray()))
