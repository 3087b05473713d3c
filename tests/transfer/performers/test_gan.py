"""A trained run is played: its newest weights, or a sentence about why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.analysis import Analysis
from tests.figures import person
from transfer.errors import TransferError
from transfer.performers.condition import Ingredients
from transfer.performers.crop import usual_side
from transfer.performers.factory import find_performer
from transfer.performers.gan import GanPerformer
from transfer.performers.generator import Generator, GeneratorPreset
from transfer.performers.trained import Trained, load_generator, save_generator
from transfer.performers.trained_files import PERFORMER_NAME, WEIGHTS_NAME
from transfer.target.target import Target

SMALL = GeneratorPreset("realtime", (24, 48, 96, 160), 3, 12, 4, 1e-3)


def test_a_newer_checkpoint_is_taken_up_and_nobody_is_the_plate(
    tmp_path: Path, target: Target
) -> None:
    about = Trained(
        "Juggler",
        "id",
        "realtime",
        64,
        usual_side([target.labels(0)]),
        target.body_frame,
        Ingredients(),
    )
    about.save(tmp_path, target.plate, target.frame(0))
    torch.manual_seed(0)
    save_generator(Generator(SMALL), tmp_path / WEIGHTS_NAME)
    performer = GanPerformer(tmp_path)
    pair = target.pairs[0]
    assert pair.keypoints is not None
    keypoints = target.keypoints[0]
    analysis = Analysis(target.labels(0), person(keypoints), smoothed=keypoints)
    before = performer.perform(target.frame(0), analysis, 5.0)
    torch.manual_seed(1)
    save_generator(Generator(SMALL), tmp_path / WEIGHTS_NAME)
    performer.reset()
    same = performer.perform(target.frame(0), analysis, 5.1)
    assert np.array_equal(same, before)
    performer.reset()
    newer = performer.perform(target.frame(0), analysis, 7.0)
    assert not np.array_equal(newer, before)
    nobody = Analysis(np.zeros_like(analysis.labels), None)
    assert np.array_equal(performer.perform(target.frame(0), nobody, 7.1), target.plate)
    # A checkpoint that is not whole, then a run that was deleted: what is loaded goes on.
    weights = (tmp_path / WEIGHTS_NAME).read_bytes()
    (tmp_path / WEIGHTS_NAME).write_bytes(weights[: len(weights) // 2])
    performer.reset()
    assert np.array_equal(performer.perform(target.frame(0), analysis, 9.0), newer)
    shutil.rmtree(tmp_path)
    performer.reset()
    assert np.array_equal(performer.perform(target.frame(0), analysis, 11.0), newer)


def test_runs_that_cannot_be_used_say_so(tmp_path: Path, target: Target) -> None:
    about = Trained("J", "id", "realtime", 64, 300, target.body_frame, Ingredients())
    about.save(tmp_path, target.plate, target.frame(0))
    save_generator(Generator(SMALL), tmp_path / WEIGHTS_NAME)
    assert Trained.load(tmp_path)[0] == about
    weights = (tmp_path / WEIGHTS_NAME).read_bytes()
    (tmp_path / WEIGHTS_NAME).write_bytes(weights[: len(weights) // 2])
    with pytest.raises(TransferError, match="holds no generator"):
        load_generator(tmp_path / WEIGHTS_NAME)
    text = (tmp_path / PERFORMER_NAME).read_text()
    (tmp_path / PERFORMER_NAME).write_text(
        text.replace('"condition_version": 1', '"condition_version": 99')
    )
    with pytest.raises(TransferError, match="another version"):
        Trained.load(tmp_path)
    for broken in ('{"parts": [25]}', '{"keypoints": [-1]}', "[3]"):
        damaged = json.loads(text) | {"unseen": json.loads(broken)}
        (tmp_path / PERFORMER_NAME).write_text(json.dumps(damaged))
        with pytest.raises(TransferError, match="no performer that can be used"):
            Trained.load(tmp_path)


@pytest.mark.parametrize("preset", ["direct", "quality"])
def test_a_run_of_a_preset_that_is_no_more_says_so(
    tmp_path: Path, target: Target, preset: str
) -> None:
    about = Trained("J", "id", preset, 64, 300, target.body_frame, Ingredients())
    about.save(tmp_path, target.plate, target.frame(0))
    _, make = find_performer(str(tmp_path))
    with pytest.raises(TransferError) as raised:
        make(None)
    assert str(raised.value) == (
        f"{tmp_path.name} was trained with the preset {preset}, which this version no longer "
        "plays: train it again, or use the version that trained it."
    )


def test_files_of_older_versions_are_played_unless_they_have_further_stages(
    tmp_path: Path, target: Target
) -> None:
    about = Trained("J", "id", "realtime", 64, 300, target.body_frame, Ingredients())
    about.save(tmp_path, target.plate, target.frame(0))
    stored = json.loads((tmp_path / PERFORMER_NAME).read_text())
    stored["ingredients"]["picture"] = False
    (tmp_path / PERFORMER_NAME).write_text(json.dumps(stored))
    assert Trained.load(tmp_path)[0] == about
    weights = tmp_path / WEIGHTS_NAME
    save_generator(Generator(SMALL), weights)
    tensors = load_file(weights)
    old = {"preset": "realtime", "condition": "1", "face": "False", "enhancer": "False"}
    save_file(tensors, weights, old)
    load_generator(weights)
    for stage in ("face", "enhancer"):
        save_file(tensors, weights, old | {stage: "True"})
        with pytest.raises(TransferError, match=f"with --{stage}, which this version no longer"):
            load_generator(weights)
    save_file(tensors, weights, old | {"preset": "quality"})
    with pytest.raises(TransferError, match="with the preset quality, which this version no lon"):
        load_generator(weights)
