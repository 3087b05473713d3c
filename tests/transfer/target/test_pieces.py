"""Pieces of the body in a label map."""

from __future__ import annotations

import numpy as np

from tests.puppet import draw, pose
from transfer.target.pieces import BodyPose, Piece, standing_alone


def test_a_hand_before_the_chest_does_not_stand_alone() -> None:
    apart = standing_alone(draw(pose())[1])
    across = standing_alone(draw(pose(p7=(225, 180), p9=(190, 200)))[1])
    assert apart[Piece.LEFT_FOREARM] > 0.95
    assert across[Piece.LEFT_FOREARM] < 0.6
    assert across[Piece.RIGHT_FOREARM] > 0.95
    assert (standing_alone(np.zeros((9, 9), np.uint8)) == 1).all()


def test_hands_go_with_their_joints() -> None:
    here = BodyPose.of(pose(), draw(pose())[1])
    there = here.at(pose(p9=(300, 200)))
    for piece in (Piece.LEFT_HAND, Piece.RIGHT_HAND):
        before, after = here.end_direction(piece), there.end_direction(piece)
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            np.testing.assert_allclose(before, after, atol=1e-3)
