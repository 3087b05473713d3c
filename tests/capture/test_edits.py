"""What a person mends: checked, kept beside the original, saved whole, used by every export."""

from __future__ import annotations

import io
import json
import math
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from capture.dataset import Dataset
from capture.edits import MOST_FRAMES, checked_changes, checked_edits
from capture.errors import CaptureError, DatasetChanged, DatasetError
from capture.export import export_zip
from tests.capture.real import write

SIZE = (640, 480)
pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    write(tmp_path / "d", heads=True)
    return Dataset.open(tmp_path / "d")


def test_what_is_right_is_put_in_order() -> None:
    given = {"keypoints": {"10": [1, 2.006], "9": None}, "erased": False, "left_out": True}
    assert checked_edits(given, SIZE) == {
        "keypoints": {"9": None, "10": [1.0, 2.01]}, "left_out": True,
    }  # fmt: skip
    assert checked_edits({}, SIZE) == {}
    assert checked_edits({"keypoints": {"0": [-640, 960]}}, SIZE)["keypoints"]["0"] == [-640, 960]


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], "edits", 7, {"label": 1}, {"erased": "yes"}, {"left_out": 1}, {"keypoints": []},
        {"keypoints": {"17": [1, 2]}}, {"keypoints": {"-1": [1, 2]}}, {"keypoints": {"09": [1, 2]}},
        {"keypoints": {"9": [1]}}, {"keypoints": {"9": [1, 2, 3]}}, {"keypoints": {"9": "12"}},
        {"keypoints": {"9": [math.nan, 2]}}, {"keypoints": {"9": [math.inf, 2]}},
        {"keypoints": {"9": [10**400, 2]}}, {"keypoints": {"9": [True, 2]}},
        {"keypoints": {"9": ["1", 2]}}, {"keypoints": {"9": [-641, 2]}},
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_a_sentence(wrong: Any) -> None:
    with pytest.raises(DatasetError, match=r"^[A-Z].*\.$"):
        checked_edits(wrong, SIZE)
    with pytest.raises(DatasetError, match=r"^[A-Z].*\.$"):
        checked_changes({"3": wrong}, SIZE)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"x": {}},
        {"-1": {}},
        {"1e3": {}},
        {"9" * 9: {}},
        {"1": {}, "01": {}},
        {"²": {}},
    ],
)
def test_frames_go_by_their_numbers(wrong: Any) -> None:
    with pytest.raises(DatasetError, match=r"^[A-Z].*\.$"):
        checked_changes(wrong, SIZE)


def test_there_is_an_end_to_how_many() -> None:
    many = {str(number): {} for number in range(MOST_FRAMES + 1)}
    with pytest.raises(DatasetError, match=str(MOST_FRAMES)):
        checked_changes(many, SIZE)


def test_edits_lie_beside_what_the_network_saw(dataset: Dataset) -> None:
    raw = dataset.pairs[5].keypoints
    before = (dataset.path / "parts" / "000006.png").read_bytes()
    dataset.edit_pairs(
        {
            5: {"keypoints": {"9": [12.0, 34.0], "10": None}},
            6: {"erased": True},
            7: {"left_out": True},
        },
        dataset.revision,
    )
    again = Dataset.open(dataset.path)
    five, six = again.pairs[5], again.pairs[6]
    assert five.keypoints is not None
    assert raw is not None
    assert five.keypoints.tobytes() == raw.tobytes()
    mended = five.mended()
    assert mended is not None
    assert mended[9].tolist() == [12, 34, 1]
    assert mended[10, 2] == 0
    assert np.array_equal(np.delete(mended, [9, 10], 0), np.delete(raw, [9, 10], 0))
    assert six.keypoints is not None
    assert six.mended() is None
    for one in (dataset, again):
        assert not one.labels(6).any()
        assert one.labels(5).any()
        assert [pair.index for pair in one.used] == [*range(7), *range(8, 24)]
    assert (dataset.path / "parts" / "000006.png").read_bytes() == before
    assert len(again.pairs) == 24


def test_lines_that_are_not_edited_stay_to_the_byte(dataset: Dataset) -> None:
    path = dataset.path / "poses.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    # As another tool writes.
    lines[5] = json.dumps(json.loads(lines[5]), sort_keys=True).encode() + b"\n"
    path.write_bytes(b"".join(lines))
    edits = {"keypoints": {"9": [12.0, 34.0]}}
    dataset.edit_pairs({5: edits, 23: {"erased": True}}, dataset.revision)
    after = path.read_bytes().splitlines(keepends=True)
    assert [number for number in range(24) if after[number] != lines[number]] == [5, 23]
    assert json.loads(after[5])["edits"] == edits
    assert len(after) == 24


def test_the_second_of_two_is_told_and_changes_nothing(dataset: Dataset) -> None:
    seen = dataset.revision
    other = Dataset.open(dataset.path)
    now = other.edit_pairs({3: {"erased": True}}, seen)
    assert now == other.revision != seen
    with pytest.raises(DatasetChanged, match="newest state"):
        dataset.edit_pairs({3: {}, 4: {"left_out": True}}, seen)
    assert [pair.edits for pair in Dataset.open(dataset.path).pairs[3:5]] == [{"erased": True}, {}]
    with pytest.raises(DatasetChanged):  # Deleted meanwhile.
        dataset.edit_pairs({3: {}, 99: {}}, now)
    dataset.edit_pairs({3: {}}, now)
    assert Dataset.open(dataset.path).pairs[3].edits == {}


def test_the_picture_of_a_dataset_shows_the_dancer(dataset: Dataset) -> None:
    middle = dataset.thumbnail_index()
    assert middle is not None
    dataset.edit_pairs({middle: {"erased": True}, middle + 1: {"left_out": True}}, dataset.revision)
    assert dataset.thumbnail_index() == middle + 2
    dataset.edit_pairs({index: {"erased": True} for index in range(24)}, dataset.revision)
    assert dataset.thumbnail_index() == middle


def test_a_revision_is_of_what_was_deleted_too(dataset: Dataset) -> None:
    seen = dataset.revision
    Dataset.open(dataset.path).delete_pairs([2])
    with pytest.raises(DatasetChanged):
        dataset.edit_pairs({3: {"erased": True}}, seen)


def test_a_full_disk_leaves_everything_as_it_was(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (dataset.path / "poses.jsonl").read_bytes()

    def full(*_: object) -> None:
        raise CaptureError("The disk is full.")

    monkeypatch.setattr("capture.dataset.replace_records", full)
    with pytest.raises(CaptureError):
        dataset.edit_pairs({3: {"erased": True}}, dataset.revision)
    assert (dataset.path / "poses.jsonl").read_bytes() == before
    assert dataset.pairs[3].edits == {}
    assert dataset.labels(3).any()


def archive(dataset: Dataset, name: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(export_zip(dataset, name))))


@pytest.fixture
def mended(dataset: Dataset) -> Dataset:
    dataset.edit_pairs(
        {4: {"keypoints": {"9": [100.0, 50.0]}}, 5: {"erased": True}, 6: {"left_out": True}},
        dataset.revision,
    )
    return dataset


def test_coco_and_yolo_have_what_was_mended(mended: Dataset) -> None:
    coco = json.loads(archive(mended, "coco").read("annotations/person_keypoints_train.json"))
    assert {4, 5} <= {image["id"] for image in coco["images"]}
    assert 6 not in {image["id"] for image in coco["images"]}
    people = {one["image_id"]: one for one in coco["annotations"]}
    assert 5 not in people
    assert people[4]["keypoints"][27:30] == [100, 50, 2]
    yolo = archive(mended, "yolo-pose")
    assert yolo.read("labels/train/000005.txt") == b""
    assert "labels/train/000006.txt" not in yolo.namelist()
    width, height = mended.size(4)
    words = yolo.read("labels/train/000004.txt").decode().split()
    assert [float(word) for word in words[32:34]] == pytest.approx(
        [100 / width, 50 / height], abs=1e-5
    )


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixhd", "webdataset"])
def test_no_format_shows_who_was_erased_or_what_was_left_out(mended: Dataset, name: str) -> None:
    whole = archive(mended, name)
    names = whole.namelist()
    if name == "webdataset":
        with tarfile.open(fileobj=io.BytesIO(whole.read("train-000000.tar"))) as shard:
            names = shard.getnames()
            content = shard.extractfile("000005.parts.png")
            assert content is not None
            assert not decoded(content.read()).any()
    elif name == "pix2pixhd":
        assert not decoded(whole.read("train_label/000005.png")).any()
    else:
        picture = decoded(whole.read("train/000005.jpg"))
        assert picture[:, : picture.shape[1] // 2 - 8].max() < 16
    assert any("000005" in one for one in names)
    assert not any("000006" in one for one in names)


def test_the_native_format_keeps_everything(mended: Dataset) -> None:
    native = archive(mended, "native")
    lines = [json.loads(line) for line in native.read("poses.jsonl").splitlines()]
    assert [line["edits"] for line in lines[4:7]] == [
        {"keypoints": {"9": [100.0, 50.0]}}, {"erased": True}, {"left_out": True},
    ]  # fmt: skip
    assert "frames/000006.jpg" in native.namelist()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))
