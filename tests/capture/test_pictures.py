"""Frames, label maps and heads: exact, the size they claim, safe to read."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from capture import pictures
from capture.errors import DatasetError
from capture.pictures import (
    decode_frame,
    decode_heads,
    decode_labels,
    encode_frame,
    encode_heads,
    encode_labels,
    whole,
)
from inference.analysis import Head, Heads
from inference.arrays import Labels, Rgb
from inference.body import PALETTE
from inference.geometry import Placement

_shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
_labels = _shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 24)))
_frames = _shapes.flatmap(lambda shape: arrays(np.uint8, (*shape, 3)))


def _heads(kind: type[np.generic] = np.uint8) -> Heads:
    def head(channels: int) -> Head:
        values = np.arange(31 * 23 * channels).reshape(23, 31, channels).astype(kind)
        return Head(values, 0.1 + channels, channels)

    placement = Placement.letterbox((640, 480), (481, 353), 16)
    return Heads(head(17), head(34), head(64), None, head(1), head(24), placement)


def _kept(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples."""
    return tmp_path_factory.mktemp("pictures")


@given(_labels)
def test_label_maps_are_exact_and_their_own_rainbow(folder: Path, labels: Labels) -> None:
    path = _kept(folder / "a.png", encode_labels(labels))
    assert np.array_equal(decode_labels(path), labels)
    with Image.open(path) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture.convert("RGB")), PALETTE[labels])


@given(_frames)
def test_png_frames_are_exact(folder: Path, rgb: Rgb) -> None:
    assert np.array_equal(decode_frame(_kept(folder / "a.png", encode_frame(rgb, "png"))), rgb)


def test_jpeg_frames_keep_the_edges_of_colours(folder: Path) -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, 1::2] = 255, 0, 0  # Halved chroma would make this one dark red.
    decoded = decode_frame(_kept(folder / "a.jpg", encode_frame(rgb, "jpg"))).astype(int)
    assert np.abs(decoded - rgb).mean() < 8


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.float32])
def test_heads_are_exact(folder: Path, kind: type[np.generic]) -> None:
    heads = _heads(kind)
    again = decode_heads(_kept(folder / "a.npz", encode_heads(heads)))
    assert again.placement == heads.placement
    assert again.long_offsets is None
    for name in ("heatmaps", "short_offsets", "mid_offsets", "segments", "part_heatmaps"):
        one, other = getattr(heads, name), getattr(again, name)
        assert one.values.dtype == other.values.dtype
        assert np.array_equal(one.values, other.values)
        assert (one.scale, one.zero_point) == (other.scale, other.zero_point)


def _good(kind: str) -> bytes:
    rgb = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    if kind == "npz":
        return encode_heads(_heads())
    return encode_frame(rgb, "jpg") if kind == "jpg" else encode_labels(rgb[..., 0] % 25)


_readers = {"jpg": decode_frame, "png": decode_labels, "npz": decode_heads}


@pytest.mark.parametrize("kind", ["jpg", "png", "npz"])
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_a_sentence(
    folder: Path, kind: str, data: st.DataObject
) -> None:
    content = bytearray(_good(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 900) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    try:
        _readers[kind](_kept(folder / f"a.{kind}", bytes(content[:cut])))  # type: ignore[operator]
    except DatasetError:
        return


@pytest.mark.parametrize("kind", ["jpg", "png", "npz"])
def test_missing_empty_short_and_foreign_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    with pytest.raises(DatasetError, match="is missing"):
        _readers[kind](path)  # type: ignore[operator]
    assert not whole(path)
    good = _good(kind)
    path.write_bytes(good)
    assert whole(path)
    for content in (b"", b"MZ" + good, b"GIF89a", bytes(4096)):
        path.write_bytes(content)
        assert not whole(path)
        with pytest.raises(DatasetError, match="is damaged"):
            _readers[kind](path)  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["jpg", "png"])
@given(cut=st.integers(1, 200))
def test_a_picture_cut_short_is_not_whole(folder: Path, kind: str, cut: int) -> None:
    assert not whole(_kept(folder / f"a.{kind}", _good(kind)[:-cut]))


def test_a_picture_of_a_billion_pixels_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("P", (5000, 5000)).save(path, compress_level=9)
    assert path.stat().st_size < 100_000
    with pytest.raises(DatasetError, match="larger than"):
        decode_labels(path)


def test_class_ids_and_modes_that_are_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (4, 4), 25).save(path)
    with pytest.raises(DatasetError, match="above 24"):
        decode_labels(path)
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(DatasetError, match="8-bit palette"):
        decode_labels(path)


def test_heads_with_pickles_or_bombs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, about=np.array([{"a": 1}], object))
    with pytest.raises(DatasetError, match="damaged"):
        decode_heads(path)
    data = io.BytesIO()
    np.save(data, np.zeros(3_000_000, np.uint8))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.npy", data.getvalue())
    monkeypatch.setattr(pictures, "_HEADS_BYTES", 2_000_000)
    with pytest.raises(DatasetError, match="larger than 2 MB"):
        decode_heads(path)
