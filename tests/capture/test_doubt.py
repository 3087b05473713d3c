"""Poses that look wrong are found: in a real clip, whose poses are spoilt one way at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from capture.dataset import Dataset
from capture.doubt import Doubt, doubtful
from capture.pairs import PairRecord
from inference.arrays import Keypoints
from inference.body import MIRROR_KEYPOINTS
from tests.capture.real import write

SPOILT = 12
pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture
def pairs(tmp_path: Path) -> list[PairRecord]:
    """24 frames of a man with a ball, all key points sure and steady."""
    write(tmp_path / "d")
    pairs = Dataset.open(tmp_path / "d").pairs
    for pair in pairs:
        assert pair.keypoints is not None
        assert pairs[0].keypoints is not None
        pair.keypoints[:, 2] = 0.9
        share = pair.index / 23
        pair.keypoints[:, :2] = pairs[0].keypoints[:, :2] + share * 3
    assert doubtful(pairs) == []
    return pairs


def wrist_jumps(points: Keypoints) -> None:
    points[9, 0] += 40


def all_swapped(points: Keypoints) -> None:
    points[:] = points[list(MIRROR_KEYPOINTS)]


def unsure(points: Keypoints) -> None:
    points[[9, 10, 15], 2] = 0.32


def elsewhere(points: Keypoints) -> None:
    points[:, 0] += 200


@pytest.mark.parametrize(
    ("spoil", "reason", "about"),
    [
        (wrist_jumps, "Left wrist jumps.", {9}),
        (unsure, "Left wrist, right wrist and left ankle are uncertain.", {9, 10, 15}),
        (all_swapped, "Left and right look swapped: ", {5, 6, 7, 8, 9, 10}),
        (elsewhere, "This may be another person.", set()),
    ],
)
def test_the_spoilt_pose_comes_first_and_why_is_said(
    pairs: list[PairRecord], spoil: Callable[[Keypoints], None], reason: str, about: set[int]
) -> None:
    keypoints = pairs[SPOILT].keypoints
    assert keypoints is not None
    spoil(keypoints)
    found = doubtful(pairs)
    first = next(one for one in found if one.index == SPOILT)
    assert first.doubt == max(one.doubt for one in found)
    assert any(reason in text for text in first.reasons)
    assert about <= set(first.keypoints)
    assert {one.index for one in found} <= {SPOILT - 1, SPOILT, SPOILT + 1}


def test_a_bone_that_is_too_long_is_told_from_one_that_points_at_the_camera(
    pairs: list[PairRecord],
) -> None:
    for pair in pairs[8:17]:  # Slowly: nothing jumps.
        assert pair.keypoints is not None
        shoulder, elbow = pair.keypoints[5, :2], pair.keypoints[7, :2]
        share = 1 - abs(pair.index - SPOILT) / 5
        pair.keypoints[9, :2] = elbow + (elbow - shoulder) * share * 3
        pair.keypoints[8, :2] += (pair.keypoints[6, :2] - pair.keypoints[8, :2]) * share
    first = next(one for one in doubtful(pairs) if one.index == SPOILT)
    assert any("Left wrist is too far away" in text for text in first.reasons)
    assert 8 not in first.keypoints


def test_nobody_between_somebody_and_a_point_lost_for_a_moment(pairs: list[PairRecord]) -> None:
    pairs[SPOILT].keypoints = None
    [one] = doubtful(pairs)
    assert one == Doubt(SPOILT, 0.7, ("Nobody was found, but just before and after.",), ())


def test_what_a_person_mended_is_believed(pairs: list[PairRecord]) -> None:
    keypoints = pairs[SPOILT].keypoints
    assert keypoints is not None
    right = keypoints[9, :2].tolist()
    wrist_jumps(keypoints)
    pairs[SPOILT].edits = {"keypoints": {"9": right}}
    assert doubtful(pairs) == []
    pairs[SPOILT].edits = {"keypoints": {"9": None}}
    assert doubtful(pairs) == []
    for mark in ("erased", "left_out", "right"):
        pairs[SPOILT].edits = {mark: True}
        assert SPOILT not in {one.index for one in doubtful(pairs)}


def test_clips_without_anything_to_compare_are_no_error(pairs: list[PairRecord]) -> None:
    assert doubtful([]) == []
    assert doubtful(pairs[:1]) == []
    assert doubtful(pairs[:2]) == []
    for pair in pairs:
        pair.keypoints = None
    assert doubtful(pairs) == []


def test_a_whole_real_clip_takes_milliseconds_and_most_of_it_is_believed(tmp_path: Path) -> None:
    write(tmp_path / "d")
    pairs = Dataset.open(tmp_path / "d").pairs
    found = doubtful(pairs)
    assert len(found) < len(pairs) / 2
    assert all(0.5 <= one.doubt <= 1 for one in found)
    assert [one.doubt for one in found] == sorted((one.doubt for one in found), reverse=True)
    assert all(np.isfinite(one.doubt) for one in found)
