"""Pictures as the eye would see them: deep greys, transparency, large ones, names that mislead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from capture.errors import CaptureError
from capture.photos import MAX_PIXELS, NotAPicture, read_photo
from capture.repair import read_mask
from capture.segment import find_pictures

RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))
ORIENTATION = 0x0112
MAGENTA = (255, 0, 255)


@pytest.mark.parametrize("white", [1.0, 255.0, 1023.0, 4095.0, 65535.0])
def test_floats_of_any_scale(tmp_path: Path, white: float) -> None:
    Image.fromarray((RAMP * white).astype(np.float32)).save(tmp_path / "a.tif")
    read = read_photo(tmp_path / "a.tif")
    assert np.abs(read.astype(int) - RAMP[:, :, None] * 255).max() <= 1


def test_floats_that_are_no_numbers(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert np.abs(read_photo(tmp_path / "a.tif")[1:, :, 0] - RAMP[1:] * 255).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_greys_of_any_depth_in_16_bits(tmp_path: Path, bits: int, suffix: str) -> None:
    Image.fromarray((RAMP * (2**bits - 1)).astype(np.uint16)).save(tmp_path / f"a.{suffix}")
    read = read_photo(tmp_path / f"a.{suffix}")
    assert np.abs(read.astype(int) - RAMP[:, :, None] * 255).max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.int32])
def test_deep_greys_are_turned_upright(tmp_path: Path, dtype: Any) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray((RAMP * 4095).astype(dtype)).save(tmp_path / "a.tif", exif=exif)
    read = read_photo(tmp_path / "a.tif")
    assert read.shape == (64, 48, 3)
    assert np.abs(read[:, 0, 0] - RAMP[0] * 255).max() <= 1


def cut_out(mode: str) -> Image.Image:
    """A grey square (150), what is around it is transparent."""
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[..., :3] = MAGENTA
    rgba[10:30, 20:40] = 150, 150, 150, 255
    picture = Image.fromarray(rgba)
    if mode == "LA":
        return picture.convert("LA")
    if mode == "RGBA":
        return picture
    inside = rgba[..., 3] > 0
    if mode in ("P", "PA"):
        palette = Image.fromarray(inside.astype(np.uint8), "P")
        palette.putpalette([*MAGENTA, 150, 150, 150])
        return palette
    if mode == "L":
        return Image.fromarray(np.where(inside, 150, 7).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray(np.where(inside, 150 * 257, 65535 // 3).astype(np.uint16))
    return Image.fromarray(np.ascontiguousarray(rgba[..., :3]))


@pytest.mark.parametrize(
    ("mode", "hidden", "suffix"),
    [
        ("RGBA", None, "png"),
        ("RGBA", None, "webp"),
        ("RGBA", None, "tif"),
        ("LA", None, "png"),
        ("LA", None, "tif"),
        ("P", 0, "png"),
        ("P", b"\x00\xff", "png"),
        ("P", 0, "gif"),
        ("L", 7, "png"),
        ("RGB", MAGENTA, "png"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_what_is_transparent_is_plain(
    tmp_path: Path, mode: str, hidden: Any, suffix: str, turned: bool
) -> None:
    path = tmp_path / f"a.{suffix}"
    about: dict[str, Any] = {} if hidden is None else {"transparency": hidden}
    if suffix == "webp":
        about |= {"lossless": True, "exact": True}
    if turned and suffix != "gif":
        exif = Image.Exif()
        exif[ORIENTATION] = 3
        about["exif"] = exif
    cut_out(mode).save(path, **about)
    read = read_photo(path).astype(int)
    assert np.abs(read[12:28, 22:38] - 150).max() <= 1
    assert (read[:8] == 255).all()
    assert (read[:, :18] == 255).all()


def test_half_transparent_pixels_are_mixed(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (0, 0, 0, 128)).save(tmp_path / "a.png")
    assert abs(int(read_photo(tmp_path / "a.png").mean()) - 127) <= 1


def test_photos_of_today_are_read_and_larger_ones_named(tmp_path: Path) -> None:
    Image.new("L", (5712, 4284), 90).save(tmp_path / "24.png")
    assert read_photo(tmp_path / "24.png").shape == (4284, 5712, 3)
    for width, height in ((MAX_PIXELS // 8000 + 1, 8000), (20_000, 20_000)):
        Image.new("1", (width, height)).save(tmp_path / "huge.png")
        with pytest.raises(CaptureError, match=r"huge\.png is larger than 64 megapixels"):
            read_photo(tmp_path / "huge.png")
        with pytest.raises(CaptureError, match=r"huge\.png is larger than 64 megapixels"):
            read_mask(tmp_path / "huge.png")


def test_everything_pillow_opens_is_found_and_the_rest_named(tmp_path: Path) -> None:
    for name in ("a.jfif", "b.avif", "c.jp2", "d.tga", "e.ppm", "f.JPE"):
        kind = "JPEG" if name[-1] in "fE" and name[0] in "af" else None
        Image.new("RGB", (32, 32), (9, 99, 199)).save(tmp_path / name, format=kind)
    for name in ("IMG_1.HEIC", "notes.txt", "dance.mpg", "._a.jpg", ".DS_Store"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    notes: list[str] = []
    found = find_pictures([tmp_path], notes.append)
    assert [path.name for path in found] == [
        "a.jfif", "b.avif", "c.jp2", "d.tga", "e.ppm", "f.JPE",
    ]  # fmt: skip
    for path in found:
        assert np.abs(read_photo(path)[16, 16].astype(int) - (9, 99, 199)).max() < 8
    heic, other = notes
    assert "IMG_1.HEIC" in heic
    assert "JPEG" in heic
    assert "2: dance.mpg, notes.txt" in other
    assert "._a" not in heic + other


def test_heic_is_named_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(CaptureError, match=r"photo\.jpg: HEIC pictures cannot be read"):
        read_photo(tmp_path / "photo.jpg")
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    with pytest.raises(NotAPicture, match=r"text\.jpg is not a picture"):
        read_photo(tmp_path / "text.jpg")


def test_masks_of_today_are_read_too(tmp_path: Path) -> None:
    """Transparent pixels of a mask are background, so black, not plain."""
    cut_out("RGBA").save(tmp_path / "a.png")
    assert not read_mask(tmp_path / "a.png")[:8].any()
