"""Where hands and feet point, from frame to frame: known angles, with a known trembling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.puppet import draw, pose
from transfer.performers.warp.ends import MEMORY_SECONDS, EndSteadier
from transfer.target.pieces import BONES, ENDS, LEAST_AREA, BodyPose, Piece

HAND = Piece.LEFT_HAND
ELBOW, WRIST = BONES[ENDS[HAND]]
STEP = 1 / 30


def pointing(bend: float, reach: float = 0.05, arm: float = 0.0) -> BodyPose:
    """A hand that is bent by so much against its forearm, which itself has turned by `arm`;
    radians, and body heights."""
    keypoints = pose()
    drawn = BodyPose.of(keypoints, draw(keypoints)[1])
    limb = complex(*(keypoints[WRIST, :2] - keypoints[ELBOW, :2])) * np.exp(1j * arm)
    joint = complex(*keypoints[ELBOW, :2]) + limb
    keypoints = keypoints.copy()
    keypoints[WRIST, :2] = joint.real, joint.imag
    place = joint + limb / abs(limb) * np.exp(1j * bend) * reach * drawn.scale
    area, centroid = drawn.area.copy(), drawn.centroid.copy()
    area[HAND], centroid[HAND] = 0.01, (place.real, place.imag)
    return BodyPose(keypoints, drawn.scale, area, drawn.front, centroid)


def bend_of(one: BodyPose) -> float:
    direction = one.end_direction(HAND)
    assert direction is not None
    limb = one.keypoints[WRIST, :2] - one.keypoints[ELBOW, :2]
    return float(np.angle(complex(*direction) / complex(*limb)))


def bends(poses: list[BodyPose]) -> NDArray[np.float64]:
    steadier = EndSteadier()
    return np.array([bend_of(steadier.steadied(one, n * STEP)) for n, one in enumerate(poses)])


def trembling(angles: NDArray[np.float64]) -> float:
    return float(np.abs(np.diff(angles, 2)).mean())


def test_a_hand_that_rests_trembles_a_third_as_much() -> None:
    noise = np.random.default_rng(0).normal(0, np.radians(4), 90)
    made = bends([pointing(0.4 + one) for one in noise])
    assert trembling(made) < trembling(0.4 + noise) / 3
    assert abs(made[30:].mean() - 0.4) < np.radians(1.5)


def test_a_hand_on_an_arm_that_swings_does_not_lag() -> None:
    made = bends([pointing(0.3, arm=0.1 * n) for n in range(30)])
    assert made == pytest.approx(0.3, abs=1e-5)


def test_a_hand_that_is_bent_anew_gets_there() -> None:
    made = bends([pointing(0.0)] * 10 + [pointing(1.0)] * 20)
    assert (np.diff(made[9:]) >= -1e-6).all()
    assert made[9 + 5] > 0.6
    assert made[-1] == pytest.approx(1.0, abs=0.1)


def test_a_hand_that_points_at_the_camera_goes_on_as_it_did() -> None:
    steadier = EndSteadier()
    for n in range(5):
        steadier.steadied(pointing(0.5), n * STEP)
    near = pointing(-2.0, reach=0.001)
    assert near.end_direction(HAND) is None
    assert bend_of(steadier.steadied(near, 5 * STEP)) == pytest.approx(0.5, abs=0.1)


def test_one_that_is_not_seen_is_left_alone_and_begins_anew() -> None:
    steadier = EndSteadier()
    steadier.steadied(pointing(0.5), 0.0)
    seen = pointing(-1.0)
    area = seen.area.copy()
    area[HAND] = LEAST_AREA / 2
    hidden = replace(seen, area=area)
    np.testing.assert_array_equal(
        steadier.steadied(hidden, STEP).centroid[HAND], hidden.centroid[HAND]
    )
    later = 2 * STEP + MEMORY_SECONDS
    assert bend_of(steadier.steadied(seen, later)) == pytest.approx(-1.0, abs=1e-5)


def test_what_is_steadied_lies_as_far_from_its_joint() -> None:
    steadier = EndSteadier()
    for n in range(3):
        made = steadier.steadied(pointing(0.2 * n, reach=0.06), n * STEP)
        away = made.centroid[HAND] - made.keypoints[WRIST, :2]
        assert np.hypot(*away) / made.scale == pytest.approx(0.06, rel=1e-4)
