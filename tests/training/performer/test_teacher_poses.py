"""Other people's dances, drawn by a teacher, as examples for its pupil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.transfer.conftest import dancer, juggler, target  # noqa: F401  Fixtures.
from training.performer.data import PLAIN, TransferData
from training.performer.teacher_poses import MOST, TeacherPoses
from transfer.performers.condition import Ingredients
from transfer.performers.crop import usual_side
from transfer.performers.generator import GENERATORS, Generator
from transfer.performers.trained import Trained, save_generator
from transfer.performers.trained_files import WEIGHTS_NAME
from transfer.target.target import Target

SIZE = 64


@pytest.fixture(scope="module")
def teacher(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A run that paints the whole square green."""
    run = tmp_path_factory.mktemp("teacher")
    numbers = target.usable.numbers
    side = usual_side([target.labels(number) for number in numbers])
    about = Trained("A juggler", "id", "realtime", SIZE, side, target.body_frame, Ingredients())
    about.save(run, target.plate, target.frame(0))
    torch.manual_seed(0)
    made = Generator(GENERATORS["realtime"])
    with torch.no_grad():
        made.out.weight.zero_()
        made.out.bias.copy_(torch.tensor([-9.0, 9.0, -9.0, 9.0]))
    save_generator(made, run / WEIGHTS_NAME)
    return run


def test_a_strangers_poses_stand_on_the_targets_stage(
    target: Target,  # noqa: F811
    dancer: Path,  # noqa: F811
    teacher: Path,
) -> None:
    source = Target.open(dancer)
    shown = TeacherPoses(source, teacher)
    assert 0 < len(shown.numbers) <= min(MOST, len(source.usable.numbers))
    heights = []
    for number in shown.numbers:
        labels = shown.labels(number)
        assert labels.shape[::-1] == target.size
        rows = np.flatnonzero((labels > 0).any(axis=1))
        heights.append(len(rows))
        seen = shown.keypoints[number][shown.keypoints[number][:, 2] > 0.5]
        inside = (seen[:, :2] >= 0).all(axis=1) & (seen[:, :2] < target.size).all(axis=1)
        spots = seen[inside, :2].astype(int)
        assert (labels[spots[:, 1], spots[:, 0]] > 0).mean() > 0.5
    theirs = [
        np.ptp(np.flatnonzero((target.labels(number) > 0).any(axis=1)))
        for number in target.usable.numbers
    ]
    assert 0.5 < np.median(heights) / np.median(theirs) < 2


def test_the_teachers_pictures_are_what_is_learnt(
    target: Target,  # noqa: F811
    dancer: Path,  # noqa: F811
    teacher: Path,
) -> None:
    shown = TeacherPoses(Target.open(dancer), teacher)
    data = TransferData(shown, shown.numbers[:4], 200, SIZE)
    assert len(data) == 4
    [example] = data.examples(1, PLAIN, np.random.default_rng(0))
    middle = example.rgb[SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4].reshape(-1, 3)
    red, green, blue = np.median(middle, axis=0)
    assert max(red, blue) < 10
    assert green > 100  # Less than was painted: it is lit like the plate.
    assert example.mask.any()
    assert example.limbs.any()
