"""Pictures from all kinds of cameras and programs, and files that only look like pictures."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from capture.errors import CaptureError
from capture.photos import read_photo
from capture.pictures import decode_labels
from capture.segment import find_pictures, segment_picture
from inference.analyzer import Analyzer
from inference.arrays import Rgb
from inference.pool import NetworkPool

ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def analyzer(models: Path) -> Iterator[Analyzer]:
    pool = NetworkPool.open("bodypix-075", "cpu")
    yield Analyzer(pool)
    pool.close()


@pytest.fixture
def picture(models: Path) -> Rgb:
    with Image.open(models / "test_image.bmp") as image:
        return np.asarray(image.convert("RGB"))


# What the camera stored, from the upright picture: the inverse of what the EXIF standard (4.6.4,
# tag Orientation) says about row 0 and column 0.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_turned_upright(
    tmp_path: Path, picture: Rgb, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.ascontiguousarray(STORED[orientation](picture))
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, picture: Rgb, mode: str) -> None:
    path = tmp_path / "a.tif"
    if mode == "I;16":
        grey = np.asarray(Image.fromarray(picture).convert("L"))
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(picture).convert(mode).save(path)
    rgb = read_photo(path)
    assert rgb.shape == picture.shape
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    # Still the same picture: light where it was light (mode 1 shows grey by a pattern of dots).
    light, expected = (_blocks(one).ravel() for one in (rgb, picture))
    assert np.corrcoef(light, expected)[0, 1] > 0.97


def _blocks(rgb: Rgb) -> Any:
    """Mean light of blocks of 16x16 pixels."""
    height, width = rgb.shape[:2]
    return rgb.mean(axis=2).reshape(height // 16, 16, width // 16, 16).mean(axis=(1, 3))


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, picture: Rgb) -> None:
    Image.fromarray(picture).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    bad = {
        "empty.jpg": b"",
        "text.png": b"no picture",
        "cut.jpg": content[: len(content) // 2],
        "large.png": _png_that_claims(100_000, 100_000),
        "wide.png": _png_that_claims(20_000, 1_000),
        "short.png": _png_that_claims(300, 300),
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CaptureError, match=name):
            read_photo(tmp_path / name)


def test_a_folder_is_searched_for_pictures(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "c.webp", "notes.txt", "d.mp4"):
        (tmp_path / name).touch()
    notes: list[str] = []
    found = find_pictures([tmp_path], notes.append)
    assert [path.name for path in found] == ["a.png", "b.JPG", "c.webp"]
    # Named by itself, a file is tried whatever it is called.
    assert find_pictures([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_what_cannot_be_done_is_said_before_anything_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureError, match="no picture in the folder"):
        find_pictures([tmp_path / "empty"])
    with pytest.raises(CaptureError, match="There is no file"):
        find_pictures([tmp_path / "nothing.png"])
    (tmp_path / "a.png").touch()
    (tmp_path / "a.jpg").touch()
    with pytest.raises(CaptureError, match=r"would both become a\.png"):
        find_pictures([tmp_path])


def test_the_files_of_a_picture(tmp_path: Path, picture: Rgb, analyzer: Analyzer) -> None:
    Image.fromarray(picture).save(tmp_path / "two.png")
    (tmp_path / "out").mkdir()
    segment_picture(tmp_path / "two.png", tmp_path / "out", analyzer)
    data = json.loads((tmp_path / "out" / "two.json").read_text())
    assert list(data) == ["size", "people", "dancer"]
    assert data["size"] == [640, 480]
    scores = [person["score"] for person in data["people"]]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    labels = decode_labels(tmp_path / "out" / "two.png")
    assert labels.shape == (480, 640)
    for index, person in enumerate(data["people"]):
        assert list(person) == ["score", "box", "keypoints"]
        sure = [(x, y) for x, y, score in person["keypoints"] if score > 0.8]
        x, y, width, height = person["box"]
        assert sum(bool(labels[round(b), round(a)]) for a, b in sure) > 0.7 * len(sure) or (
            index != data["dancer"]
        )
        assert all(x - 1 <= a <= x + width + 1 and y - 1 <= b <= y + height + 1 for a, b in sure)


def test_nobody_in_the_picture(tmp_path: Path, analyzer: Analyzer) -> None:
    Image.new("RGB", (321, 203), (120, 130, 140)).save(tmp_path / "wall.png")
    (tmp_path / "out").mkdir()
    segment_picture(tmp_path / "wall.png", tmp_path / "out", analyzer)
    data = json.loads((tmp_path / "out" / "wall.json").read_text())
    assert data == {"size": [321, 203], "people": [], "dancer": None}
    assert not decode_labels(tmp_path / "out" / "wall.png").any()


def test_one_picture_does_not_tell_on_the_next(
    tmp_path: Path, picture: Rgb, analyzer: Analyzer
) -> None:
    """The dancer is followed through videos, not from photo to photo."""
    (tmp_path / "out").mkdir()
    for name, rgb in (("a", picture), ("b", picture[:, ::-1]), ("c", picture)):
        Image.fromarray(np.ascontiguousarray(rgb)).save(tmp_path / f"{name}.png")
        segment_picture(tmp_path / f"{name}.png", tmp_path / "out", analyzer)
    first, third = ((tmp_path / "out" / f"{name}.json").read_text() for name in "ac")
    assert first == third
