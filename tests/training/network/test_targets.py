"""Targets: the live decoder, given exactly what the student is asked to say, finds the people."""

import numpy as np
import pytest

from inference.analysis import Head, Heads
from inference.geometry import Placement
from inference.personlab import decode_people
from inference.segmentation import label_map
from tests.training.people import at, picture
from training.network.labelled import MAYBE, UNKNOWN, Labelled
from training.network.student import BODY_STRIDE, POSE_STRIDE
from training.network.targets import targets_of


def heads_of(item: Labelled) -> Heads:
    """Heads that say exactly what the targets ask for; 0 where they ask for nothing."""
    targets = targets_of(item)
    height, width = item.people.shape

    def head(values: np.ndarray) -> Head:
        return Head(np.ascontiguousarray(np.nan_to_num(values).transpose(1, 2, 0), np.float32))

    parts = np.zeros((24, *targets.parts.shape), np.float32)
    known = targets.parts != UNKNOWN
    parts[targets.parts[known], known] = 5
    return Heads(
        head(np.where(targets.heatmaps == 1, 5.0, -5.0)),
        head(targets.short_offsets),
        head(targets.mid_offsets),
        head(targets.long_offsets),
        head(np.where(targets.person == 1, 5.0, -5.0)[None]),
        head(parts),
        Placement.stretch((width, height), (width, height), POSE_STRIDE),
        BODY_STRIDE,
    )


def test_the_decoder_finds_one_person_to_the_pixel() -> None:
    points = at(40.5, 60.25, 1.4)
    found = decode_people(heads_of(picture([points])))
    assert len(found) == 1
    np.testing.assert_allclose(found[0].keypoints[:, :2], points[:, :2], atol=0.6)
    assert found[0].score > 0.95


def test_two_people_side_by_side_are_told_apart() -> None:
    people = [at(30, 60, 1.4), at(160, 70, 1.3)]
    item = picture(people)
    heads = heads_of(item)
    found = sorted(decode_people(heads), key=lambda person: person.keypoints[0, 0])
    assert len(found) == 2
    for person, points in zip(found, people, strict=True):
        np.testing.assert_allclose(person.keypoints[:, :2], points[:, :2], atol=0.6)
    for number in (0, 1):
        labels = label_map(heads, found, number, 0.5) > 0
        mine = item.people == number + 1
        assert labels[mine].mean() > 0.93
        assert not labels[item.people == 2 - number].any()


@pytest.mark.parametrize("keypoint", [0, 9])
def test_an_unknown_key_point_is_in_doubt_on_its_person_only(keypoint: int) -> None:
    points = at(60, 60, 1.4)
    points[keypoint, 2] = 0
    item = picture([points])
    owners = item.people[::POSE_STRIDE, ::POSE_STRIDE]
    heatmaps = targets_of(item).heatmaps
    assert (heatmaps[keypoint][owners == 1] == UNKNOWN).all()
    assert (heatmaps[keypoint][owners == 0] == 0).all()
    assert not (heatmaps[5] == UNKNOWN).any()


def test_where_perhaps_somebody_else_is_nothing_is_learnt() -> None:
    item = picture([at(60, 60, 1.4)])
    item.people[:, 280:] = UNKNOWN
    item.people[:, 240:280] = MAYBE
    targets = targets_of(item)
    assert (targets.person[:, 280 // BODY_STRIDE :] == UNKNOWN).all()
    assert (targets.person[:, 240 // BODY_STRIDE :] == UNKNOWN).all()
    assert (targets.heatmaps[:, :, 280 // POSE_STRIDE :] == UNKNOWN).all()
    # It is the one who is marked or nobody, and their key points are known.
    maybe = targets.heatmaps[:, :, 240 // POSE_STRIDE : 280 // POSE_STRIDE]
    assert (maybe == 0).all()


def test_key_points_outside_of_the_picture_leave_no_trace() -> None:
    points = at(200, 180, 1.4)
    targets = targets_of(picture([points]))
    outside = points[:, 1] > 255
    assert outside.any()
    assert not targets.heatmaps[outside].any()
    assert np.isnan(targets.long_offsets[:17][outside]).all()
    assert not np.isnan(targets.long_offsets[:17][~outside]).all()
