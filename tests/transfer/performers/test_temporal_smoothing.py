"""What trembles becomes steady, what moves stays where it is, what is new is shown at once."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.arrays import Rgb
from transfer.performers.crop import Crop
from transfer.performers.crop import Layer as Drawn
from transfer.performers.temporal_smoothing import SECONDS, TemporalSmoother

SIZE = 256
CROP = Crop(40, 20, 200)
RANDOM = np.random.default_rng(0)
SPECKLED = cv2.GaussianBlur(RANDOM.integers(0, 256, (320, 320, 3), np.uint8), (0, 0), 3)
SPECKLED = cv2.normalize(SPECKLED, None, 0, 255, cv2.NORM_MINMAX)


def scene(x: float, y: float) -> Rgb:
    """A textured square on grey that has moved so far: the source."""
    picture = np.full((300, 320, 3), 120, np.uint8)
    moved = np.float64([[1, 0, 60 + x], [0, 1, 50 + y]])
    return np.asarray(
        cv2.warpAffine(SPECKLED[:120, :120], moved, (320, 300), picture, flags=cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_TRANSPARENT), np.uint8,
    )  # fmt: skip


def layer_of(rgb: Rgb, crop: Crop = CROP) -> Drawn:
    """The same scene as a layer; whatever is not grey is opaque."""
    cut = crop.cut(rgb, SIZE).astype(np.float32) / 255
    alpha = (np.abs(cut - 120 / 255).max(axis=2, keepdims=True) > 0.02).astype(np.float32)
    return (np.concatenate([cut * alpha, alpha], axis=2) * 255).round().astype(np.uint8)


def apart(first: Drawn, second: Drawn) -> float:
    """Mean difference, 0..1."""
    return float(np.abs(first.astype(float) - second).mean() / 255)


def steady(
    steadier: TemporalSmoother, layer: Drawn, rgb: Rgb, time_s: float, crop: Crop = CROP
) -> Drawn:
    return steadier.steady(layer, crop, rgb, crop.matrix(SIZE), time_s)


def test_trembling_colours_become_steady() -> None:
    rgb = scene(0, 0)
    true, steadier = layer_of(rgb), TemporalSmoother()
    raw, made = [], []
    for number in range(20):
        noise = RANDOM.normal(0, 0.04 * 255, (1, 1, 4))
        trembling = (true + noise).clip(0, 255).round().astype(np.uint8)
        raw.append(trembling)
        made.append(steady(steadier, trembling, rgb, number / 30))
    before, after = (
        np.abs(np.diff(np.stack(one[5:]).astype(float), axis=0)).mean() for one in (raw, made)
    )
    assert after < 0.5 * before
    assert apart(made[-1], true) < 0.03


@pytest.mark.parametrize("step", [(3, 0), (-2, 4), (0, 6)])
def test_what_moves_is_where_it_is_drawn(step: tuple[int, int]) -> None:
    """Dragged along without the flow, a moving square would leave a trail."""
    steadier = TemporalSmoother()
    for number in range(8):
        rgb = scene(step[0] * number, step[1] * number)
        true = layer_of(rgb)
        made = steady(steadier, true, rgb, number / 30)
    assert apart(made, true) < 0.01
    assert apart(made, true) < 0.2 * apart(layer_of(scene(step[0] * 6, step[1] * 6)), true)


def test_a_crop_that_moves_over_a_still_scene_changes_nothing() -> None:
    steadier, rgb = TemporalSmoother(), scene(0, 0)
    for number in range(8):
        crop = Crop(40 + 3 * number, 20 - number, 200 + 2 * number)
        true = layer_of(rgb, crop)
        made = steady(steadier, true, rgb, number / 30, crop)
    assert apart(made, true) < 0.01


def test_what_is_new_is_shown_at_once() -> None:
    steadier, rgb = TemporalSmoother(), scene(0, 0)
    steady(steadier, layer_of(rgb), rgb, 0.0)
    nobody = np.zeros((SIZE, SIZE, 4), np.uint8)
    ghost = steady(steadier, nobody, rgb, 1 / 30)
    assert apart(ghost, nobody) < 0.01
    assert ghost.max() < 0.3 * 255
    for number in range(2, 30):
        ghost = steady(steadier, nobody, rgb, number / 30)
    assert not ghost.any()


def test_the_last_layer_is_moved_into_the_new_crop() -> None:
    steadier, rgb = TemporalSmoother(), scene(0, 0)
    assert steadier.last(CROP, SIZE, 0.0) is None
    first = steady(steadier, layer_of(rgb), rgb, 0.0)
    assert steadier.last(CROP, SIZE, 0.1) is first
    other = Crop(60, 10, 220)
    moved = steadier.last(other, SIZE, 0.1)
    assert moved is not None
    assert apart(moved, layer_of(rgb, other)) < 0.02
    assert apart(first, layer_of(rgb, other)) > 0.1
    assert steadier.last(CROP, SIZE, SECONDS) is None


@pytest.mark.parametrize("time_s", [SECONDS, -1.0])
def test_what_is_long_ago_or_yet_to_come_says_nothing(time_s: float) -> None:
    steadier, rgb = TemporalSmoother(), scene(0, 0)
    true = layer_of(rgb)
    other = (true * 0.95).astype(np.uint8)
    steady(steadier, true, rgb, 0.0)
    np.testing.assert_array_equal(steady(steadier, other, rgb, time_s), other)
    steadier.reset()
    np.testing.assert_array_equal(steady(steadier, true, rgb, 0.1), true)


def test_an_arm_that_is_gone_leaves_no_ghost() -> None:
    """Thin and pale: averaged over its surroundings it hardly differs from nothing."""
    rgb = scene(0, 0)
    steadier, without = TemporalSmoother(), layer_of(rgb)
    arm = without.copy()
    arm[20:26, 30:90] = (60, 60, 60, 70)
    for number in range(6):
        steady(steadier, arm, rgb, number / 30)
    made = steady(steadier, without, rgb, 6 / 30)
    assert not made[20:26, 30:90].any()
    assert apart(made, without) < 0.01
