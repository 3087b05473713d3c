"""Global pose normalisation: heights and ankle lines are matched, feet or no feet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.skeleton import body_scale
from tests.figures import number, standing
from transfer.target.normalisation import BodyFrame, Normaliser, fit_body_frame, transform

ANKLES = [number("left_ankle"), number("right_ankle")]
people = st.tuples(st.floats(100, 500), st.floats(100, 300), st.floats(80, 400))


def clip(*poses: tuple[float, float, float], feet: bool = True) -> np.ndarray:
    """Somebody at several places: x, y of the shoulders, height."""
    keypoints = np.stack([standing(x, y, height) for x, y, height in poses])
    if not feet:
        keypoints[:, ANKLES, 2] = 0
    return keypoints


def body_frame(*poses: tuple[float, float, float], feet: bool = True) -> BodyFrame:
    found = fit_body_frame(clip(*poses, feet=feet), np.arange(len(poses)) / 30)
    assert found is not None
    return found


@given(people, people)
def test_a_tall_person_stands_where_the_short_one_stood(
    tall: tuple[float, float, float], short: tuple[float, float, float]
) -> None:
    source = clip(tall)[0]
    ground = float(source[ANKLES, 1].max())
    mapping = transform(body_frame(tall), body_frame(short), ground, tall[1])
    moved = mapping.points(source)
    wanted = clip(short)[0]
    assert moved[:, :2] == pytest.approx(wanted[:, :2], abs=0.5)
    assert body_scale(moved) == pytest.approx(body_scale(wanted), rel=0.01)


def test_without_feet_shoulders_are_matched() -> None:
    source, target = (300, 250, 400), (200, 100, 200)
    mapping = transform(body_frame(source, feet=False), body_frame(target), None, 250)
    assert mapping.points(clip(source)[0])[5:7, 1] == pytest.approx([100, 100], abs=1)


def test_far_and_near_are_matched_with_far_and_near() -> None:
    """Who walks towards the camera grows as the target did."""
    source = body_frame(*[(300, 150, 100)] * 20, *[(300, 150, 300)] * 20)
    target = body_frame(*[(300, 200, 150)] * 20, *[(300, 200, 250)] * 20)
    for height, wanted in ((100, 150), (300, 250)):
        pose = clip((300, 150, height))[0]
        moved = transform(source, target, float(pose[ANKLES, 1].max()), 150).points(pose)
        ratio = body_scale(moved) / body_scale(clip((300, 200, wanted))[0])
        assert ratio == pytest.approx(1, abs=0.05)


def test_a_jump_stays_a_jump() -> None:
    target = body_frame((320, 200, 200))
    normaliser = Normaliser(target, body_frame((320, 200, 300)))
    normaliser.update(standing(320, 200, 300), 0.0)
    floating = standing(320, 170, 300)
    mapping = normaliser.update(floating, 0.1)
    assert mapping is not None
    grounded = standing(320, 200, 200)[ANKLES[0], 1]
    assert mapping.points(floating)[ANKLES[0], 1] == pytest.approx(grounded - 20, abs=2)


def test_live_the_mapping_is_learnt_without_a_jump() -> None:
    target = body_frame((320, 200, 200))
    normaliser = Normaliser(target)
    random = np.random.default_rng(0)
    scales = []
    for frame in range(150):
        pose = standing(200 + random.normal(0, 1), 100, 100 + random.normal(0, 1))
        mapping = normaliser.update(pose, frame / 30)
        assert mapping is not None
        scales.append(mapping.scale)
    assert scales[-1] == pytest.approx(2, rel=0.05)
    assert np.abs(np.diff(scales)).max() < 0.05


def test_nobody_has_no_stage() -> None:
    assert fit_body_frame(np.zeros((5, 17, 3), np.float32), np.arange(5.0)) is None
    normaliser = Normaliser(body_frame((320, 200, 200)))
    assert normaliser.update(np.zeros((17, 3), np.float32), 0.0) is None


def test_who_stood_still_is_known_at_once_though_they_begin_bent() -> None:
    """Without it the size would be learnt from the bent poses alone."""
    target = body_frame((320, 200, 200))
    bent = standing(200, 130, 60)
    scales = []
    for calibrated in (False, True):
        normaliser = Normaliser(target)
        if calibrated:
            normaliser.calibrate(np.stack([standing(200, 100, 100)] * 60))
        mapping = normaliser.update(bent, 100.0)
        assert mapping is not None
        scales.append(mapping.scale)
    assert scales == pytest.approx([200 / 60, 2], rel=0.01)
