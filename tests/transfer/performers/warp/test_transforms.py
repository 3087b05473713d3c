"""Transforms of pieces against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from inference.arrays import Keypoints
from tests.puppet import draw, pose
from transfer.performers.warp.transforms import piece_transform, turned
from transfer.target.pieces import BONES, ENDS, BodyPose, Piece


def of(keypoints: Keypoints) -> BodyPose:
    return BodyPose.of(keypoints, draw(keypoints)[1])


def similar(keypoints: Keypoints, scale: float, degrees: float, x: float, y: float) -> Keypoints:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    made = keypoints.copy()
    made[:, :2] = keypoints[:, :2] @ turn.T + (x, y)
    return made


@pytest.mark.parametrize("piece", [piece for piece in Piece if piece not in ENDS])
def test_a_body_that_moves_as_one_moves_each_piece_so(piece: Piece) -> None:
    first = pose()
    moved = similar(first, 0.9, 37, 150, -20)
    matrix = piece_transform(of(first), of(moved), piece)
    here = np.array([[200.0, 150], [180, 300], [240, 60]])
    expected = similar(np.hstack([here, np.ones((3, 1))]), 0.9, 37, 150, -20)[:, :2]
    np.testing.assert_allclose(here @ matrix[:, :2].T + matrix[:, 2], expected, atol=0.6)


@pytest.mark.parametrize("piece", BONES)
def test_a_limbs_ends_meet_their_joints_exactly(piece: Piece) -> None:
    before, after = pose(), pose(p7=(300, 100), p9=(330, 60), p13=(260, 320), p15=(250, 400))
    matrix = piece_transform(of(before), of(after), piece)
    ends = list(BONES[piece])
    there = before[ends, :2] @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(there, after[ends, :2], atol=1e-3)


def test_a_foreshortened_limb_keeps_its_width() -> None:
    before, after = pose(), pose(p7=(240, 152), p9=(252, 212))
    linear = piece_transform(of(before), of(after), Piece.LEFT_UPPER_ARM)[:, :2]
    along, across = np.linalg.svd(linear)[1][::-1]
    assert across == pytest.approx(1, abs=1e-3)
    length = np.hypot(10, 32) / np.hypot(20, 65)
    assert along == pytest.approx(length, abs=1e-3)


def test_a_limb_towards_the_camera_is_not_torn() -> None:
    after = pose(p7=(231, 121))
    matrix = piece_transform(of(pose()), of(after), Piece.LEFT_UPPER_ARM)
    assert np.linalg.svd(matrix[:, :2])[1].max() < 1.1
    assert np.isfinite(matrix).all()


def test_a_trunk_seen_from_the_side_is_not_flattened_to_nothing() -> None:
    side = pose(p5=(202, 120), p6=(198, 120), p11=(201, 250), p12=(199, 250))
    wide = piece_transform(of(side), of(pose()), Piece.TRUNK)
    assert np.linalg.svd(wide[:, :2])[1].max() < 3


def test_a_head_whose_face_is_not_seen_goes_with_the_trunk() -> None:
    hidden = pose()
    hidden[:5, 2] = 0
    np.testing.assert_allclose(
        piece_transform(of(pose()), of(hidden), Piece.HEAD),
        piece_transform(of(pose()), of(hidden), Piece.TRUNK),
    )


def test_a_head_is_not_blown_up() -> None:
    near = pose()
    near[:5, :2] = near[0, :2] + 3 * (near[:5, :2] - near[0, :2])
    linear = piece_transform(of(pose()), of(near), Piece.HEAD)[:, :2]
    assert np.sqrt(np.linalg.det(linear)) == pytest.approx(1.14, abs=1e-3)


def test_turned_is_rotation_and_stretch() -> None:
    matrix = turned(np.array([1.0, 0]), np.array([0, 2.0]), 3, 0.5)
    np.testing.assert_allclose(matrix @ [1, 0], [0, 3], atol=1e-12)
    np.testing.assert_allclose(matrix @ [0, 1], [-0.5, 0], atol=1e-12)
