"""The double is moved and scaled as it is wanted, its feet staying on their ground."""

from __future__ import annotations

import numpy as np
import pytest

from inference.skeleton import body_scale
from tests.figures import standing
from tests.transfer.target.test_normalisation import ANKLES, body_frame
from transfer.target.normalisation import Transform
from transfer.target.placement import Placement

SIZE = 640, 480
TARGET = body_frame((300, 150, 250))
PLAIN = Transform(1.0, 0.0, 0.0)


def test_as_it_is_made_it_changes_nothing() -> None:
    assert Placement().placed(PLAIN, TARGET, SIZE) == PLAIN


def test_a_shift_is_in_sizes_of_the_picture() -> None:
    moved = Placement(x=0.25, y=-0.1).placed(Transform(2.0, 5.0, 7.0), TARGET, SIZE)
    assert (moved.scale, moved.x, moved.y) == pytest.approx((2.0, 165.0, -41.0))


@pytest.mark.parametrize("scale", [0.5, 1.3, 2.0])
def test_scaled_it_stands_where_it_stood(scale: float) -> None:
    pose = standing(300, 150, 250)
    made = Placement(scale=scale).placed(PLAIN, TARGET, SIZE).points(pose)
    assert body_scale(made) == pytest.approx(scale * body_scale(pose), rel=1e-3)
    assert made[ANKLES, 1] == pytest.approx(pose[ANKLES, 1], abs=0.5)
    assert np.mean(made[ANKLES, 0]) == pytest.approx(300, abs=0.5)
