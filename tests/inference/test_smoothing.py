"""Smoothing: steady at rest, quick in motion, no holes, whatever the clock does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.skeleton import body_scale
from inference.smoothing import (
    BETA,
    MEMORY_SECONDS,
    MIN_CUTOFF_HZ,
    SPEED_CUTOFF_HZ,
    KeypointSmoother,
    smooth_clip,
)
from tests.figures import number, standing
from tests.machine import takes_at_most

LEFT_WRIST, RIGHT_WRIST = number("left_wrist"), number("right_wrist")
HEIGHT = 300.0
"""Of the standing figure."""


def run(
    frames: NDArray[np.float32],
    times: NDArray[np.float64],
    smoother: KeypointSmoother | None = None,
) -> NDArray[np.float32]:
    smoother = smoother or KeypointSmoother()
    results = [smoother.update(frame, float(t)) for frame, t in zip(frames, times, strict=True)]
    assert all(result is not None for result in results)
    return np.stack([result for result in results if result is not None])


def one_euro_reference(values: list[float], times: list[float], scale: float) -> list[float]:
    """Casiez et al., algorithm 1, one value at a time, written from the paper."""

    def alpha(rate: float, cutoff: float) -> float:
        tau = 1 / (2 * np.pi * cutoff)
        return 1 / (1 + tau * rate)

    filtered, speed, last, result = values[0], 0.0, values[0], [values[0]]
    for before, now, value in zip(times, times[1:], values[1:], strict=False):
        rate = 1 / (now - before)
        change = (value - last) * rate
        weight = alpha(rate, SPEED_CUTOFF_HZ)
        speed = weight * change + (1 - weight) * speed
        weight = alpha(rate, MIN_CUTOFF_HZ + BETA * abs(speed) / scale)
        filtered = weight * value + (1 - weight) * filtered
        last = value
        result.append(filtered)
    return result


@settings(max_examples=30)
@given(
    moves=st.lists(st.floats(-20, 20), min_size=2, max_size=40),
    steps=st.lists(st.floats(0.005, 0.2), min_size=40, max_size=40),
)
def test_is_the_filter_of_the_paper(moves: list[float], steps: list[float]) -> None:
    times = np.cumsum([0.0, *steps[: len(moves)]])
    # One dimension and one key point moves; the trunk, which gives the scale, stands still.
    offsets = np.cumsum([0.0, *moves])
    frames = np.stack([standing() for _ in times])
    frames[:, LEFT_WRIST, 0] += offsets.astype(np.float32)
    scale = body_scale(standing())
    expected = one_euro_reference(
        [float(x) for x in frames[:, LEFT_WRIST, 0]], [float(t) for t in times], scale
    )
    got = run(frames, times)[:, LEFT_WRIST, 0]
    np.testing.assert_allclose(got, expected, atol=0.02)


def test_what_rests_trembles_less() -> None:
    noise = np.random.default_rng(1).normal(0, 1.0, (200, 17, 2))
    frames = np.stack([standing() for _ in range(200)])
    frames[..., :2] += noise.astype(np.float32)
    smoothed = run(frames, np.arange(200) / 30)
    raw_spread = frames[50:, :, :2].std(axis=0).mean()
    assert smoothed[50:, :, :2].std(axis=0).mean() < 0.5 * raw_spread


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_what_moves_lags_less_than_a_frame_at_30_fps(fps: int) -> None:
    times = np.arange(3 * fps) / fps
    speed = 1.5 * HEIGHT
    frames = np.stack([standing() for _ in times])
    frames[:, LEFT_WRIST, 1] -= (speed * np.clip(times - 1, 0, None)).astype(np.float32)
    smoothed = run(frames, times)
    late = smoothed[-1, LEFT_WRIST, 1] - frames[-1, LEFT_WRIST, 1]
    assert 0 <= late / speed < 1 / 30


def test_a_hidden_wrist_is_carried_along_with_its_arm() -> None:
    times = np.arange(30) / 30
    frames = np.stack([standing(x=300 + 5 * index) for index in range(30)])
    hidden = frames.copy()
    hidden[20:26, LEFT_WRIST] = 0.0, 0.0, 0.05
    whole, holed = run(frames, times), run(hidden, times)
    np.testing.assert_allclose(
        holed[20:26, LEFT_WRIST, :2], whole[20:26, LEFT_WRIST, :2], atol=0.02 * HEIGHT
    )
    scores = holed[20:26, LEFT_WRIST, 2]
    assert (np.diff(scores) < 0).all()
    assert scores[0] > 0.8


def test_a_wrist_hidden_for_long_is_not_made_up() -> None:
    frames = np.stack([standing() for _ in range(60)])
    frames[20:, LEFT_WRIST] = 7.0, 8.0, 0.05
    smoothed = run(frames, np.arange(60) / 30)
    np.testing.assert_allclose(smoothed[-1, LEFT_WRIST], (7.0, 8.0, 0.05), atol=1e-5)
    last_made_up = 20 + round(MEMORY_SECONDS * 30) - 2
    assert np.hypot(*(smoothed[last_made_up, LEFT_WRIST, :2] - standing()[LEFT_WRIST, :2])) < 2


def test_a_doubtful_key_point_is_followed_more_slowly() -> None:
    sure = np.stack([standing() for _ in range(10)])
    sure[5:, LEFT_WRIST, 0] += 20
    doubtful = sure.copy()
    doubtful[:, LEFT_WRIST, 2] = 0.35
    times = np.arange(10) / 30
    moved = [run(frames, times)[6, LEFT_WRIST, 0] for frames in (sure, doubtful)]
    assert moved[0] > moved[1] + 0.5


@pytest.mark.parametrize("step", [-1.0, 5.0])
def test_begins_anew_after_a_gap_or_when_time_goes_back(step: float) -> None:
    smoother = KeypointSmoother()
    run(np.stack([standing()] * 10), np.arange(10) / 30, smoother)
    moved = standing(x=350)
    result = smoother.update(moved, 9 / 30 + step)
    np.testing.assert_array_equal(result, moved)


def test_another_body_is_not_reached_by_sliding() -> None:
    smoother = KeypointSmoother()
    run(np.stack([standing(x=100)] * 10), np.arange(10) / 30, smoother)
    elsewhere = standing(x=500)
    np.testing.assert_array_equal(smoother.update(elsewhere, 10 / 30), elsewhere)


def test_nobody_is_nobody_and_a_short_absence_is_bridged() -> None:
    smoother = KeypointSmoother()
    run(np.stack([standing()] * 10), np.arange(10) / 30, smoother)
    assert smoother.update(None, 10 / 30) is None
    back = standing()
    back[LEFT_WRIST] = 0, 0, 0.1
    result = smoother.update(back, 11 / 30)
    assert result is not None
    np.testing.assert_allclose(result[LEFT_WRIST, :2], standing()[LEFT_WRIST, :2], atol=0.5)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(st.sampled_from([0.0, 0.001, 0.033, 0.4, 3.0, -2.0]), min_size=3, max_size=20),
)
def test_never_invents_numbers_that_are_none(seed: int, steps: list[float]) -> None:
    random = np.random.default_rng(seed)
    smoother = KeypointSmoother()
    for time_s in np.cumsum(steps):
        keypoints = random.uniform(-50, 700, (17, 3)).astype(np.float32)
        keypoints[:, 2] = random.uniform(0, 1, 17)
        before = keypoints.copy()
        result = smoother.update(keypoints if random.random() > 0.2 else None, float(time_s))
        np.testing.assert_array_equal(keypoints, before)
        if result is not None:
            assert result.dtype == np.float32
            assert np.isfinite(result).all()
            assert ((result[:, 2] >= 0) & (result[:, 2] <= 1)).all()


def test_a_clip_is_smoothed_without_lag() -> None:
    times = np.arange(90) / 30
    swing = (0.3 * HEIGHT * np.sin(2 * np.pi * times)).astype(np.float32)
    frames = np.stack([standing() for _ in times])
    frames[:, LEFT_WRIST, 0] += swing
    noise = np.random.default_rng(2).normal(0, 1.5, frames[..., :2].shape).astype(np.float32)
    noisy = frames.copy()
    noisy[..., :2] += noise
    live, clip = run(noisy, times), smooth_clip(noisy, times)

    def error(result: NDArray[np.float32]) -> float:
        return float(np.abs(result[10:-10, LEFT_WRIST] - frames[10:-10, LEFT_WRIST]).mean())

    assert error(clip) < 0.6 * error(live)
    assert clip[:, RIGHT_WRIST, :2].std(axis=0).mean() < 0.6 * 1.5


def test_a_hole_in_a_clip_is_bridged_from_both_sides() -> None:
    times = np.arange(40) / 30
    frames = np.stack([standing() for _ in times])
    # It vanishes here and reappears there, while nothing else moves.
    frames[20:, LEFT_WRIST, 0] += 60
    frames[15:26, LEFT_WRIST] = 0, 0, 0.02
    clip = smooth_clip(frames, times)
    x = clip[14:27, LEFT_WRIST, 0] - standing()[LEFT_WRIST, 0]
    assert (np.diff(x) > -1).all()
    assert 15 < x[6] < 45
    assert clip[20, LEFT_WRIST, 2] > 0.3


def test_frames_of_a_clip_without_anybody_are_left_alone() -> None:
    frames = np.stack([standing() for _ in range(30)])
    frames[10:13] = 0
    clip = smooth_clip(frames, np.arange(30) / 30)
    assert not clip[10:13].any()
    np.testing.assert_allclose(clip[13:], frames[13:], atol=0.5)


def test_is_quick() -> None:
    frames = np.stack([standing(x=300 + 3 * index) for index in range(200)])
    takes_at_most(200 * 0.3e-3, lambda: run(frames, np.arange(200) / 30), tries=5)
