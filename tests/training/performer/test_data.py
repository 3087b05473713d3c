"""What a performer learns from: examples, and clips joined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.performer.data import PLAIN, Joined, TransferData, confused
from transfer.target.target import Target

Data = tuple[TransferData, TransferData]


def test_an_example_is_picture_and_condition_of_one_frame(target: Target, data: Data) -> None:
    learnt, _ = data
    [example] = learnt.examples(5, PLAIN, np.random.default_rng(0))
    one = learnt.kept[5]
    true = one.crop.cut(target.frame(one.number), 64)
    assert np.abs(example.rgb.astype(int) - true).mean() < 10
    assert example.parts.max() <= 24
    assert (example.mask == (example.parts > 0)).all()
    # Where the plate differs from the picture, there somebody is.
    away = np.abs(example.rgb.astype(int) - example.plate).max(axis=2)
    assert np.median(away[example.mask > 0]) > 3 * np.median(away[example.mask == 0])


def test_the_frame_before_comes_in_the_very_same_crop(target: Target, data: Data) -> None:
    learnt, _ = data
    wanted = replace(PLAIN, before=True)
    now, before = learnt.examples(5, wanted, np.random.default_rng(0))
    one = learnt.kept[5]
    assert learnt.kept[4].number == one.number - 1
    true = one.crop.cut(target.frame(one.number - 1), 64)
    assert np.abs(before.rgb.astype(int) - true).mean() < 10
    np.testing.assert_array_equal(now.plate, before.plate)
    assert (now.parts != before.parts).any()
    # The first of all has none: it is its own.
    first, same = learnt.examples(0, wanted, np.random.default_rng(0))
    np.testing.assert_array_equal(first.rgb, same.rgb)


def test_a_mirrored_example_swaps_left_and_right(data: Data) -> None:
    learnt, _ = data
    [plain] = learnt.examples(3, PLAIN, np.random.default_rng(0))
    [other] = learnt.examples(3, replace(PLAIN, mirror=1.0), np.random.default_rng(0))
    assert np.abs(other.rgb[:, ::-1].astype(int) - plain.rgb).mean() < 3
    assert np.abs(other.plate[:, ::-1].astype(int) - plain.plate).mean() < 3
    # Label 1 is the left face, 2 the right (BodyPix): the mirrored one has them swapped.
    swapped = (other.parts[:, ::-1] == 2) == (plain.parts == 1)
    assert swapped.mean() > 0.99


def test_pieces_of_the_dancer_are_taken_for_other_parts_of_them(data: Data) -> None:
    learnt, _ = data
    [plain] = learnt.examples(5, PLAIN, np.random.default_rng(0))
    shares = []
    for seed in range(20):
        wanted = replace(PLAIN, blobs=3.0)
        [other] = learnt.examples(5, wanted, np.random.default_rng(seed))
        np.testing.assert_array_equal(other.parts > 0, plain.parts > 0)
        assert set(np.unique(other.parts)) <= set(np.unique(plain.parts))
        arms = (plain.parts >= 3) & (plain.parts <= 12)  # BodyPix: upper arms to hands.
        np.testing.assert_array_equal(other.parts[arms], plain.parts[arms])
        np.testing.assert_array_equal(other.mask, plain.mask)
        np.testing.assert_array_equal(other.limbs, plain.limbs)
        shares.append((other.parts != plain.parts).sum() / plain.mask.sum())
    assert 0.02 < np.mean(shares) < 0.5
    assert len(set(shares)) > 10  # Now few, now many.


def test_a_dancer_so_near_that_nothing_else_is_seen_is_notconfused() -> None:
    near = np.full((64, 64), 13, np.uint8)  # The front of a trunk.
    np.testing.assert_array_equal(confused(near, 3, np.random.default_rng(0)), near)


def test_clips_are_joined_in_order(data: Data) -> None:
    both = Joined(data)
    assert len(both) == len(data[0]) + len(data[1])
    random = np.random.default_rng
    for place, (part, own) in {
        0: (0, 0), len(data[0]) - 1: (0, len(data[0]) - 1), len(data[0]): (1, 0)
    }.items():  # fmt: skip
        [ours] = both.examples(place, PLAIN, random(0))
        [theirs] = data[part].examples(own, PLAIN, random(0))
        assert np.array_equal(ours.rgb, theirs.rgb)


def test_what_lies_beyond_the_pictures_border_is_known(target: Target, data: Data) -> None:
    """Against each pixel's own place in the picture."""
    learnt, _ = data
    width, height = target.size
    augment = replace(PLAIN, shift=0.4, scale=0.3, degrees=20.0, mirror=0.5)
    shares = []
    for seed in range(12):
        matrix, _ = learnt.matrix(learnt.kept[5].crop, augment, np.random.default_rng(seed))
        within = learnt.within(matrix)
        y, x = np.mgrid[:64, :64]
        back = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))
        u, v = (back[:2, :2] @ np.stack([x.ravel(), y.ravel()]) + back[:2, 2:]).reshape(2, 64, 64)
        to_border = np.minimum.reduce([u, v, width - 1 - u, height - 1 - v])
        pixel = 1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        assert within[to_border > 3 * pixel].all()
        assert not within[to_border < -3 * pixel].any()
        shares.append(within.mean())
    assert min(shares) < 0.98
