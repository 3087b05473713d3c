"""Where a distillation's start weights come from, and what is told of them."""

import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from inference import zoo
from tests.training.people import at, picture
from training.distill_command import _held_out, learnt_before, weights_of
from training.errors import TrainingError
from training.labelled import Packed
from training.prepare import Prepared
from training.run_folder import load_student


def test_the_network_that_comes_with_the_program_can_be_trained_on() -> None:
    path = weights_of("built-in", "default")
    assert path.parent == zoo.BUILT_IN_FOLDER
    assert load_student(path).preset.name == "default"
    learnt = learnt_before("built-in", "default")
    assert len(learnt) > 3000
    assert all(len(checksum) == 64 for checksum in learnt)
    assert learnt_before("none", "default") == []


def test_a_start_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No accurate network comes with the program: leave"):
        weights_of("built-in", "accurate")
    with pytest.raises(TrainingError, match=r"is no run with weights: .*student\.safetensors"):
        weights_of(str(tmp_path), "default")


def test_what_the_start_knew_is_told_beside_what_is_known_now() -> None:
    random = np.random.default_rng(1)
    people = [[at(*random.uniform(20, 90, 2), 1.2)] for _ in range(2)]
    held_out = [Packed.of(picture(one, (192, 192)), "mask") for one in people]
    prepared = Prepared(held_out, held_out, [], [])
    now = {"person_iou": 0.5}
    fresh = Namespace(start="none", preset="default")
    tuned = Namespace(start="built-in", preset="default")
    assert _held_out(fresh, prepared, now) == "Held out: person_iou 0.500."
    told = _held_out(tuned, prepared, now)
    assert re.fullmatch(
        r"Held out, before: person_iou 0\.\d{3}, pck \d\.\d{3}; now: person_iou 0\.500\.", told
    )
    assert _held_out(tuned, prepared, {}) == "Nothing was held out to be measured."
