"""References that change from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from inference.arrays import Keypoints
from tests.puppet import Puppet, draw, pose
from transfer.performers.warp.changes import FADE_FROM, FADE_SECONDS, LONGEST_GAP, Chooser
from transfer.performers.warp.choice import Choice, choose
from transfer.target.pieces import BodyPose, Piece
from transfer.target.references import ReferenceBank

NUMBERS = [0, 30, 60]
"""Far apart in time."""
FOREARM = Piece.LEFT_FOREARM
STEP = 1 / 30


@pytest.fixture(scope="module")
def bank() -> ReferenceBank:
    poses = [pose(p9=(300, 240))] * 30 + [pose(p9=(330, 190))] * 30 + [pose(p9=(240, 270))]
    return ReferenceBank.of(Puppet(poses), NUMBERS)  # type: ignore[arg-type]


def wanted(keypoints: Keypoints) -> BodyPose:
    return BodyPose.of(keypoints, draw(keypoints)[1])


def picks(bank: ReferenceBank, choices: list[Choice]) -> list[int]:
    return [int(bank.numbers[one.pieces[FOREARM]]) for one in choices]


def test_a_limb_between_two_references_stays_with_one(bank: ReferenceBank) -> None:
    between = [pose(p9=(321 + away, 205 - 2 * away)) for away in (0, 3, 0, 3, 0)]
    chooser = Chooser(bank)
    steady = [chooser.choose(wanted(one), n * STEP) for n, one in enumerate(between)]
    alone = [choose(bank, wanted(one)) for one in between]
    assert len(set(picks(bank, alone))) == 2
    assert len(set(picks(bank, steady))) == 1


def test_a_limb_changes_to_what_is_clearly_better(bank: ReferenceBank) -> None:
    chooser = Chooser(bank)
    path = [pose(p9=(300, 240)), pose(p9=(240, 270))]
    choices = [chooser.choose(wanted(one), n * STEP) for n, one in enumerate(path)]
    assert picks(bank, choices) == [0, 60]


def test_the_reference_before_fades(bank: ReferenceBank) -> None:
    chooser = Chooser(bank)
    first = chooser.choose(wanted(pose(p9=(300, 240))), 0.0)
    assert first.fading is None
    other = wanted(pose(p9=(240, 270)))
    faded = [chooser.choose(other, STEP + n * FADE_SECONDS / 4) for n in range(6)]
    shares = []
    for one in faded:
        assert one.fading is not None
        assert one.before is not None
        shares.append(float(one.fading[FOREARM]))
        if shares[-1]:
            assert one.before[FOREARM] == first.pieces[FOREARM]
    assert shares == pytest.approx([FADE_FROM * s for s in (1, 0.75, 0.5, 0.25, 0, 0)], abs=1e-6)


@pytest.mark.parametrize("after", [LONGEST_GAP + 0.01, -0.5])
def test_nothing_fades_after_a_gap_or_a_step_back(bank: ReferenceBank, after: float) -> None:
    chooser = Chooser(bank)
    chooser.choose(wanted(pose(p9=(300, 240))), 1.0)
    assert chooser.choose(wanted(pose(p9=(240, 270))), 1.0 + after).fading is None


def test_one_that_is_replaced_as_soon_as_it_came_is_not_what_fades(bank: ReferenceBank) -> None:
    """What is seen most goes on fading: never a jump."""
    chooser = Chooser(bank)
    ways = [pose(p9=(300, 240)), pose(p9=(240, 270)), pose(p9=(330, 190))]
    choices = [chooser.choose(wanted(one), n * STEP / 4) for n, one in enumerate(ways)]
    last = choices[-1]
    assert last.before is not None
    assert picks(bank, choices) == [0, 60, 30]
    assert bank.numbers[last.before[FOREARM]] == 0
    assert np.isfinite(last.fading).all()
