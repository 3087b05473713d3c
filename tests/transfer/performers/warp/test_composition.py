"""A puppet moved into other poses, whose true picture is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.arrays import Keypoints, Rgb
from tests.puppet import COLOURS, GREY, SIZE, Puppet, draw, pose
from transfer.performers.warp.choice import Choice, choose
from transfer.performers.warp.composition import compose
from transfer.target.pieces import BONES, COUNT, BodyPose, Piece
from transfer.target.references import ReferenceBank

CANVAS = np.array([[1.0, 0, 50], [0, 1, 0]])
"""From the puppet's picture to a square of its height."""

WANTED = [
    pose(p7=(290, 150), p9=(350, 130)),
    pose(p8=(120, 80), p10=(100, 25), p13=(250, 325), p15=(240, 410)),
    pose(p7=(275, 168), p9=(310, 215), p8=(125, 168), p10=(90, 120)),
]


@pytest.fixture(scope="module")
def bank() -> ReferenceBank:
    poses = [pose(), pose(p9=(275, 240)), pose(p10=(120, 240)), pose(p15=(232, 424))]
    return ReferenceBank.of(Puppet(poses), range(4))  # type: ignore[arg-type]


def warped(bank: ReferenceBank, keypoints: Keypoints) -> tuple[Rgb, np.ndarray]:
    """The composition over the plate, in the puppet's picture, and its alpha."""
    height = SIZE[1]
    parts = cv2.warpAffine(draw(keypoints)[1], CANVAS, (height, height), flags=cv2.INTER_NEAREST)
    wanted = BodyPose.of(keypoints, parts, -50)
    made = compose(bank, choose(bank, wanted), wanted, CANVAS, np.asarray(parts, np.uint8), height)
    alpha = made.alpha[:, 50 : 50 + SIZE[0]].astype(np.float32)[..., None] / 255
    colour = made.colour[:, 50 : 50 + SIZE[0]]
    return (colour + GREY * (1 - alpha)).round().astype(np.uint8), alpha[..., 0]


def marks(rgb: Rgb) -> np.ndarray:
    """Centres of the white dots."""
    white = (rgb.min(axis=2) > 225).astype(np.uint8)
    count, _, measured, centres = cv2.connectedComponentsWithStats(white)
    return np.array([centres[n] for n in range(1, count) if measured[n, cv2.CC_STAT_AREA] > 20])


@pytest.mark.parametrize("number", range(len(WANTED)))
def test_limbs_come_out_within_two_pixels(bank: ReferenceBank, number: int) -> None:
    picture, _ = warped(bank, WANTED[number])
    found, true = marks(picture), marks(draw(WANTED[number])[0])
    assert len(true) == len(BONES)
    for mark in true:
        assert np.hypot(*(found - mark).T).min() < 2


@pytest.mark.parametrize("number", range(len(WANTED)))
def test_colours_are_the_dancers_own(bank: ReferenceBank, number: int) -> None:
    """Nothing of the wall comes along, and each piece has its own colour."""
    picture, alpha = warped(bank, WANTED[number])
    true, labels = draw(WANTED[number])
    inside = cv2.erode((labels > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    away = np.abs(picture.astype(int) - true).max(axis=2)
    assert (away[inside] < 40).mean() > 0.93
    assert alpha[inside].mean() > 0.97
    outside = cv2.dilate((labels > 0).astype(np.uint8), np.ones((31, 31), np.uint8)) == 0
    assert alpha[outside].mean() < 0.002


def test_nobody_is_nothing(bank: ReferenceBank) -> None:
    wanted = BodyPose.of(pose(), np.zeros((500, 500), np.uint8))
    made = compose(bank, choose(bank, wanted), wanted, CANVAS, np.zeros((500, 500), np.uint8), 500)
    assert not made.planes.any()


def test_a_fading_piece_is_the_mean_of_both(bank: ReferenceBank) -> None:
    """And not their union: where only one shows it, it is half transparent."""
    height = SIZE[1]
    keypoints = WANTED[0]
    parts = cv2.warpAffine(draw(keypoints)[1], CANVAS, (height, height), flags=cv2.INTER_NEAREST)
    labels = np.asarray(parts, np.uint8)
    wanted = BodyPose.of(keypoints, labels, -50)
    places = np.full(COUNT, 1), np.full(COUNT, 3)
    alone = [compose(bank, Choice(p, p[0]), wanted, CANVAS, labels, height) for p in places]
    fading = Choice(places[0], places[0][0], places[1], np.full(COUNT, 0.5, np.float32))
    both = compose(bank, fading, wanted, CANVAS, labels, height)
    solid = np.minimum(alone[0].alpha, alone[1].alpha) == 255
    mean = (alone[0].colour.astype(float) + alone[1].colour) / 2
    assert np.abs(both.colour[solid] - mean[solid]).mean() < 3
    assert np.abs(both.alpha - (alone[0].alpha / 2.0 + alone[1].alpha / 2.0)).mean() < 1


def test_a_limb_in_front_is_in_front(bank: ReferenceBank) -> None:
    across = pose(p7=(225, 180), p9=(190, 200))
    picture, _ = warped(bank, across)
    middle = across[[7, 9], :2].mean(0).round().astype(int)
    near = picture[middle[1] - 3 : middle[1] + 3, middle[0] - 12 : middle[0] - 8].reshape(-1, 3)
    away = [np.abs(near.mean(0) - COLOURS[piece]).max() for piece in (4, 1)]
    assert away[0] < away[1]
    assert Piece(4) == Piece.LEFT_FOREARM


@pytest.mark.parametrize(
    "turned",
    [pose()[:, :] * (1, -1, 1) + (0, 500, 0), pose() * (1, 1, 0.0) + (0, 0, 0.05)],
    ids=["upside-down", "key points unsure"],
)
def test_odd_poses_are_no_pile_of_limbs(bank: ReferenceBank, turned: np.ndarray) -> None:
    keypoints = turned.astype(np.float32)
    picture, alpha = warped(bank, keypoints)
    labels = draw(keypoints)[1]
    assert np.isfinite(picture).all()
    outside = cv2.dilate((labels > 0).astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    assert alpha[outside].mean() < 0.01
