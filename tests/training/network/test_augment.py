"""Augmentation: whatever happens to a picture happens to its labels."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.people import at, picture
from training.network.augment import MOST_PASTED, Augmenter, Chances, mirrored
from training.network.labelled import Labelled, Packed

CLEAN = Chances(background=0, another_person=0, close_up=0, hidden=0, nobody=0, outside=0, spoil=0)


def pool(source: str = "mask", count: int = 3) -> list[Packed]:
    return [Packed.of(picture([at(60 + 20 * n, 60, 1.3)]), source) for n in range(count)]


@pytest.mark.parametrize("seed", range(8))
def test_labels_and_key_points_move_with_the_pixels(seed: int) -> None:
    augmenter = Augmenter(pool(), [1, 1, 1], (192, 192), CLEAN)
    augmenter._scenes = []
    item = augmenter.draw(np.random.default_rng(seed))
    somebody = item.people == 1
    assert somebody.any()
    # Whatever the light, somebody is of one colour: a mask beside them would hold two.
    assert item.rgb[somebody].std(axis=0).max() < 40
    for x, y, known in item.keypoints[0]:
        if known and 4 < x < 188 and 4 < y < 188:
            assert somebody[round(float(y)), round(float(x))]


def test_the_same_seed_draws_the_same_picture() -> None:
    augmenter = Augmenter(pool(), [1, 1, 1], (96, 96))
    one, other, third = (augmenter.draw(np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.rgb, other.rgb)
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    assert (one.rgb != third.rgb).any()


def test_mirroring_twice_changes_nothing_and_once_swaps_sides() -> None:
    item = picture([at(60, 60)])
    item.parts[item.people > 0] = 4  # left upper arm, back
    once = mirrored(item)
    assert set(np.unique(once.parts)) == {0, 6}  # right upper arm, back
    np.testing.assert_allclose(once.keypoints[0, 5, 0], 319 - item.keypoints[0, 6, 0])
    twice = mirrored(once)
    np.testing.assert_array_equal(twice.rgb, item.rgb)
    np.testing.assert_array_equal(twice.parts, item.parts)
    np.testing.assert_allclose(twice.keypoints, item.keypoints, atol=1e-4)


def test_somebody_pasted_in_front_covers_who_is_behind() -> None:
    chances = replace(CLEAN, another_person=1)
    augmenter = Augmenter(pool(), [1, 1, 1], (192, 192), chances)
    seen_both = 0
    for seed in range(12):
        item = augmenter.draw(np.random.default_rng(seed))
        assert len(item.keypoints) == 1 + MOST_PASTED
        seen_both += len(set(np.unique(item.people).tolist()) & {1, 2, 3, 4}) > 1
        for x, y, known in item.keypoints[0]:
            if known and 0 <= x <= 191 and 0 <= y <= 191:
                assert item.people[round(float(y)), round(float(x))] not in (2, 3, 4)
    assert seen_both >= 4


def test_a_close_up_shows_head_and_trunk_larger_than_the_whole_does() -> None:
    def extent(chances: Chances) -> float:
        augmenter = Augmenter(pool(), [1, 1, 1], (192, 192), chances)
        heights = []
        for seed in range(30):
            trunk = augmenter.draw(np.random.default_rng(seed)).keypoints[0, [0, 5, 6, 11, 12], :2]
            heights.append(float(np.ptp(trunk, axis=0).max()))
        return float(np.median(heights))

    assert extent(replace(CLEAN, close_up=1)) > 1.3 * extent(CLEAN)


def test_of_whom_something_stands_before_only_the_rest_is_labelled() -> None:
    def drawn(seed: int, hidden: float) -> Labelled:
        augmenter = Augmenter(pool(), [1, 1, 1], (192, 192), replace(CLEAN, hidden=hidden))
        return augmenter.draw(np.random.default_rng(seed))

    fewer_pixels = fewer_points = 0
    for seed in range(12):
        whole, behind = drawn(seed, 0), drawn(seed, 1)
        assert not (behind.people[whole.people == 0]).any()
        fewer_pixels += (behind.people > 0).sum() < (whole.people > 0).sum()
        np.testing.assert_array_equal(whole.keypoints[..., :2], behind.keypoints[..., :2])
        fewer_points += behind.keypoints[..., 2].sum() < whole.keypoints[..., 2].sum()
        for x, y, known in behind.keypoints[0]:
            if known and 4 < x < 188 and 4 < y < 188:
                assert behind.people[round(float(y)), round(float(x))] == 1
    assert fewer_pixels >= 10
    assert fewer_points >= 8


def test_scenery_shows_nobody() -> None:
    chances = Chances(nobody=1)
    augmenter = Augmenter(pool(), [1, 1, 1], (96, 96), chances)
    for seed in range(6):
        item = augmenter.draw(np.random.default_rng(seed))
        assert not item.people.any()
        assert len(item.keypoints) == 0
        assert item.rgb.shape == (96, 96, 3)


def test_another_background_leaves_the_person() -> None:
    chances = replace(CLEAN, background=1)
    augmenter = Augmenter(pool(), [1, 1, 1], (192, 192), chances)
    item = augmenter.draw(np.random.default_rng(1))
    assert (item.people == 1).any()
    assert set(np.unique(item.people).tolist()) <= {0, 1}
