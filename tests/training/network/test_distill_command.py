"""Where a distillation's start weights come from, and what is told of them."""

import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from inference import zoo
from tests.training.people import at, picture
from training.errors import TrainingError
from training.network.distill_command import (
    _before,
    _command,
    _held_out,
    learnt_before,
    measured,
    weights_of,
)
from training.network.finish import checked_name
from training.network.labelled import Packed
from training.network.prepare import Prepared
from training.network.student import PRESETS
from training.network.student_files import load_student


def test_the_network_that_comes_with_the_program_can_be_trained_on() -> None:
    path = weights_of("built-in", "fast")
    assert path.parent == zoo.BUILT_IN_FOLDER
    assert load_student(path).preset.name == "fast"
    learnt = learnt_before("built-in", "fast")
    assert len(learnt) > 3000
    assert all(len(checksum) == 64 for checksum in learnt)
    assert learnt_before("none", "fast") == []


@pytest.mark.parametrize("preset", PRESETS)
def test_a_network_of_every_preset_comes_with_the_program(preset: str) -> None:
    assert weights_of("built-in", preset).stem in zoo.ACCURATE_FIRST


def test_a_start_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(zoo, "BUILT_IN_FOLDER", tmp_path)
        with pytest.raises(TrainingError, match="is missing: leave out"):
            weights_of("built-in", "trunk")
    with pytest.raises(TrainingError, match=r"is no run with weights: .*student\.safetensors"):
        weights_of(str(tmp_path), "fast")
    with pytest.raises(TrainingError, match=r"There is no run nope"):
        weights_of("nope", "fast")


def test_what_the_start_knew_is_told_beside_what_is_known_now() -> None:
    random = np.random.default_rng(1)
    people = [[at(*random.uniform(20, 90, 2), 1.2)] for _ in range(2)]
    held_out = [Packed.of(picture(one, (192, 192)), "mask") for one in people]
    prepared = Prepared(held_out, held_out, [], [])
    student = load_student(weights_of("built-in", "tiny"))
    now = measured(prepared, student)
    assert _before(Namespace(start="none", preset="fast"), prepared) == {}
    before = _before(Namespace(start="built-in", preset="fast"), prepared)
    figures = r"person_iou [01]\.\d{3}, pck [01]\.\d{3}"
    assert re.fullmatch(rf"Held out: {figures}\.", _held_out({}, now))
    progress = re.fullmatch(
        rf"Held out, before: ({figures}); now: ({figures})\.", _held_out(before, now)
    )
    assert progress is not None
    assert progress[1] != progress[2]
    assert progress[2] in _held_out({}, now)
    nothing = Prepared(held_out, [], [], [])
    assert measured(nothing, student) == {}
    assert _held_out({}, {}) == "Nothing was held out to be measured."


@pytest.mark.parametrize("name", ["understudy-fast", "bodypix-075", "a/b", "..", " "])
def test_a_network_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(TrainingError, match="give another --name"):
        checked_name(name)
    assert checked_name("juggling-in-the-park-fast") == "juggling-in-the-park-fast"


def test_metadata_do_not_tell_where_files_lie(tmp_path: Path) -> None:
    words = ["run.py", "distill", str(tmp_path / "my photos"), "photos", "--minutes", "3"]
    assert _command(words) == "python run.py distill 'my photos' photos --minutes 3"
