"""A running x264 gets another rate, through FFmpeg's own options.

PyAV sets `bit_rate` of an open codec but neither `maxrate` nor `bufsize`; all three must move in
step, or x264 leaves constant bitrate. They are options of FFmpeg's context, whose address is the
first field of PyAV's object; only the tested versions of PyAV are touched, and what was set is
read back.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext

TESTED_PYAV = ("18.1",)
_POINTER_OFFSET = 24
"""CPython's object head (16 bytes) and PyAV's table of methods (8)."""


def set_rate(codec: VideoCodecContext, bps: int, vbv_bits: int) -> bool:
    """Give an open encoder another rate; False when that is not possible here."""
    library = _libavutil()
    if library is None:
        return False
    context = ctypes.c_void_p.from_address(id(codec) + _POINTER_OFFSET).value
    if not context or _read(library, context, b"b") != codec.bit_rate:
        return False
    codec.bit_rate = bps
    for name, value in ((b"maxrate", bps), (b"bufsize", vbv_bits)):
        library.av_opt_set_int(context, name, value, 0)
    return _read(library, context, b"maxrate") == bps


def _read(library: Any, context: int, name: bytes) -> int | None:
    value = ctypes.c_int64()
    if library.av_opt_get_int(context, name, 0, ctypes.byref(value)) < 0:
        return None
    return value.value


@functools.cache
def _libavutil() -> Any:
    """PyAV's own libavutil; None where PyAV or Python is not one this was tested with."""
    if av.__version__.rpartition(".")[0] not in TESTED_PYAV:
        return None
    if sys.implementation.name != "cpython" or sys.maxsize < 2**32:
        return None
    package = Path(av.__file__).resolve().parent
    folders = (package.parent / "av.libs", package / ".dylibs")
    found = [file for folder in folders for file in folder.glob("*avutil*")]
    if len(found) != 1:
        return None
    library = ctypes.CDLL(str(found[0]))
    common: list[Any] = [ctypes.c_void_p, ctypes.c_char_p]
    library.av_opt_set_int.argtypes = [*common, ctypes.c_int64, ctypes.c_int]
    library.av_opt_get_int.argtypes = [*common, ctypes.c_int, ctypes.POINTER(ctypes.c_int64)]
    return library
