"""Masks are made to drift in the ways that masks do, and the truth must come back."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from capture.errors import CaptureError
from capture.palettes import BODYPIX, BODYPIX_1, ColourCensus, cielab, clustered_palette, fitting
from capture.repair import label_map_of, read_mask, repair_masks
from capture.video import read_frames
from inference.analyzer import Analyzer
from inference.body import PALETTE, RAINBOW, RAINBOW_V1
from inference.pool import NetworkPool

CLIP = Path(__file__).parents[1] / "data" / "juggler_320.mp4"
MODEL = "bodypix_mobilenet_v1_075_1280_720_16_per_tensor_quant.tflite"
OFFSETS = arrays.arrays(np.int64, (25, 3), elements=st.integers(-8, 8))

Labels = Any
Colours = Any


@pytest.fixture(scope="module")
def label_maps(models: Path) -> list[Labels]:
    """Of a real person, twice the size of the clip: six frames of 640x360."""
    pool = NetworkPool.open(str(models / MODEL), "cpu", long_side=481)
    try:
        analyzer = Analyzer(pool)
        frames = list(read_frames(CLIP))[::8]
        large = [(cv2.resize(rgb, (640, 360)), time_s) for rgb, time_s in frames]
        maps = [analyzer.analyse(rgb, time_s).labels for rgb, time_s in large]
    finally:
        pool.close()
    assert all(labels.any() for labels in maps)
    assert len(np.unique(maps)) > 12
    return maps


def _drifted(offsets: Any, palette: Colours = PALETTE) -> Colours:
    return np.clip(palette.astype(int) + offsets, 0, 255).astype(np.uint8)


def _every_class() -> Labels:
    """Every class next to every other, single pixels included."""
    return np.random.default_rng(1).integers(0, 25, (48, 64), dtype=np.uint8)


def _jpeg(rgb: Any, quality: int) -> Any:
    """As cameras and browsers write it, colour at half resolution."""
    _, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def _written(folder: Path, masks: list[Any], suffix: str = ".png") -> Path:
    folder.mkdir()
    for number, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / f"{number}{suffix}")
    return folder


def _agreement(out: Path, truth: list[Labels]) -> float:
    """Share of the pixels that are a part, in the truth or in the label maps, which agree."""
    right, total = 0, 0
    for number, labels in enumerate(truth):
        got = np.asarray(Image.open(out / f"{number}.png"))
        parts = (got > 0) | (labels > 0)
        right += int((got == labels)[parts].sum())
        total += int(parts.sum())
    return right / total


@given(OFFSETS)
def test_colours_off_by_8_come_back_exactly(offsets: Any) -> None:
    labels = _every_class()
    repaired, doubtful, _ = label_map_of(_drifted(offsets)[labels], BODYPIX)
    assert np.array_equal(repaired, labels)
    assert not doubtful.any()


@given(OFFSETS)
def test_bodypix_is_recognised_by_drifted_colours(offsets: Any) -> None:
    census = ColourCensus()
    census.add(_drifted(offsets), np.full(25, 100))
    assert fitting(census) is BODYPIX


@pytest.mark.parametrize("colour", [(3, 207, 200), (4, 210, 202)])
def test_the_colours_of_the_old_capture_hack(colour: tuple[int, int, int]) -> None:
    """Both were meant to be (26, 199, 194), part 18, so class 19."""
    repaired, _, _ = label_map_of(np.full((2, 2, 3), colour, np.uint8), BODYPIX)
    assert (repaired == 19).all()


def test_real_masks_with_drifted_colours(label_maps: list[Labels], tmp_path: Path) -> None:
    offsets = np.random.default_rng(2).integers(-8, 9, (25, 3))
    masks = _written(tmp_path / "masks", [_drifted(offsets)[labels] for labels in label_maps])
    report = repair_masks(masks, tmp_path / "out")
    assert report.palette == "bodypix"
    assert report.doubtful == 0
    assert _agreement(tmp_path / "out", label_maps) == 1
    picture = Image.open(tmp_path / "out" / "0.png")
    assert picture.mode == "P"
    assert np.array_equal(np.array(picture.getpalette()[:75]).reshape(25, 3), PALETTE)


def test_masks_whose_colours_drift_in_each_picture_anew(
    label_maps: list[Labels], tmp_path: Path
) -> None:
    random = np.random.default_rng(3)
    drifted = [_drifted(random.integers(-8, 9, (25, 3)))[labels] for labels in label_maps]
    drifted[0][label_maps[0] == 19] = (3, 207, 200)
    drifted[1][label_maps[1] == 19] = (4, 210, 202)
    repair_masks(_written(tmp_path / "masks", drifted), tmp_path / "out")
    assert _agreement(tmp_path / "out", label_maps) == 1


@pytest.mark.parametrize(("quality", "least"), [(75, 0.94), (95, 0.985)])
def test_jpeg(label_maps: list[Labels], tmp_path: Path, quality: int, least: float) -> None:
    masks = [_jpeg(PALETTE[labels], quality) for labels in label_maps]
    report = repair_masks(_written(tmp_path / "masks", masks), tmp_path / "out")
    agreement = _agreement(tmp_path / "out", label_maps)
    assert agreement >= least
    parts = sum(int((labels > 0).sum()) for labels in label_maps)
    assert (1 - agreement) * parts < report.doubtful < 0.5 * parts
    assert agreement > _nearest_colour_alone(masks, label_maps) + 0.05


def test_resampled(label_maps: list[Labels], tmp_path: Path) -> None:
    """Half as large and back: borders are mixtures of colours."""
    masks = [
        cv2.resize(cv2.resize(PALETTE[labels], (320, 180)), (640, 360)) for labels in label_maps
    ]
    repair_masks(_written(tmp_path / "masks", masks), tmp_path / "out")
    agreement = _agreement(tmp_path / "out", label_maps)
    assert agreement >= 0.975
    assert agreement > _nearest_colour_alone(masks, label_maps) + 0.02


def _nearest_colour_alone(masks: list[Any], truth: list[Labels]) -> float:
    """What the well-known one-liner gets."""
    right, total = 0, 0
    for mask, labels in zip(masks, truth, strict=True):
        off = cielab(mask.reshape(-1, 3))[:, None] - cielab(PALETTE)
        got = np.linalg.norm(off, axis=2).argmin(axis=1).reshape(labels.shape)
        parts = (got > 0) | (labels > 0)
        right += int((got == labels)[parts].sum())
        total += int(parts.sum())
    return right / total


def test_noise(label_maps: list[Labels], tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    masks = [_drifted(random.integers(-6, 7, (*m.shape, 3)), PALETTE[m]) for m in label_maps]
    repair_masks(_written(tmp_path / "masks", masks), tmp_path / "out")
    assert _agreement(tmp_path / "out", label_maps) > 0.994


def test_version_1_of_the_rainbow(label_maps: list[Labels], tmp_path: Path) -> None:
    colours = np.concatenate([np.zeros((1, 3), np.uint8), RAINBOW_V1])
    masks = _written(tmp_path / "masks", [colours[labels] for labels in label_maps])
    report = repair_masks(masks, tmp_path / "out")
    assert report.palette == "bodypix1"
    assert _agreement(tmp_path / "out", label_maps) == 1


@pytest.mark.parametrize("background", [(255, 255, 255, 255), (255, 255, 255, 0), (9, 9, 9, 255)])
def test_backgrounds(background: tuple[int, ...], tmp_path: Path) -> None:
    """`toColoredPartMask` paints it white; others leave it transparent or black."""
    labels = _every_class()
    colours = np.concatenate([RAINBOW, np.full((24, 1), 255, np.uint8)], axis=1)
    colours = np.concatenate([np.array([background], np.uint8), colours])
    _written(tmp_path / "masks", [colours[labels]])
    repair_masks(tmp_path / "masks", tmp_path / "out")
    assert _agreement(tmp_path / "out", [labels]) == 1


@pytest.mark.parametrize("lossy", [False, True])
def test_an_unknown_palette(label_maps: list[Labels], tmp_path: Path, lossy: bool) -> None:
    """Colours of VOC's scheme, dark and grey: classes are found, up to their numbers."""
    colours = _voc_colours()
    masks = [colours[labels] for labels in label_maps]
    if lossy:
        masks = [_jpeg(mask, 90) for mask in masks]
    report = repair_masks(_written(tmp_path / "masks", masks), tmp_path / "out")
    assert report.palette == "found"
    assert (len(report.colours) == len(np.unique(label_maps))) or lossy
    assert report.colours[0] == [0, 0, 0]
    number = {tuple(colour): label for label, colour in enumerate(colours.tolist())}
    by_eye = [_nearest_key(number, colour) for colour in report.colours]
    for index, labels in enumerate(label_maps):
        got = np.array(by_eye)[np.asarray(Image.open(tmp_path / "out" / f"{index}.png"))]
        parts = (got > 0) | (labels > 0)
        assert (got == labels)[parts].mean() >= (0.93 if lossy else 1)


def _voc_colours() -> Colours:
    """PASCAL VOC's colour map (bits of the class id spread over R, G and B), 25 of it."""
    ids = np.arange(25)
    bits = [(ids >> bit & 1) for bit in range(5)]
    red = 128 * bits[0] + 64 * bits[3]
    green = 128 * bits[1] + 64 * bits[4]
    return np.stack([red, green, 128 * bits[2]], axis=1).astype(np.uint8)


def _nearest_key(number: dict[tuple[int, ...], int], colour: list[int]) -> int:
    keys = np.array(list(number))
    return list(number.values())[int(np.abs(keys - colour).sum(axis=1).argmin())]


@given(st.integers(1, 25), st.integers(0, 2**32 - 1))
def test_k_means_finds_as_many_classes_as_there_are(count: int, seed: int) -> None:
    """Colours well apart in CIELAB, with noise: each becomes a class, the commonest class 0."""
    random = np.random.default_rng(seed)
    candidates = random.integers(0, 256, (400, 3))
    colours = [candidates[0]]
    for colour in candidates[1:]:
        apart = np.linalg.norm(cielab(np.array(colours)) - cielab(colour), axis=1).min()
        if len(colours) < count and apart > 25:
            colours.append(colour)
    census = ColourCensus()
    for number, colour in enumerate(colours):
        noisy = np.clip(colour + random.integers(-1, 2, (50, 3)), 0, 255).astype(np.uint8)
        census.add(noisy, np.full(50, 1000 - 20 * number))
    palette = clustered_palette(census)
    assert len(palette.colours) == len(colours)
    assert np.abs(palette.colours.astype(int) - colours).max() <= 2


def test_the_report(label_maps: list[Labels], tmp_path: Path) -> None:
    folder = _written(tmp_path / "masks", [_jpeg(PALETTE[m], 75) for m in label_maps[:2]])
    (folder / "notes.txt").write_text("not a mask")
    Image.fromarray(label_maps[0]).save(folder / "ids.png")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:2000])
    Image.fromarray(PALETTE[label_maps[0]]).save(folder / "0.bmp")
    seen: list[tuple[int, int]] = []
    report = repair_masks(folder, tmp_path / "out", progress=lambda *done: seen.append(done))
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report.to_json()
    assert [mask.name for mask in report.masks] == ["0.bmp", "1.png"]
    assert report.skipped == {
        "notes.txt": "notes.txt is not a picture that can be read.",
        "ids.png": "ids.png is grey: without colours there is nothing to repair.",
        "cut.png": "cut.png is not a picture that can be read.",
        "0.png": "0.bmp has the same name: give it another one.",
    }
    assert report.to_json()["totals"] == {
        "masks": 2,
        "pixels": 2 * 640 * 360,
        "doubtful": sum(mask.doubtful for mask in report.masks),
    }
    assert report.masks[0].doubtful == 0 < report.masks[1].doubtful
    assert report.masks[0].classes == np.unique(label_maps[0]).tolist()
    assert seen[-1] == (6, 6)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0.png",
        "1.png",
        "report.json",
    ]


def test_one_picture_and_the_same_bytes_again(tmp_path: Path) -> None:
    folder = _written(tmp_path / "masks", [_jpeg(_voc_colours()[_every_class()], 90)])
    for out in ("a", "b"):
        repair_masks(folder / "0.png", tmp_path / out)
    for name in ("0.png", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_cannot_be_repaired_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="name a mask or a folder"):
        repair_masks(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureError, match="no masks in"):
        repair_masks(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "a.png").write_text("no")
    with pytest.raises(CaptureError, match=r"No mask could be read. a.png is not a picture"):
        repair_masks(tmp_path / "empty", tmp_path / "out")
    folder = _written(tmp_path / "masks", [PALETTE[_every_class()]])
    with pytest.raises(CaptureError, match="where the masks are"):
        repair_masks(folder, folder)
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(CaptureError, match="could not be written"):
        repair_masks(folder, tmp_path / "out")


def test_a_picture_that_claims_to_be_huge_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.fromarray(PALETTE[_every_class()]).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="larger than"):
        read_mask(path)


def test_masks_of_nobody_are_all_background(tmp_path: Path) -> None:
    folder = _written(tmp_path / "masks", [np.zeros((8, 8, 3), np.uint8)])
    report = repair_masks(folder, tmp_path / "out")
    assert report.palette == "bodypix"
    assert report.masks[0].classes == [0]


def test_the_two_rainbows_can_be_told_apart() -> None:
    for palette in (BODYPIX, BODYPIX_1):
        census = ColourCensus()
        census.add(palette.colours, np.full(25, 10))
        assert fitting(census) is palette
