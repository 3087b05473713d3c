"""The pictures of a pair as bytes: frames, label maps and heads, written and read back exactly."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from capture.errors import DatasetError
from capture.manifest import FrameFormat
from inference.analysis import Head, Heads
from inference.arrays import Labels, Rgb
from inference.body import LABEL_NAMES, PALETTE
from inference.geometry import Placement

JPEG_QUALITY = 95
MAX_PIXELS = 4096 * 4096
"""Larger pictures are not ours."""

_HEADS_BYTES = 256_000_000
"""Larger heads are not ours either."""

_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY,
    JPEG_QUALITY,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)
_HEADS = (
    "heatmaps",
    "short_offsets",
    "mid_offsets",
    "long_offsets",
    "segments",
    "part_heatmaps",
)

_DAMAGED = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    MemoryError,
    SyntaxError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)
"""What NumPy and Pillow raise for files that are not what they seem."""


def encode_frame(rgb: Rgb, frame_format: FrameFormat) -> bytes:
    """JPEG of quality 95 with full chroma, or PNG without loss."""
    options = _JPEG if frame_format == "jpg" else _PNG
    _, data = cv2.imencode(f".{frame_format}", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return data.tobytes()


def decode_frame(path: Path) -> Rgb:
    """Read a frame; `DatasetError` when it is missing or damaged."""
    with _opened(path) as picture:
        return np.asarray(picture.convert("RGB"))


def labels_size(path: Path) -> tuple[int, int]:
    """Width and height of a label map, by its first bytes (PNG, section 11.2.2: IHDR comes first).

    `DatasetError` when it is missing or no PNG.
    """
    try:
        with open(path, "rb") as file:
            signature, _, kind, width, height = struct.unpack(">8sI4sII", file.read(24))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
    except struct.error as error:
        raise DatasetError(f"{path} is damaged: it ends at once.") from error
    if signature != _PNG_SIGNATURE or kind != b"IHDR":
        raise DatasetError(f"{path} is damaged: it is no PNG.")
    return width, height


def encode_labels(labels: Labels) -> bytes:
    """8-bit palette PNG: value = class id, palette = BodyPix's rainbow."""
    picture = Image.frombytes("P", labels.shape[::-1], labels.tobytes())
    picture.putpalette(PALETTE.tobytes())
    file = io.BytesIO()
    # Long runs of one value: shorter than with zlib's usual search, and quicker.
    picture.save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return file.getvalue()


def decode_labels(path: Path) -> Labels:
    """Read a label map, uint8 `[H, W]`, 0..24; `DatasetError` when it is missing or damaged."""
    with _opened(path) as picture:
        if picture.mode not in ("P", "L"):
            raise DatasetError(f"{path} is no label map: it must be an 8-bit palette PNG.")
        labels: Labels = np.asarray(picture)
    if labels.size and labels.max() >= len(LABEL_NAMES):
        raise DatasetError(f"{path} holds class ids above {len(LABEL_NAMES) - 1}.")
    return labels


def encode_heads(heads: Heads) -> bytes:
    """An uncompressed `.npz` of the quantised values, and how to read them."""
    there = {name: head for name in _HEADS if (head := getattr(heads, name)) is not None}
    about = {
        "quantisation": {name: [head.scale, head.zero_point] for name, head in there.items()},
        "placement": astuple(heads.placement),
        "body_stride": heads.body_stride,
    }
    file = io.BytesIO()
    values = {name: head.values for name, head in there.items()}
    np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **values)
    return file.getvalue()


def decode_heads(path: Path) -> Heads:
    """Read raw heads again; `DatasetError` when the file is missing or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _HEADS_BYTES:
                raise DatasetError(f"{path} is larger than {_HEADS_BYTES // 1_000_000} MB.")
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            heads = {
                name: Head(file[name], *about["quantisation"][name]) if name in file else None
                for name in _HEADS
            }
        frame, inner, content, stride = about["placement"]
        placement = Placement(tuple(frame), tuple(inner), tuple(content), int(stride))
        body_stride = None if about.get("body_stride") is None else int(about["body_stride"])
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing.") from error
    except _DAMAGED as error:
        raise DatasetError(f"{path} is damaged: {error}.") from error
    return Heads(
        **heads,  # type: ignore[arg-type]  # Checked by names.
        placement=placement,
        body_stride=body_stride,
    )


def whole(path: Path) -> bool:
    """Whether a file begins and ends as its kind does: a loss of power cuts files short."""
    ends = {
        ".jpg": (b"\xff\xd8", b"\xff\xd9"),
        ".png": (b"\x89PNG", b"IEND\xaeB`\x82"),
        ".npz": (b"PK", b""),
    }
    first, last = ends[path.suffix]
    try:
        with path.open("rb") as file:
            begins = file.read(len(first)) == first
            file.seek(-max(len(last), 1), io.SEEK_END)
            return begins and file.read().endswith(last)
    except OSError:
        return False


def _opened(path: Path) -> Image.Image:
    try:
        picture = Image.open(path, formats=("PNG", "JPEG"))
        if picture.width * picture.height > MAX_PIXELS:
            raise DatasetError(f"{path} is larger than {MAX_PIXELS} pixels.")
        picture.load()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing.") from error
    except _DAMAGED as error:
        raise DatasetError(f"{path} is damaged: {error}.") from error
    return picture
