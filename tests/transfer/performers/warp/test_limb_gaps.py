"""Limbs in two pieces become whole; nothing else is drawn."""

import numpy as np
import pytest

from tests.puppet import Puppet, pose
from transfer.performers.warp.limb_gaps import without_gaps
from transfer.target.pieces import PIECE_OF_LABEL, Piece

STANDING = pose()
LABELS = Puppet([STANDING]).labels(0)


def test_a_whole_body_stays_as_it_is() -> None:
    assert without_gaps(LABELS, STANDING) is LABELS


@pytest.mark.parametrize("knee", [13, 14])
def test_a_knee_that_is_missing_is_drawn(knee: int) -> None:
    torn = LABELS.copy()
    y = round(float(STANDING[knee, 1]))
    torn[y - 14 : y + 14] = 0
    whole = without_gaps(torn, STANDING)
    x = round(float(STANDING[knee, 0]))
    assert (whole[y - 14 : y + 14, x] > 0).all()
    thigh, shin = (
        (Piece.LEFT_THIGH, Piece.LEFT_SHIN) if knee == 13 else (Piece.RIGHT_THIGH, Piece.RIGHT_SHIN)
    )
    assert set(PIECE_OF_LABEL[whole[y - 14 : y + 14, x]]) <= {thigh, shin}
    np.testing.assert_array_equal(whole[torn > 0], torn[torn > 0])


def test_a_wrong_key_point_draws_no_arm() -> None:
    wrong = pose(p9=(20, 20))
    whole = without_gaps(LABELS, wrong)
    assert ((whole > 0) == (LABELS > 0)).mean() > 0.999
    beyond = STANDING.copy()
    beyond[15, :2] = (-400, 900)
    assert without_gaps(LABELS, beyond).shape == LABELS.shape
    unsure = STANDING.copy()
    unsure[:, 2] = 0.1
    torn = LABELS.copy()
    torn[300:330] = 0
    assert without_gaps(torn, unsure) is torn
    assert not without_gaps(np.zeros_like(LABELS), STANDING).any()
