"""A performer learns from a real clip: data, loop, what goes wrong, what comes out."""

from __future__ import annotations

import copy
import errno
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from capture.errors import CaptureError
from training.errors import TrainingError
from training.performer.batches import Batch
from training.performer.data import Augment, TransferData
from training.performer.losses import ramp
from training.performer.measuring.evaluate_performer import PlateOnly, reconstruction
from training.performer.sources import split
from training.performer.training import TransferTraining
from training.reporting import TrainingProgress
from training.run_folder import RunFolder
from transfer.performers.condition import Ingredients
from transfer.performers.crop import usual_side
from transfer.performers.gan import GanPerformer
from transfer.performers.generator import Generator, GeneratorPreset
from transfer.performers.trained import Trained, load_generator, save_generator
from transfer.performers.trained_files import WEIGHTS_NAME
from transfer.target.target import Target

SMALL = GeneratorPreset("realtime", (24, 48, 96, 160), 3, 12, 4, 1e-3)


Data = tuple[TransferData, TransferData]


def training(path: Path, minutes: float) -> TransferTraining:
    torch.manual_seed(0)
    return TransferTraining(Generator(SMALL), RunFolder(path), Ingredients(), minutes)


@pytest.mark.slow
def test_it_learns_goes_on_after_a_stop_and_performs(
    tmp_path: Path, target: Target, data: Data
) -> None:
    """A minute: nearer to the truth than the plate alone; an untrained network is not."""
    learnt, held_out = data
    run = tmp_path / "run"
    run.mkdir()
    about = Trained(
        "Juggler", target.dataset.manifest.id, "realtime", 64,
        usual_side([target.labels(0)]), target.body_frame, Ingredients(),
    )  # fmt: skip
    about.save(run, target.plate, target.frame(0))
    numbers = split(target)[1]
    plate = reconstruction(PlateOnly(target.plate), target, numbers)
    save_generator(Generator(SMALL), run / WEIGHTS_NAME)
    untrained = reconstruction(GanPerformer(run, target.body_frame), target, numbers)
    assert untrained["error"] > plate["error"]
    assert untrained["ssim"] < plate["ssim"] + 0.03

    progress: list[TrainingProgress] = []
    first = training(run, 1)
    first.run(learnt, held_out, Augment(), progress.append, lambda: len(progress) >= 15)
    seen = 12 * 4 + 3  # Every fourth step sees a whole crop, one instead of four.
    assert first.seen == seen
    second = training(run, 1)
    assert second.seen == seen
    second.run(learnt, held_out, Augment(), progress.append)
    for name in ("pixels", "body"):
        assert progress[-1].losses[name] < progress[0].losses[name]
    trained = reconstruction(GanPerformer(run, target.body_frame), target, numbers)
    assert trained["error"] < 0.75 * plate["error"]
    assert trained["error"] < 0.8 * untrained["error"]
    assert trained["ssim"] > plate["ssim"] + 0.03
    assert RunFolder(run).history()[-1]["held_out"]["ssim"] > 0


def test_the_judge_is_learnt_with(tmp_path: Path, data: Data) -> None:
    progress: list[TrainingProgress] = []
    made = training(tmp_path, 5)
    made.seconds = 200
    before = copy.deepcopy(made.checkpoint()["opponents"][""]["judges"])
    made.run(*data, Augment(), progress.append, lambda: len(progress) >= 3)
    assert {"body", "adversarial", "features"} <= set(progress[-1].losses)
    after = made.checkpoint()["opponents"][""]["judges"]
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_its_last_picture_is_learnt_with_and_it_goes_on(tmp_path: Path, data: Data) -> None:
    def begin() -> TransferTraining:
        torch.manual_seed(0)
        return TransferTraining(
            Generator(SMALL), RunFolder(tmp_path), Ingredients(previous=True), 4
        )

    made = begin()
    made.seconds = 200
    progress: list[TrainingProgress] = []
    made.run(*data, Augment(before=True), progress.append, lambda: len(progress) >= 6)
    assert {"adversarial", "features"} <= set(progress[-1].losses)
    assert begin().seen == made.seen


def test_a_checkpoint_of_an_older_version_goes_on(tmp_path: Path, data: Data) -> None:
    """It names the judge's weights by the first of several sizes; other stages are refused."""
    made = training(tmp_path, 5)
    made.run(*data, Augment(), lambda progress: None, lambda: made.seen >= 8)
    state = made.checkpoint()
    judges = state["opponents"][""]["judges"]
    state["opponents"][""]["judges"] = {f"scales.0.{name}": judges[name] for name in judges}
    RunFolder(tmp_path).save(state)
    again = training(tmp_path, 5)
    assert again.seen == made.seen
    restored = again.checkpoint()["opponents"][""]["judges"]
    assert all(torch.equal(restored[name], judges[name]) for name in judges)
    state["generator"]["face.out.weight"] = torch.zeros(3, 24, 3, 3)
    RunFolder(tmp_path).save(state)
    with pytest.raises(TrainingError, match="begun with other options"):
        training(tmp_path, 5)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path, data: Data) -> None:
    made = training(tmp_path, 0.2)
    with torch.no_grad():
        made.generator.out.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number"):
        made.run(data[0], data[1], Augment(), lambda progress: None)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_it_goes_back_to_the_last_good_state_once(tmp_path: Path, data: Data) -> None:
    made = training(tmp_path, 5)
    steps: list[int] = []
    notes: list[str] = []

    def report(progress: TrainingProgress) -> None:
        steps.append(progress.step)
        if len(steps) in (4, 8):
            with torch.no_grad():
                made.generator.out.weight.fill_(float("nan"))

    made.run(data[0], data[1], Augment(), lambda progress: None, lambda: True)
    with pytest.raises(TrainingError, match="no number"):
        made.run(data[0], data[1], Augment(), report, lambda: False, notes.append)
    assert len(notes) == 1
    assert "last good state" in notes[0]
    assert steps == [2, 3, 4, 5, 2, 3, 4, 5]
    kept = load_generator(tmp_path / WEIGHTS_NAME).state_dict()
    assert all(value.isfinite().all() for value in kept.values())


def test_out_of_memory_it_goes_on_with_half_the_batch(
    tmp_path: Path, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = training(tmp_path, 5)
    sizes: list[int] = []
    learn = made._learn

    def short_of_memory(frames: Sequence[Batch]) -> dict[str, float]:
        sizes.append(len(frames[0].rgb))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return learn(frames)

    monkeypatch.setattr(made, "_learn", short_of_memory)
    notes: list[str] = []
    made.run(*data, Augment(), lambda progress: None, lambda: made.seen >= 6, notes.append)
    assert sizes == [4, 2, 2, 2]
    assert notes == ["Out of memory: training goes on with 2 pictures at a time."]


def test_a_full_disk_is_said_and_what_was_saved_stays(
    tmp_path: Path, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = training(tmp_path, 5)
    made.run(*data, Augment(), lambda progress: None, lambda: True)
    kept = {name: (tmp_path / name).read_bytes() for name in ("checkpoint.pt", WEIGHTS_NAME)}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CaptureError, match=r"The disk with .* is full"):
        made.run(*data, Augment(), lambda progress: None, lambda: True)
    assert kept == {name: (tmp_path / name).read_bytes() for name in kept}


def test_the_judge_joins_late_and_slowly() -> None:
    assert ramp(0, 900) == ramp(0.35, 900) == 0
    assert 0 < ramp(0.4, 900) < 1
    assert ramp(0.5, 900) == ramp(1.0, 900) == 1
    assert ramp(1.0, 60) == 0
    assert ramp(0.7, 120) == 0
