"""What can be learnt from, and what is said about what cannot."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from capture.dataset import Dataset
from capture.errors import CaptureError
from capture.manifest import Manifest
from capture.progress import Progress
from inference import zoo
from tests.capture.real import write
from training.errors import TrainingError
from training.network.labelled import Labelled
from training.network.prepare import prepare
from training.network.sources import (
    ATHLETES,
    COCO,
    DATASET,
    FRAMES_A_SECOND,
    JOINTS,
    MASK,
    PEOPLE,
    TEACHER,
    Sample,
    coco_joints,
    find_samples,
    read_mask,
    read_photo,
)
from training.network.teacher import Teacher
from training.network.teachers import Teachers

NOBODY = np.zeros((0, 17, 3), np.float32)
PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def photos(folder: Path, count: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:02d}.jpg"), PHOTO)
    return folder


def test_a_folder_of_photos_and_a_clip(tmp_path: Path) -> None:
    folder = photos(tmp_path / "mixed")
    clip = Path(__file__).parents[2] / "data" / "dancer_c_288.mp4"
    (folder / "dance.mp4").write_bytes(clip.read_bytes())
    (folder / "notes.txt").write_text("not a picture")
    samples = find_samples([folder], 0.0)
    names = [sample.name for sample in samples]
    assert names[:4] == ["00.jpg", "01.jpg", "02.jpg", "03.jpg"]
    assert all(name.startswith("dance.mp4#") for name in names[4:])
    assert len(names) == 8
    assert {sample.kind for sample in samples} == {TEACHER}
    assert not any(sample.held_out for sample in samples)


def test_every_tenth_of_each_source_is_held_out(shared: Path) -> None:
    folders = [shared / "data" / "people", shared / "data" / "sports"]
    samples = find_samples(folders, 0.1)
    for folder, kind, count in zip(folders, (MASK, JOINTS), (91, 300), strict=True):
        names = sorted(path.name for path in (folder / "photos").glob("*")) or sorted(
            path.name for path in (folder / "images").glob("*")
        )
        held_out = [s.files[0].name for s in samples if s.kind == kind and s.held_out]
        assert held_out == names[::10]
        assert len(held_out) == count


def test_heads_that_a_person_contradicted_are_not_learnt_from(models: Path, tmp_path: Path) -> None:
    write(tmp_path / "d", heads=True)
    dataset = Dataset.open(tmp_path / "d")
    edits = {2: {"erased": True}, 3: {"left_out": True}, 4: {"keypoints": {"9": [60.0, 52.0]}}}
    dataset.edit_pairs(edits, dataset.revision)
    found = {sample.name.split()[0]: sample for sample in find_samples([tmp_path / "d"], 0.0)}
    assert len(found) == 24 - 2
    assert not {"d/000002", "d/000003"} & found.keys()
    mended = found["d/000004"]
    assert (mended.kind, mended.needs_teacher) == (TEACHER, True)
    before = mended.name
    teacher = Teacher([zoo.find_known("understudy-tiny")])
    assert len(teacher.networks) == 1
    labelled = mended.label(Teachers(teacher))
    assert labelled.keypoints[0, 9].tolist() == [60.0, 52.0, 1.0]
    dataset.edit_pairs({4: {"keypoints": {"9": [61.0, 52.0]}}}, dataset.revision)
    [again] = [s for s in find_samples([tmp_path / "d"], 0.0) if s.name.startswith("d/000004")]
    assert again.name != before  # Labels of an earlier run are not taken for it.


def test_pairs_without_heads_are_shown_to_the_teachers_some_a_second(
    models: Path, tmp_path: Path
) -> None:
    seen = write(tmp_path / "d")
    samples = find_samples([tmp_path / "d"], 0.0)
    assert {sample.kind for sample in samples} == {TEACHER}
    times = [seen[int(sample.name.rpartition("/")[2])][1] for sample in samples]
    assert len(times) == 24  # Of a short one all, up to `FEW_FRAMES`.
    manifest = Manifest.load(tmp_path / "d")
    manifest.frame.fps /= 30  # As if it were so much longer.
    manifest.save(tmp_path / "d")
    times = [
        seen[int(one.name.rpartition("/")[2])][1] for one in find_samples([tmp_path / "d"], 0.0)
    ]
    assert len(times) == 3
    assert all(later - sooner > 0.8 / FRAMES_A_SECOND for sooner, later in pairwise(times))


def test_a_dataset_whose_duration_is_not_known_is_learnt_from(models: Path, tmp_path: Path) -> None:
    """A single pair has none."""
    write(tmp_path / "d")
    manifest = Manifest.load(tmp_path / "d")
    manifest.frame.fps = 0.0
    manifest.save(tmp_path / "d")
    assert {one.kind for one in find_samples([tmp_path / "d"], 0.0)} == {TEACHER}


def test_people_of_coco_are_found(shared: Path) -> None:
    samples = find_samples([shared / "data" / "coco_person"], 0.0)
    assert len(samples) == 26
    assert {sample.kind for sample in samples} == {COCO}
    labelled = samples[0].label(Teachers(Teacher([zoo.find_known("understudy-tiny")])))
    assert labelled.keypoints[..., 2].any()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds nothing to learn from"),
        ({"a.txt": b"x"}, "holds nothing to learn from"),
        ({"a.json": b"{"}, "cannot be read as JSON"),
        ({"a.json": b"[1]"}, "neither in COCO's form nor a list of joints"),
    ],
)
def test_folders_without_anything_are_named(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=sentence):
        find_samples([tmp_path], 0.1)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There is no .*nowhere"):
        find_samples([tmp_path / "nowhere"], 0.1)


def test_annotations_without_files_are_passed_over(tmp_path: Path) -> None:
    photos(tmp_path / "images", 2)
    marks = [[1.0, 2.0, 1]] * 2
    images = {"00.jpg": marks, "gone.jpg": marks, "../../etc/passwd": marks}
    content = {"joints": ["left_knee", "neck"], "images": images}
    (tmp_path / "joints.json").write_text(json.dumps(content))
    assert [sample.files[0].name for sample in find_samples([tmp_path], 0.0)] == ["00.jpg"]


@pytest.mark.parametrize("content", [b"", b"\xff\xd8 cut short", b"GIF89a"])
def test_unreadable_pictures_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"bad\.jpg is no picture that can be read"):
        read_photo(path)
    with pytest.raises(TrainingError, match=r"bad\.jpg is no mask"):
        read_mask(path)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.ones((30, 60), np.uint8), "is 60x30, its photo 60x40"),
        (np.zeros((40, 60), np.uint8), "marks nobody"),
    ],
)
def test_masks_that_do_not_fit_are_named(tmp_path: Path, mask: Any, sentence: str) -> None:
    photos(tmp_path / "photos", 1)
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "00.png"), mask)
    (sample,) = find_samples([tmp_path], 0.0)
    assert sample.kind == MASK
    teacher: Any = object()
    with pytest.raises(TrainingError, match=sentence):
        sample.label(teacher)


def test_joints_come_in_cocos_order() -> None:
    joints = coco_joints(
        [[1, 2, 1], [3, 4, 1], [5, 6, 0]], ["left_knee", "neck", "nose"], Path("a")
    )
    assert joints[13].tolist() == [1, 2, 1]
    assert joints[:, 2].sum() == 1


@pytest.mark.parametrize("marks", [[[1, 2]], [[1, 2, 1], [3, 4, 1]], [[float("nan"), 2, 1]]])
def test_joints_that_are_no_numbers_are_refused(marks: Any) -> None:
    with pytest.raises(TrainingError, match=r"joints of a\.jpg"):
        coco_joints(marks, ["left_knee"], Path("a.jpg"))


def test_a_broken_film_is_left_out_like_a_broken_photo(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / "IMG.HEIC").write_bytes(b"")
    Image.new("RGB", (64, 48)).save(tmp_path / "good.jpg")
    notes: list[str] = []
    broken, good = find_samples([tmp_path], 0.0, notes.append)
    assert good.name == "good.jpg"
    with pytest.raises(CaptureError, match=r"broken\.mp4"):
        broken.label(None)
    assert len(notes) == 1
    assert "IMG.HEIC" in notes[0]


def test_broken_films_and_datasets_are_left_out_and_said(tmp_path: Path) -> None:
    """Wherever they stand: in a folder, or named."""
    folder = photos(tmp_path / "mixed")
    (folder / "broken.mp4").write_bytes(b"no film")
    (folder / "old").mkdir()
    (folder / "old" / "dataset.json").write_bytes(b"no JSON")
    named = tmp_path / "named.mov"
    named.write_bytes(b"")
    samples = find_samples([folder, named], 0.0)
    assert len(samples) == 7

    def teacher() -> Any:
        return SimpleNamespace(heads=lambda rgb: pytest.fail("nobody asked for a photo"))

    broken = [one for one in samples if not one.name.endswith(".jpg")]
    with Progress("labels") as progress, pytest.raises(TrainingError, match="None of 3 pictures"):
        prepare(broken, tmp_path / "labels", teacher, progress)
    with pytest.raises(CaptureError, match=r"broken\.mp4 is not a video"):
        next(one for one in broken if one.name == "broken.mp4").label(None)


def test_labels_that_cannot_be_written_end_it(tmp_path: Path) -> None:
    """They are no fault of the picture's."""
    samples = find_samples([photos(tmp_path / "photos", 1)], 0.0)
    folder = tmp_path / "labels"

    def label(teacher: Any) -> Labelled:
        folder.rmdir()
        folder.touch()
        return Labelled(PHOTO, np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8), NOBODY)

    sample = Sample("one", samples[0].files, DATASET, label)
    with Progress("labels") as progress, pytest.raises(CaptureError, match="could not be written"):
        prepare([sample], folder, lambda: pytest.fail("no teacher"), progress)


def known_people(folder: Path, people: list[dict[str, Any]]) -> Path:
    """A source with a mask and `people.json`; the last picture has no mask."""
    photos(folder / "images", 3)
    (folder / "masks").mkdir()
    mask = np.zeros(PHOTO.shape[:2], np.uint8)
    mask[5:35, 10:50] = 1
    for number in range(2):
        cv2.imwrite(str(folder / "masks" / f"{number:02d}.png"), mask)
    images = [{"id": number, "file_name": f"{number:02d}.jpg"} for number in range(3)]
    content = {"images": images, "annotations": people}
    (folder / "people.json").write_text(json.dumps(content))
    return folder


def somebody(image: int, marked_by: str = "teacher", **more: Any) -> dict[str, Any]:
    points = [value for number in range(17) for value in (12 + 2 * number, 20, 2)]
    return {"image_id": image, "keypoints": points, "marked_by": marked_by, "area": 9.0} | more


def test_masks_with_everybodys_key_points(tmp_path: Path) -> None:
    people = [somebody(0), somebody(0, segmentation=[[1, 1, 20, 1, 20, 30, 1, 30]])]
    samples = find_samples([known_people(tmp_path / "more", people)], 0.0)
    assert [(one.name, one.kind) for one in samples] == [
        ("more/00.jpg", PEOPLE),
        ("more/01.jpg", PEOPLE),  # It shows nobody.
        ("more/02.jpg", TEACHER),  # It has no mask.
    ]
    assert [file.name for file in samples[0].files] == ["00.jpg", "00.png"]


def test_joints_that_a_human_marked_are_athletes(tmp_path: Path) -> None:
    folder = known_people(tmp_path, [somebody(0, "human"), somebody(1)])
    assert [one.kind for one in find_samples([folder], 0.0)] == [ATHLETES, PEOPLE, TEACHER]


@pytest.mark.parametrize("keypoints", [[1, 2, 3], "none"])
def test_people_that_cannot_be_read_are_told(tmp_path: Path, keypoints: Any) -> None:
    folder = known_people(tmp_path, [somebody(0) | {"keypoints": keypoints}])
    sample, *_ = find_samples([folder], 0.0)
    with pytest.raises(TrainingError, match=r"annotations of 00\.jpg cannot be read"):
        sample.label(object())  # type: ignore[arg-type]
