"""People's own pictures, in any format that Pillow opens, as the eye would see them: RGB, upright.

The one reader for whatever was not written by this program.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from capture.errors import CaptureError
from inference.arrays import Rgb

MAX_PIXELS = 64_000_000
"""Larger photos are refused: no camera of today takes them, and they fill the memory."""

GROUND = (255, 255, 255)
"""What lies under transparent pixels, whose own colours nobody was meant to see."""

HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})

_NOT_OPENED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"})
"""Pillow only names them, or starts another program for them."""

_BITS = (8, 10, 12, 14, 16, 24, 32)
"""Depths of grey that cameras and scanners store within larger numbers."""

_NAMED = 5
"""Files that a sentence names."""


class NotAPicture(CaptureError):
    """A file is no picture of any format, or is damaged."""


@cache
def suffixes() -> frozenset[str]:
    """What pictures in a folder end in, in lower case."""
    Image.init()
    found = Image.registered_extensions().items()
    return frozenset(end for end, name in found if name in formats())


@cache
def formats() -> tuple[str, ...]:
    """What is opened, as Pillow names it."""
    Image.init()
    return tuple(sorted(name for name in Image.OPEN if name not in _NOT_OPENED))


def is_photo(path: Path) -> bool:
    """Whether a file in a folder is taken for a picture; hidden ones (macOS's `._`) are not."""
    return path.suffix.lower() in suffixes() and not path.name.startswith(".")


def tell_passed_over(
    folder: Path, files: Iterable[Path], taken: Sequence[Path], note: Callable[[str], None]
) -> None:
    """Say how many files of a folder were not looked at, and which; nothing of hidden ones."""
    left = sorted({one for one in files if one.name[0] != "." and one.is_file()} - {*taken})
    heic = [one for one in left if one.suffix.lower() in HEIC_SUFFIXES]
    other = [one for one in left if one.suffix.lower() not in HEIC_SUFFIXES]
    if heic:
        note(f"{_names(heic)}: {_NO_HEIC}")
    if other:
        kinds = "is not a kind of file" if len(other) == 1 else "are not kinds of files"
        note(f"Passed over in {folder}, {len(other)}: {_names(other)} {kinds} that can be read.")


def open_photo(path: Path) -> Image.Image:
    """A picture whose pixels are read, as it is stored.

    Raises:
        NotAPicture: it is none, or damaged.
        CaptureError: it has more than `MAX_PIXELS`, or is HEIC.
    """
    try:
        # By its name Pillow would map some files into memory, and then not turn them upright.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(file, formats=formats())
            if picture.width * picture.height > MAX_PIXELS:
                raise _too_large(path, f"{picture.width} x {picture.height} pixels")
            picture.load()
        return picture
    except Image.DecompressionBombError as error:
        raise _too_large(path, "far too many pixels") from error
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError) as error:
        if _is_heic(path):
            raise CaptureError(f"{path.name}: {_NO_HEIC}") from error
        raise NotAPicture(f"{path.name} is not a picture that can be read.") from error


def read_photo(path: Path) -> Rgb:
    """A picture the right way up (EXIF), uint8 `[H, W, 3]`; what is transparent lies on white.

    Greys of more than 8 bits, and of floats, are scaled by the depth or range that they use.
    Raises `CaptureError` as `open_photo` does.
    """
    picture = open_photo(path)
    try:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode == "F" or upright.mode.startswith("I"):
            return _of_deep_grey(upright)
        if upright.has_transparency_data:
            ground = Image.new("RGBA", upright.size, (*GROUND, 255))
            upright = Image.alpha_composite(ground, upright.convert("RGBA"))
        return np.ascontiguousarray(np.asarray(upright.convert("RGB")))
    except (OSError, ValueError, SyntaxError) as error:
        raise NotAPicture(f"{path.name} is not a picture that can be read.") from error


def _of_deep_grey(picture: Image.Image) -> Rgb:
    values = np.nan_to_num(np.asarray(picture, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    white = _white(values, picture.mode == "F")
    grey = np.round(np.clip(values / white, 0, 1) * 255).astype(np.uint8)
    hidden = picture.info.get("transparency")
    rgb = np.repeat(grey[:, :, None], 3, axis=2)
    if isinstance(hidden, int):
        rgb[values == hidden] = GROUND
    return np.ascontiguousarray(rgb)


def _white(values: NDArray[np.float32], floats: bool) -> float:
    """The value of white: 1 for floats, or the largest of the depth that is used."""
    largest = float(values.max(initial=0.0))
    if floats and largest <= 2.0:  # Highlights of such pictures go beyond 1.
        return 1.0
    return float(next((2**bits - 1 for bits in _BITS if largest < 2**bits), largest))


def _is_heic(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS


def _too_large(path: Path, what: str) -> CaptureError:
    limit = MAX_PIXELS // 1_000_000
    return CaptureError(f"{path.name} is larger than {limit} megapixels ({what}): make it smaller.")


def _names(paths: Sequence[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:_NAMED])
    return shown if len(paths) <= _NAMED else f"{shown} and {len(paths) - _NAMED} more"


_NO_HEIC = (
    "HEIC pictures cannot be read: save them as JPEG (on an iPhone: Settings, Camera, Formats, "
    "Most Compatible)."
)
