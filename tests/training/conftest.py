"""A juggler's clip as a dataset to learn from, small."""

import pytest

from tests.transfer.conftest import dancer, juggler, target  # noqa: F401  Fixtures.
from training.performer.data import TransferData
from training.performer.sources import split
from transfer.performers.crop import usual_side
from transfer.target.target import Target


@pytest.fixture(scope="module")
def data(target: Target) -> tuple[TransferData, TransferData]:  # noqa: F811
    """What is learnt from, and what is held out, 64 pixels."""
    learnt, held_out = split(target)
    side = usual_side([target.labels(number) for number in learnt])
    return TransferData(target, learnt, side, 64), TransferData(target, held_out, side, 64)
