"""Poses as limb directions: the same for tall and short people anywhere in the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.figures import number, standing
from transfer.target.pose_space import PoseIndex, pose_vectors

places = st.tuples(st.floats(-500, 500), st.floats(-500, 500), st.floats(0.2, 5))


def posed(**wrists: tuple[float, float]) -> np.ndarray:
    """Somebody standing with other wrists, right of and below the shoulders, in body heights."""
    keypoints = standing()
    for name, (right, down) in wrists.items():
        keypoints[number(name), :2] = 320 + right * 300, 200 + down * 300
    return keypoints


@given(places)
def test_height_and_place_do_not_matter(place: tuple[float, float, float]) -> None:
    x, y, scale = place
    keypoints = posed(left_wrist=(0.3, -0.3))
    moved = keypoints.copy()
    moved[:, :2] = moved[:, :2] * scale + (x, y)
    index = PoseIndex(keypoints[None], np.zeros(1))
    assert index.distances(moved)[0] == pytest.approx(0, abs=1e-4)


def test_the_nearest_pose_is_found_and_a_mirrored_one_is_not_it() -> None:
    up, other, down = (
        posed(left_wrist=(0.15, -0.3)),
        posed(right_wrist=(-0.15, -0.3)),
        standing(),
    )
    index = PoseIndex(np.stack([down, other, up]), np.arange(3.0))
    away = index.distances(up)
    assert away.argmin() == 2
    assert away[1] > away[0] > 0.1


def test_a_joint_that_is_not_seen_does_not_count() -> None:
    up = posed(left_wrist=(0.15, -0.3))
    index = PoseIndex(np.stack([standing(), posed(right_wrist=(-0.15, -0.3))]), np.arange(2.0))
    unseen = up.copy()
    unseen[number("left_wrist"), 2] = 0
    assert index.distances(unseen)[0] < 0.1 < index.distances(up)[0]


def test_what_shares_nothing_with_a_pose_is_far_away() -> None:
    only_head = standing()
    only_head[5:, 2] = 0
    index = PoseIndex(np.stack([only_head, posed(left_wrist=(0.3, 0))]), np.arange(2.0))
    assert index.distances(standing()).argmin() == 1


def test_movement_tells_equal_poses_apart() -> None:
    rising = [posed(left_wrist=(0.3, down)) for down in (0.2, 0.0, -0.2)]
    poses = np.stack([*rising, *rising[::-1]])
    index = PoseIndex(poses, np.arange(6) * 0.1)
    both = pose_vectors(np.stack([rising[0], rising[1]])).values
    upwards = both[1] - both[0]
    assert index.distances(rising[1], upwards).argmin() == 1
    assert index.distances(rising[1], -upwards).argmin() == 4
