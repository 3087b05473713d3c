"""Who is likely the dancer in a single picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.arrays import Keypoints
from inference.prominence import OFF_CENTRE, POSING, posing, prominence
from inference.skeleton import body_scale
from tests.training.people import at


def turned(points: Keypoints, degrees: float) -> Keypoints:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    done = points.copy()
    done[:, :2] = points[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + (400, 400)
    return done


def posed(points: Keypoints) -> float:
    return posing(points, body_scale(points))


def test_standing_is_no_pose_and_lying_half_and_upside_down_all_of_it() -> None:
    standing = at(0, 0)
    assert posed(standing) == 0
    assert posed(turned(standing, 10)) == 0
    assert 0.6 < posed(turned(standing, 90)) < 1
    assert posed(turned(standing, 180)) == 1
    assert posed(turned(standing, 130)) == posed(turned(standing, -130))


def test_a_raised_arm_and_legs_apart() -> None:
    waving, striding = at(0, 0), at(0, 0)
    waving[9, 1] = waving[5, 1] - 0.3 * body_scale(waving)
    assert posed(waving) == pytest.approx(0.5)
    striding[15, 0] += 0.4 * body_scale(striding)
    assert 0.1 < posed(striding) <= 0.5


def test_of_key_points_that_are_not_seen_nothing_is_told() -> None:
    upside_down = turned(at(0, 0), 180)
    upside_down[[5, 11, 9, 10, 15], 2] = 0.1
    assert posed(upside_down) == 0


@given(st.floats(0, 360), st.floats(0.3, 4), st.integers(0, 1000))
def test_it_is_a_share_whatever_the_size(degrees: float, size: float, seed: int) -> None:
    points = at(0, 0)
    points[:, :2] += np.random.default_rng(seed).normal(0, 15, (17, 2))
    points = turned(points, degrees)
    larger = points * np.array([size, size, 1], np.float32)
    assert 0 <= posed(points) <= 1
    assert posing(larger, size * body_scale(points)) == pytest.approx(posed(points), abs=1e-3)


def test_size_score_place_and_pose_multiply() -> None:
    plain = prominence(100, 1.0, 0.5, 0.0)
    assert plain == 100
    assert prominence(200, 0.25, 0.5, 0.0) == pytest.approx(plain)
    assert prominence(100, 1.0, 0.25, 0.0) == pytest.approx(plain * math.exp(-OFF_CENTRE / 4))
    assert prominence(100, 1.0, 0.9, 0.0) == prominence(100, 1.0, 0.1, 0.0)
    assert prominence(100, 1.0, 0.5, 1.0) == pytest.approx(plain * (1 + POSING))
