"""COCO and YOLO-pose, read with pycocotools and by the documented rules."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from capture.export import export_folder
from capture.export.entries import clipped, with_visibility
from capture.export.runs import person_runs, runs_by_label
from capture.pairs import PairRecord
from inference.body import KEYPOINT_NAMES, MIRROR_KEYPOINTS, PART_NAMES

from .conftest import Recorded
from .unpacking import expected_stems, exported, picture, stems

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def coco(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("coco") / "out"
    export_folder(recorded.dataset, "coco", out)
    return out


def _loaded(folder: Path, name: str) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(folder / "annotations" / name)


@pytest.mark.parametrize(("split", "held_out"), [("train", False), ("val", True)])
def test_coco_people(recorded: Recorded, coco: Path, split: str, held_out: bool) -> None:
    read = _loaded(coco, f"person_keypoints_{split}.json")
    names = expected_stems(recorded.dataset, held_out)
    assert sorted(read.getImgIds()) == [int(name) for name in names]
    assert read.cats[1]["keypoints"] == list(KEYPOINT_NAMES)
    records = {record.index: record for record in recorded.dataset.pairs}
    for image in read.imgs.values():
        pixels = picture(coco / split / image["file_name"])
        assert pixels.shape[:2] == (image["height"], image["width"])
        labels = picture(recorded.dataset.labels_path(image["id"]))
        annotations = read.imgToAnns[image["id"]]
        assert len(annotations) == (image["id"] != recorded.nobody)
        for annotation in annotations:
            assert np.array_equal(read.annToMask(annotation), labels > 0)
            assert annotation["area"] == (labels > 0).sum()
            ys, xs = np.nonzero(labels)
            assert annotation["bbox"] == [
                xs.min(),
                ys.min(),
                np.ptp(xs) + 1,
                np.ptp(ys) + 1,
            ]
            _check_points(annotation, records[image["id"]])


def _check_points(annotation: dict[str, Any], record: PairRecord) -> None:
    points = np.array(annotation["keypoints"]).reshape(17, 3)
    assert record.keypoints is not None
    seen = points[:, 2] > 0
    assert annotation["num_keypoints"] == seen.sum() > 5
    assert np.abs(points[seen, :2] - record.keypoints[seen, :2]).max() <= 0.005 + 1e-6
    assert not points[~seen].any()
    assert np.array_equal(points[:, 2] == 2, seen & (record.keypoints[:, 2] >= 0.5))


@pytest.mark.parametrize("split", ["train", "val"])
def test_coco_parts(recorded: Recorded, coco: Path, split: str) -> None:
    read = _loaded(coco, f"person_parts_{split}.json")
    assert [read.cats[part + 1]["name"] for part in range(24)] == list(PART_NAMES)
    for index in read.getImgIds():
        labels = picture(recorded.dataset.labels_path(index))
        rebuilt = np.zeros_like(labels)
        for annotation in read.imgToAnns[index]:
            mask = read.annToMask(annotation).astype(bool)
            assert annotation["area"] == mask.sum() > 0
            assert annotation["bbox"] == coco_mask.toBbox(read.annToRLE(annotation)).tolist()
            rebuilt[mask] = annotation["category_id"]
        assert np.array_equal(rebuilt, labels)


@pytest.mark.parametrize("kind", ["keypoints", "segm", "bbox"])
def test_cocoeval_finds_the_annotations_perfect(coco: Path, kind: str) -> None:
    """What pycocotools makes of them as truth and as result at once: every figure is 1."""
    truth = _loaded(coco, "person_keypoints_train.json")
    with contextlib.redirect_stdout(io.StringIO()):
        results = truth.loadRes(
            [
                {key: one[key] for key in ("image_id", "category_id", "keypoints", "bbox")}
                | ({} if kind == "bbox" else {"segmentation": one["segmentation"]})
                | {"score": 0.9}
                for one in truth.anns.values()
            ]
            if kind != "keypoints"
            else [
                {key: one[key] for key in ("image_id", "category_id", "keypoints")} | {"score": 0.9}
                for one in truth.anns.values()
            ]
        )
        evaluation = COCOeval(truth, results, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)


@given(
    arrays.arrays(
        np.uint8,
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.sampled_from([0, 0, 0, 1, 2, 24]),
    )
)
def test_run_lengths_are_those_of_pycocotools(labels: Any) -> None:
    for label, runs in runs_by_label(labels).items():
        _compare(runs, labels == label)
    _compare(person_runs(labels), labels > 0)


@pytest.mark.parametrize("shape", [(1, 1), (2000, 3000), (3000, 1)])
@pytest.mark.parametrize("filling", ["nothing", "all", "last", "first", "noise", "column"])
def test_run_lengths_of_odd_masks(shape: tuple[int, int], filling: str) -> None:
    labels = np.zeros(shape, np.uint8)
    if filling == "all":
        labels[:] = 3
    elif filling == "last":
        labels[-1, -1] = 3
    elif filling == "first":
        labels[0, 0] = 3
    elif filling == "column":
        labels[:, shape[1] // 2] = 3
    elif filling == "noise":
        labels = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    _compare(person_runs(labels), labels > 0)


def _compare(runs: Any, mask: Any) -> None:
    reference = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    assert runs.as_coco() == {
        "size": reference["size"],
        "counts": reference["counts"].decode(),
    }
    assert runs.area == coco_mask.area(reference)
    assert list(runs.box) == coco_mask.toBbox(reference).tolist()


def test_yolo_lines(recorded: Recorded) -> None:
    archive = exported(recorded.dataset, "yolo-pose")
    records = {record.index: record for record in recorded.dataset.pairs}
    for split, held_out in (("train", False), ("val", True)):
        names = expected_stems(recorded.dataset, held_out)
        assert stems(archive, f"images/{split}") == stems(archive, f"labels/{split}") == names
        for name in names:
            frame = archive.read(f"images/{split}/{name}.jpg")
            size = picture(frame).shape[1::-1]
            text = archive.read(f"labels/{split}/{name}.txt").decode()
            if int(name) == recorded.nobody:
                assert text == ""
                continue
            numbers = [float(word) for word in text.split()]
            assert len(numbers) == 5 + 17 * 3
            assert numbers[0] == 0
            labels = picture(recorded.dataset.labels_path(int(name)))
            _check_box(numbers[1:5], labels)
            points = np.array(numbers[5:]).reshape(17, 3)
            assert (points[:, :2] >= 0).all()
            assert (points[:, :2] <= 1).all()
            seen = points[:, 2] > 0
            truth = records[int(name)].keypoints
            assert truth is not None
            assert np.abs(points[seen, :2] * size - truth[seen, :2]).max() < 0.001
            assert set(points[:, 2]) <= {0, 1, 2}


def _check_box(box: list[float], labels: Any) -> None:
    height, width = labels.shape
    x, y, w, h = np.array(box) * (width, height, width, height)
    ys, xs = np.nonzero(labels)
    assert [x - w / 2, y - h / 2] == pytest.approx([xs.min(), ys.min()], abs=0.01)
    assert [x + w / 2, y + h / 2] == pytest.approx([xs.max() + 1, ys.max() + 1], abs=0.01)


def test_yolo_data_yaml(recorded: Recorded) -> None:
    text = exported(recorded.dataset, "yolo-pose").read("data.yaml").decode()
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    assert lines["train"] == "images/train"
    assert lines["val"] == "images/val"
    assert lines["kpt_shape"] == "[17, 3]"
    assert lines["flip_idx"] == str(list(MIRROR_KEYPOINTS))
    assert "  0: person" in text.splitlines()


def test_visibility() -> None:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[:5] = [(10, 10, 0.9), (10, 10, 0.3), (10, 10, 0.1), (-1, 5, 0.9), (5, 48, 0.9)]
    record = PairRecord(0, 0.0, keypoints, edits={"keypoints": {"2": [7.5, 8.5]}})
    points = with_visibility(record, (64, 48))
    assert points is not None
    assert points[:5].tolist() == [[10, 10, 2], [10, 10, 1], [7.5, 8.5, 2], [0, 0, 0], [0, 0, 0]]
    assert with_visibility(PairRecord(0, 0.0, None), (64, 48)) is None


def test_boxes_are_clipped_to_the_frame() -> None:
    assert clipped((-5, 10, 20, 100), (64, 48)).tolist() == [0, 10, 15, 38]
    assert clipped((70, 10, 20, 10), (64, 48)).tolist() == [64, 10, 0, 10]
