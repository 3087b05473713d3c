"""The target's own lengths in the driver's pose."""

from __future__ import annotations

import numpy as np
import pytest

from tests.puppet import draw, pose
from transfer.performers.warp.retargeting import RATIOS, Retargeter, moved_parts, rebuilt
from transfer.target.bone_lengths import MEASURED, bone_lengths
from transfer.target.pieces import LABELS, BodyPose, Piece

SAME = np.ones(len(MEASURED), np.float32)


def test_lengths_are_those_of_a_body_at_its_longest() -> None:
    """A limb that points at the camera now and then is no shorter for it."""
    poses = np.stack([pose(), *[pose(p7=(232, 130), p9=(240, 170))] * 3, *[pose()] * 30])
    lengths = bone_lengths(poses)
    plain = bone_lengths(np.stack([pose()] * 12))
    np.testing.assert_allclose(lengths, plain, rtol=0.05)
    assert lengths[0] == pytest.approx(0.18, abs=0.05)


def test_what_was_hardly_seen_has_no_length() -> None:
    poses = np.stack([pose()] * 12)
    poses[:, [15, 16], 2] = 0
    assert bone_lengths(poses)[3] == 0


@pytest.mark.parametrize(("bone", "points"), [(0, (5, 7)), (1, (8, 10)), (2, (12, 14))])
def test_a_limb_gets_its_length_and_keeps_its_direction(bone: int, points: tuple[int, int]) -> None:
    ratios = SAME.copy()
    ratios[bone] = 1.2
    before, after = pose(), rebuilt(pose(), ratios)
    first, second = points
    old = before[second, :2] - before[first, :2]
    new = after[second, :2] - after[first, :2]
    np.testing.assert_allclose(new, 1.2 * old, atol=1e-3)


def test_feet_stay_on_the_ground() -> None:
    ratios = SAME.copy()
    ratios[[2, 3]] = 0.85
    after = rebuilt(pose(), ratios)
    assert after[[15, 16], 1].max() == pytest.approx(pose()[[15, 16], 1].max())
    assert after[0, 1] > pose()[0, 1]


def test_somebody_built_alike_is_left_alone() -> None:
    lengths = bone_lengths(np.stack([pose()] * 12)).tolist()
    keypoints = pose()
    assert Retargeter(lengths, lengths).update(keypoints) is keypoints


def test_a_driver_is_known_at_once_of_a_clip_and_by_and_by_live() -> None:
    driver = bone_lengths(np.stack([pose()] * 12))
    target = (driver * 1.2).tolist()
    assert Retargeter(target, driver.tolist()).ratios[0] == pytest.approx(1.2, abs=1e-3)
    live = Retargeter(target)
    seen = []
    for _ in range(300):
        live.update(pose())
        seen.append(float(live.ratios[0]))
    assert seen[0] == 1
    assert np.diff(seen).max() < 0.1
    assert 1.1 < seen[-1] < 1.2


def test_odd_lengths_are_bounded_and_unknown_ones_ignored() -> None:
    known = [0.2] * len(MEASURED)
    assert Retargeter([1.0] * len(MEASURED), known).ratios.max() == RATIOS[1]
    assert (Retargeter([0.0] * len(MEASURED), known).ratios == 1).all()


def test_the_label_map_goes_with_the_limbs() -> None:
    ratios = SAME.copy()
    ratios[[0, 1]] = 0.8
    before, after = pose(), rebuilt(pose(), ratios)
    labels = draw(before)[1]
    canvas = np.array([[1.0, 0, 0], [0, 1, 0]])
    square = np.zeros((500, 500), np.uint8)
    square[:, :400] = labels
    moved = moved_parts(square, canvas, BodyPose.of(before, labels), BodyPose.of(after, labels))
    true = draw(after)[1]
    for piece in (Piece.LEFT_FOREARM, Piece.RIGHT_UPPER_ARM):
        ours = moved[:, :400] == LABELS[piece][0]
        theirs = true == LABELS[piece][0]
        assert (ours & theirs).sum() / (ours | theirs).sum() > 0.8


def test_a_driver_who_stood_still_is_known_at_once_but_for_what_was_hidden() -> None:
    poses = np.stack([pose()] * 60)
    poses[:, [15, 16], 2] = 0
    known = bone_lengths(poses)
    live = Retargeter((bone_lengths(np.stack([pose()] * 12)) * 1.2).tolist())
    live.calibrate(known)
    assert live.ratios[0] == pytest.approx(1.2, abs=1e-3)
    assert live.ratios[3] == 1
    for _ in range(600):
        live.update(pose())
    assert live.ratios[0] == pytest.approx(1.2, abs=1e-3)
    assert 1.1 < live.ratios[3] < 1.2
