"""What is drawn beside the body goes; what belongs to it stays."""

import numpy as np

from inference.arrays import Keypoints
from tests.inference.test_mask_limits import STANDING
from transfer.performers.components import NEAR, RIM, Layer, keep_body_components

SIDE = 128


def _pose(seen: float = 0.9) -> Keypoints:
    return np.column_stack([STANDING, np.full(17, seen, np.float32)]).astype(np.float32)


def _layer(*boxes: tuple[int, int, int, int], alpha: float = 1.0) -> Layer:
    """Boxes (left, top, right, bottom) of grey over nothing."""
    layer = np.zeros((SIDE, SIDE, 4), np.float32)
    for left, top, right, bottom in boxes:
        layer[top:bottom, left:right] = (0.5 * alpha, 0.5 * alpha, 0.5 * alpha, alpha)
    return layer


BODY = (35, 8, 65, 112)


def test_a_piece_beside_the_body_goes_with_what_shimmers_around_it() -> None:
    """As a hand bag that nobody carries."""
    layer = _layer(BODY, (85, 80, 95, 95))
    layer[75, 80:100] = 0.1
    assert np.array_equal(keep_body_components(layer, _pose()), _layer(BODY))


def test_a_hand_that_hangs_by_nothing_stays() -> None:
    """The left wrist is at (70, 62), the body's height is about 100: so near is near enough."""
    inside = (70 + round(100 * NEAR) - 1, 58, 90, 70)
    layer = _layer(BODY, inside)
    assert keep_body_components(layer, _pose()) is layer


def test_a_wrist_that_is_not_seen_holds_nothing() -> None:
    """Then it goes."""
    pose = _pose()
    pose[9, 2] = 0
    layer = _layer(BODY, (72, 58, 90, 70))
    assert np.array_equal(keep_body_components(layer, pose), _layer(BODY))


def test_the_largest_piece_stays_wherever_the_pose_is() -> None:
    """And without a pose."""
    layer = _layer((90, 60, 120, 120))
    assert keep_body_components(layer, _pose()) is layer
    two = _layer((90, 60, 120, 120), (5, 5, 15, 15))
    assert np.array_equal(keep_body_components(two, _pose(0)), layer)


def test_the_body_loses_nothing_to_a_piece_at_its_side() -> None:
    """Nor its soft outline, which is the rim."""
    body = _layer(BODY)
    body[BODY[1] : BODY[3], BODY[2] : BODY[2] + RIM] = 0.3
    made = body.copy()
    made[90:110, BODY[2] + 2 * RIM : 90] = 0.9
    assert np.array_equal(keep_body_components(made, _pose()), body)


def test_leaves_what_it_is_given_as_it_was() -> None:
    """The layer may be read-only memory of a network."""
    layer = _layer(BODY, (85, 80, 95, 95))
    layer.setflags(write=False)
    assert keep_body_components(layer, _pose()).sum() < layer.sum()


def test_a_thread_does_not_tie_a_piece_to_the_body() -> None:
    """A veil's edge, a few pixels wide."""
    layer = _layer(BODY, (85, 80, 95, 95), (BODY[2], 85, 85, 87))
    cleaned = keep_body_components(layer, _pose())
    assert not cleaned[:, 85:].any()
    assert np.array_equal(cleaned[:, : BODY[2]], layer[:, : BODY[2]])
