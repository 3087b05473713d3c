"""The clean plate, on the pixels of a real park with a drawn walker."""

from __future__ import annotations

import numpy as np
import pytest

from inference.arrays import Labels, Rgb
from tests.capture.clips import pictures
from transfer.target.frame_filter import FrameCheck
from transfer.target.plate import clean_plate, filled, light, lit

STILL = np.zeros((60, 17, 3), np.float32)
"""Key points of nobody in particular."""
PARK = pictures(1)[0]
HEIGHT, WIDTH = PARK.shape[:2]


def walker(x: int, width: int = 30) -> tuple[Rgb, Labels]:
    """The park with somebody in red from top to bottom at `x`."""
    rgb, labels = PARK.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    part = np.s_[40:150, x : x + width]
    rgb[part], labels[part] = (200, 20, 40), 13
    return rgb, labels


def test_who_walks_leaves_a_clean_plate() -> None:
    seen = [walker(x) for x in range(20, 260, 20)]
    plate = clean_plate(
        [rgb for rgb, _ in seen], [labels for _, labels in seen], STILL[: len(seen)]
    )
    assert np.array_equal(plate, PARK)


def test_where_somebody_always_stood_the_surroundings_go_on() -> None:
    seen = [walker(x) for x in (100, 102, 104, 106)]
    plate = clean_plate(
        [rgb for rgb, _ in seen], [labels for _, labels in seen], STILL[: len(seen)]
    )
    away = np.abs(plate.astype(int) - PARK).max(axis=2)
    # The kernel reaches 2 % of 320 pixels around each mask.
    known = np.ones((HEIGHT, WIDTH), bool)
    known[30:160, 90:150] = False
    assert away[known].max() == 0
    red = plate[60:140, 108:128].astype(int)
    assert (red[..., 0] - red[..., 1]).mean() < 60
    assert plate.min() > 0 or PARK.min() == 0


def test_soles_that_masks_lose_do_not_stay_on_the_floor() -> None:
    """Somebody who stands still and sways; every other mask ends at the ankles."""
    seen, poses = [], []
    for number, x in enumerate((100, 103, 106, 109, 112, 115)):
        rgb, labels = walker(x)
        if number % 2:
            labels[130:] = 0
        pose = np.zeros((17, 3), np.float32)
        for left, y in ((5, 60), (11, 95), (13, 115), (15, 135)):
            pose[left], pose[left + 1] = (x + 22, y, 1), (x + 8, y, 1)
        seen.append((rgb, labels))
        poses.append(pose)
    plate = clean_plate([rgb for rgb, _ in seen], [labels for _, labels in seen], poses)
    feet = plate[136:150, 108:128].astype(int)
    assert (feet[..., 0] - feet[..., 1]).max() < 100
    without = clean_plate([rgb for rgb, _ in seen], [labels for _, labels in seen], STILL[:6])
    assert (without[136:150, 108:128].astype(int)[..., 0] == 200).any()


def test_a_hole_in_a_slope_is_filled_with_the_slope() -> None:
    """A membrane over a linear rim is linear (mean value property of harmonic functions)."""
    slope = np.repeat(np.linspace(20, 220, 96)[None, :, None], 64, 0).repeat(3, 2)
    picture = slope.round().astype(np.uint8)
    known = np.ones((64, 96), bool)
    known[20:44, 30:66] = False
    holed = np.where(known[..., None], picture, 0).astype(np.uint8)
    assert np.abs(filled(holed, known).astype(int) - picture).max() < 20
    assert (filled(np.zeros_like(picture), np.zeros((64, 96), bool)) == 127).all()


@pytest.mark.parametrize("gain", [0.8, 1.25])
def test_the_light_of_a_frame_is_measured_and_undone(gain: float) -> None:
    rgb, labels = walker(100)
    darker = (rgb * gain).clip(0, 255).astype(np.uint8)
    found = light(darker, PARK, labels)
    assert found == pytest.approx([gain] * 3, rel=0.06)
    there = (labels == 0) & (darker.max(axis=2) < 250)
    assert np.abs(lit(darker, found)[there].astype(int) - PARK[there]).mean() < 8
    assert lit(rgb, np.ones(3, np.float32)) is rgb


def test_a_ghost_and_a_lost_limb_are_found() -> None:
    """A second picture shining through, and half of somebody not masked."""
    seen = [walker(60 + 2 * number) for number in range(30)]
    ghost = walker(110)[0]
    doubled = (seen[10][0] * 0.5 + ghost * 0.5).astype(np.uint8)
    seen[10] = (doubled, seen[10][1])
    lost = seen[20][1].copy()
    lost[90:] = 0
    seen[20] = (seen[20][0], lost)
    check = FrameCheck(PARK)
    for rgb, labels in seen:
        check.add(rgb, labels)
    usable = check.usable([[]] * 30, np.arange(30) / 10, STILL[:30])
    assert sorted(usable.reasons) == [10, 20]
    assert usable.sentence().startswith("2 of 30 frames are left out: 2 badly masked")


def test_a_dissolve_is_found_even_where_both_of_them_are_masked() -> None:
    """Two shots that fade into each other over eight frames, the first mask over both."""
    seen = []
    for number in range(60):
        share = float(np.clip((number - 25) / 9, 0, 1))
        (before, first), (after, second) = walker(60 + number), walker(170 + number)
        mixed = (before * (1 - share) + after * share).round().astype(np.uint8)
        labels = np.where(share < 1, first, 0) + np.where(share > 0, second, 0)
        seen.append((mixed, np.minimum(labels, 13).astype(np.uint8)))
    check = FrameCheck(PARK)
    for rgb, labels in seen:
        check.add(rgb, labels)
    usable = check.usable([[]] * 60, np.arange(60) / 30, STILL)
    assert set(range(26, 34)) <= set(usable.reasons) <= set(range(23, 37))


def test_blur_is_left_out_unless_everything_is_like_that() -> None:
    check = FrameCheck(PARK)
    for number in range(10):
        check.add(*walker(60 + 2 * number))
    times = np.arange(10) / 10
    flags = [["blur"] if number < 3 else [] for number in range(10)]
    some = check.usable(flags, times, STILL[:10])
    assert some.numbers == [3, 4, 5, 6, 7, 8, 9]
    booth = check.usable([["cropped", "near"]] * 10, times, STILL[:10])
    assert booth.numbers == list(range(10))
    assert booth.sentence() == ""
