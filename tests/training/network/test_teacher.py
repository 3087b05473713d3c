"""The teachers' ensemble and what is made of it, on real pictures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.body import MIRROR_KEYPOINTS
from inference.personlab import decode_people
from training.network.labelled import MAYBE, UNKNOWN, Packed
from training.network.labelling import from_joints, from_mask, from_teacher
from training.network.metrics import iou
from training.network.sources import coco_joints, read_mask, read_photo
from training.network.teacher import Teacher, part_labels, person_probability

FILE = "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite"


@pytest.fixture(scope="module")
def teacher(models: Path) -> Teacher:
    return Teacher([models / FILE], (257, 385))


@pytest.fixture(scope="module")
def photo(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    folder = shared / "data" / "people"
    return read_photo(folder / "photos" / "0002.jpg"), read_mask(
        folder / "person_masks" / "0002.png"
    )


def test_the_mirrored_picture_has_the_mirrored_answer(
    teacher: Teacher, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    rgb, _ = photo
    plain, mirrored = (decode_people(teacher.heads(np.ascontiguousarray(view)))[0]
                       for view in (rgb, rgb[:, ::-1]))  # fmt: skip
    back = mirrored.keypoints[list(MIRROR_KEYPOINTS)].copy()
    back[:, 0] = rgb.shape[1] - 1 - back[:, 0]
    sure = plain.keypoints[:, 2] > 0.5
    assert sure.sum() >= 10
    np.testing.assert_allclose(back[sure, :2], plain.keypoints[sure, :2], atol=3.0)


def test_the_ensemble_is_no_worse_than_its_members(teacher: Teacher, shared: Path) -> None:
    folder = shared / "data" / "people"
    scores: list[list[float]] = []
    for path in sorted((folder / "photos").iterdir())[:8]:
        rgb, mask = read_photo(path), read_mask(folder / "person_masks" / f"{path.stem}.png")
        members = [network.infer(rgb)[0] for network in teacher.networks]
        masks = [person_probability(heads) > 0.5 for heads in (*members, teacher.heads(rgb))]
        scores.append([iou(found, mask == 1, mask != 255) for found in masks])
    *members_mean, ensemble = np.mean(scores, 0)
    assert ensemble > max(members_mean) - 0.005
    assert ensemble > 0.75


def test_human_masks_lead_and_bystanders_are_unknown(
    teacher: Teacher, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    rgb, mask = photo
    # The same person once more beside herself, whom no human marked.
    wide = np.ascontiguousarray(np.hstack([rgb, rgb]))
    both = np.hstack([mask, np.zeros_like(mask)])
    item = from_mask(wide, both, teacher)
    height, width = item.people.shape
    small = cv2.resize(both, (width, height), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(item.people == 1, small == 1)
    stranger = item.people[:, width // 2 :] == UNKNOWN
    assert stranger.sum() > 0.6 * (small[:, : width // 2] == 1).sum()
    assert item.keypoints.shape == (1, 17, 3)
    assert item.keypoints[0, :, 2].sum() >= 8


def test_upside_down_people_are_labelled_as_if_upright(
    teacher: Teacher, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    rgb, mask = photo
    upright = from_mask(rgb, mask, teacher)
    joints = upright.keypoints[0].copy()
    joints[:5, 2] = 0
    height, width = upright.rgb.shape[:2]
    turned = joints.copy()
    turned[:, :2] = (width - 1, height - 1) - joints[:, :2]
    item = from_joints(np.ascontiguousarray(upright.rgb[::-1, ::-1]), turned, teacher)
    parts = item.parts[::-1, ::-1]
    assert (parts != UNKNOWN).all()
    inside = upright.people == 1
    assert (parts[inside] == upright.parts[inside]).mean() > 0.85
    # The face, which no human marked, comes from the teacher.
    assert item.keypoints[0, :3, 2].all()
    face = (width - 1, height - 1) - item.keypoints[0, :3, :2]
    np.testing.assert_allclose(face, upright.keypoints[0, :3, :2], atol=6)


def test_a_teacher_that_contradicts_the_marks_is_not_believed(
    teacher: Teacher, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    rgb, mask = photo
    joints = from_mask(rgb, mask, teacher).keypoints[0]
    joints[:5, 2] = 0
    wrong = joints.copy()
    wrong[5:, 1] = joints[5:, 1].min() + joints[5:, 1].max() - joints[5:, 1]  # Upside-down.
    item = from_joints(rgb, wrong, teacher)
    assert (item.parts == UNKNOWN).all()
    assert not item.keypoints[0, :5, 2].any()


def test_sports_joints_stay_where_humans_marked_them(teacher: Teacher, shared: Path) -> None:
    folder = shared / "data" / "sports"
    content = json.loads((folder / "joints.json").read_bytes())
    for name in sorted(content["images"])[5:400:80]:
        rgb = read_photo(folder / "images" / name)
        joints = coco_joints(content["images"][name], content["joints"], folder / name)
        item = from_joints(rgb, joints, teacher)
        factor = item.rgb.shape[0] / rgb.shape[0]
        known = joints[:, 2] > 0
        np.testing.assert_allclose(
            item.keypoints[0, known, :2], joints[known, :2] * factor, atol=1.5
        )
        assert (item.people == 1).any()
        assert ((item.people == 0) | (item.people >= MAYBE) | (item.people == 1)).all()


def test_only_what_the_teacher_is_sure_of_is_taken(
    teacher: Teacher, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    rgb, mask = photo
    item = from_teacher(rgb, teacher)
    small = cv2.resize(mask, item.people.shape[::-1], interpolation=cv2.INTER_NEAREST)
    assert (small[item.people == 1] == 1).mean() > 0.9
    assert (small[item.people == 0] == 1).mean() < 0.03
    assert (item.people == UNKNOWN).any()
    assert part_labels(teacher.heads(rgb)).max() <= 24


def test_labelled_pictures_come_back_from_disk(
    tmp_path: Path, teacher: Teacher, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    item = from_mask(*photo, teacher)
    path = tmp_path / "a.npz"
    Packed.of(item, "mask").write(path)
    packed = Packed.read(path)
    assert packed is not None
    again = packed.labelled()
    np.testing.assert_array_equal(again.people, item.people)
    np.testing.assert_array_equal(again.parts, item.parts)
    np.testing.assert_array_equal(again.keypoints, item.keypoints)
    assert np.abs(again.rgb.astype(int) - item.rgb).mean() < 4
    path.write_bytes(path.read_bytes()[:-100])
    assert Packed.read(path) is None
    assert Packed.read(tmp_path / "nowhere.npz") is None
