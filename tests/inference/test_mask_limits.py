"""Where a body can be, against distances to its limbs, cell by cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.arrays import Keypoints
from inference.mask_limits import END, HEAD, SURE, THICK, mask_limits
from inference.skeleton import body_scale

STANDING = np.array(
    [(50, 15), (52, 13), (48, 13), (54, 14), (46, 14), (60, 28), (40, 28), (66, 46), (34, 46),
     (70, 62), (30, 62), (57, 60), (43, 60), (58, 85), (42, 85), (59, 110), (41, 110)],
    np.float32,
)  # fmt: skip
SHAPE = (130, 110)
CELL = 1.0
"""What drawing rounds."""


def _pose(points: NDArray[np.float32], unsure: tuple[int, ...] = ()) -> Keypoints:
    pose = np.column_stack([points, np.full(17, 0.9, np.float32)])
    pose[list(unsure), 2] = SURE - 0.1
    return np.asarray(pose, np.float32)


def _away(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distance of each cell to a line."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
    along = (second - first).astype(np.float64)
    length = max(float(along @ along), 1e-9)
    share = (((x - first[0]) * along[0] + (y - first[1]) * along[1]) / length).clip(0, 1)
    across = np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1])
    return np.asarray(across)


def _beyond(points: NDArray[np.float32], height: float) -> NDArray[np.float64]:
    """How far each cell is from where the whole of a body can be, all of it sure; 0 within."""
    lines = [(5, 6), (6, 12), (12, 11), (11, 5), (5, 7), (7, 9), (6, 8), (8, 10), (11, 13),
             (13, 15), (12, 14), (14, 16)]  # fmt: skip
    away = [_away(points[first], points[second]) - THICK * height for first, second in lines]
    away += [_away(points[one], points[one]) - HEAD * height for one in range(5)]
    away += [_away(points[one], points[one]) - END * height for one in (9, 10, 15, 16)]
    return np.asarray(np.min(away, axis=0).clip(0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 12))
def test_is_what_lies_near_a_limb(seed: int, spread: float) -> None:
    """Of any pose, but for what drawing rounds."""
    random = np.random.default_rng(seed)
    points = np.asarray(STANDING + random.normal(0, spread, STANDING.shape), np.float32)
    pose = _pose(points)
    near = mask_limits(pose, SHAPE)
    assert near is not None
    beyond = _beyond(points, body_scale(pose))
    assert not near[beyond > 2 * CELL].any()
    inside = _beyond(points, body_scale(pose) * (1 - 2 * CELL / (THICK * body_scale(pose)))) == 0
    assert near[inside].all()


def test_a_curtain_beside_a_leg_is_out_of_reach() -> None:
    """A quarter of her height away from it, below the hand that hangs."""
    near = mask_limits(_pose(STANDING), SHAPE)
    assert near is not None
    assert near[90, 42]
    assert not near[90, 15]


@pytest.mark.parametrize(("end", "there"), [(9, (88, 62)), (15, (85, 100))])
def test_an_unsure_end_may_be_anywhere_its_limb_reaches(end: int, there: tuple[int, int]) -> None:
    """Around the bend."""
    sure, unsure = mask_limits(_pose(STANDING), SHAPE), mask_limits(_pose(STANDING, (end,)), SHAPE)
    assert sure is not None
    assert unsure is not None
    column, row = there
    assert not sure[row, column]
    assert unsure[row, column]
    assert unsure[sure].mean() > 0.95


def test_an_unsure_knee_leaves_the_whole_leg_free() -> None:
    """Around the hip."""
    near = mask_limits(_pose(STANDING, (13, 15)), SHAPE)
    assert near is not None
    assert near[95, 100]


@pytest.mark.parametrize("unsure", [(5,), (12,), (0, 1, 2, 3, 4)])
def test_says_nothing_of_half_a_pose(unsure: tuple[int, ...]) -> None:
    """Without a shoulder, a hip or the face."""
    assert mask_limits(_pose(STANDING, unsure), SHAPE) is None
