"""native, pix2pix, pix2pixHD and WebDataset, read back with PIL, json and tarfile."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.dataset import Dataset
from capture.export import FORMATS, export_folder, webdataset
from capture.manifest import ModelInfo, Source
from capture.writer import DatasetWriter
from inference.analysis import Analysis, Person
from inference.body import LABEL_NAMES, PALETTE

from .conftest import Recorded
from .unpacking import expected_stems, exported, picture, stems


def test_native_is_the_dataset_again(recorded: Recorded, tmp_path: Path) -> None:
    export_folder(recorded.dataset, "native", tmp_path / "out")
    before, after = recorded.dataset, Dataset.open(tmp_path / "out")
    assert after.manifest == before.manifest
    assert after.manifest.counts.deleted == 1
    assert [p.to_json() for p in after.pairs] == [p.to_json() for p in before.pairs]
    for record in before.pairs:
        for path in (before.frame_path, before.labels_path, before.heads_path):
            file = path(record.index)
            assert (tmp_path / "out" / file.parent.name / file.name).read_bytes() == (
                file.read_bytes()
            )


def test_native_leaves_strangers_behind(recorded: Recorded) -> None:
    stranger = recorded.dataset.path / "frames" / "000099.jpg"
    stranger.write_bytes(b"left over")
    try:
        names = exported(recorded.dataset, "native").namelist()
    finally:
        stranger.unlink()
    assert len(names) == 2 + 3 * recorded.count
    assert not [name for name in names if "000099" in name or ".lock" in name]


def test_pix2pix_is_split_in_the_middle(recorded: Recorded) -> None:
    archive = exported(recorded.dataset, "pix2pix")
    assert stems(archive, "train") == expected_stems(recorded.dataset, held_out=False)
    assert stems(archive, "val") == expected_stems(recorded.dataset, held_out=True)
    for record in recorded.dataset.pairs:
        split = "val" if f"val/{record.index:06d}.jpg" in archive.namelist() else "train"
        both = picture(archive.read(f"{split}/{record.index:06d}.jpg")).astype(int)
        half = both.shape[1] // 2
        labels = picture(recorded.dataset.labels_path(record.index))
        frame = picture(recorded.dataset.frame_path(record.index))
        assert both.shape == (labels.shape[0], 2 * labels.shape[1], 3)
        # JPEG blurs the borders of parts; everywhere else the colours are the palette's.
        assert np.median(np.abs(both[:, :half] - PALETTE[labels]).max(axis=2)) <= 1
        assert np.abs(both[:, :half] - PALETTE[labels]).mean() < 2
        assert np.abs(both[:, half:] - frame).mean() < 2


def test_pix2pixhd_reads_class_ids(recorded: Recorded) -> None:
    archive = exported(recorded.dataset, "pix2pixhd")
    for phase, held_out in (("train", False), ("test", True)):
        names = expected_stems(recorded.dataset, held_out)
        assert stems(archive, f"{phase}_label") == names
        assert stems(archive, f"{phase}_img") == names
        for name in names:
            data = archive.read(f"{phase}_label/{name}.png")
            assert Image.open(io.BytesIO(data)).mode == "L"
            labels = picture(recorded.dataset.labels_path(int(name)))
            assert np.array_equal(picture(data), labels)
            frame = recorded.dataset.frame_path(int(name)).read_bytes()
            assert archive.read(f"{phase}_img/{name}.jpg") == frame
    assert archive.read("labels.txt").decode().splitlines()[24] == f"24 {LABEL_NAMES[24]}"
    assert b"--no_instance" in archive.read("README.txt")


@pytest.mark.parametrize("shard_bytes", [webdataset.SHARD_BYTES, 100_000])
def test_webdataset_shards(
    recorded: Recorded, shard_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webdataset, "SHARD_BYTES", shard_bytes)
    archive = exported(recorded.dataset, "webdataset")
    seen: dict[str, list[str]] = {"train": [], "val": []}
    for shard in archive.namelist():
        split, data = shard.partition("-")[0], archive.read(shard)
        assert len(data) < shard_bytes + 100_000
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            names = tar.getnames()
            contents = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
        for stem in names[::3]:
            stem = stem.partition(".")[0]
            seen[split].append(stem)
            dataset, index = recorded.dataset, int(stem)
            assert contents.pop(f"{stem}.jpg") == dataset.frame_path(index).read_bytes()
            assert contents.pop(f"{stem}.parts.png") == dataset.labels_path(index).read_bytes()
            about = json.loads(contents.pop(f"{stem}.json"))
            assert about["index"] == index
            assert (about["keypoints"] is None) == (index == recorded.nobody)
        assert not contents
    assert seen["train"] == expected_stems(recorded.dataset, held_out=False)
    assert seen["val"] == expected_stems(recorded.dataset, held_out=True)
    assert (len(archive.namelist()) > 2) == (shard_bytes == 100_000)


@pytest.fixture
def turned(tmp_path: Path) -> Dataset:
    """PNG frames; the camera was turned in the middle of the recording."""
    random = np.random.default_rng(0)
    path = tmp_path / "turned"
    model = ModelInfo("a network", "0" * 64, (33, 33), "cpu", 0.6)
    writer = DatasetWriter.create(path, Source("webrtc"), model, frame_format="png")
    keypoints = np.full((17, 3), (9, 9, 0.9), np.float32)
    for index, shape in enumerate([(48, 64)] * 3 + [(65, 47)] * 3):
        labels = random.integers(0, 25, shape, dtype=np.uint8)
        rgb = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        person = Person(keypoints, 0.9, (1, 1, 20, 20))
        writer.write(index, index / 30, rgb, Analysis(labels, person), [])
    writer.close()
    return Dataset.open(path)


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_png_frames_of_two_sizes(turned: Dataset, name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_folder(turned, name, out)
    if name == "webdataset":
        for shard in out.iterdir():
            with tarfile.open(shard) as tar:
                tar.extractall(out, filter="data")
    frames = [turned.frame_path(pair.index).read_bytes() for pair in turned.pairs]
    exported_files = [path.read_bytes() for path in sorted(out.rglob("*.png"))]
    if name != "pix2pix":
        assert sorted(frames) == sorted(data for data in exported_files if data in frames)
    else:
        sizes = [Image.open(path).size for path in sorted(out.rglob("*.jpg"))]
        assert sizes == [(128, 48)] * 3 + [(94, 65)] * 3
    if name == "coco":
        read = json.loads((out / "annotations" / "person_parts_train.json").read_text())
        sizes = [(image["width"], image["height"]) for image in read["images"]]
        assert sizes == [(64, 48)] * 3 + [(47, 65)] * 2
        assert read["images"][0]["file_name"] == "000000.png"
    if name == "yolo-pose":
        line = (out / "labels" / "train" / "000003.txt").read_text().split()
        assert [float(word) for word in line[1:5]] == pytest.approx([0.5, 0.5, 1, 1], abs=0.05)
        assert float(line[5]) == pytest.approx(9 / 47, abs=1e-6)
