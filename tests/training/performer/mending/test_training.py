"""The mending network learns to mend, goes on where it was, and is taken up while it learns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from run import main
from tests.puppet import Puppet, pose
from training.errors import TrainingError
from training.performer.data import PLAIN
from training.performer.mending.examples import AUGMENT, VARIANTS, Batch, MendingData
from training.performer.mending.looks import Look, bent
from training.performer.mending.training import MendingTraining
from training.run_folder import RunFolder
from transfer.performers.trained_files import BASE_MENDING, BASE_MENDING_INT8, MENDING_NAME
from transfer.performers.warp.int8 import Int8Mender
from transfer.performers.warp.mending import PLANES, SIZE, MendingInput
from transfer.performers.warp.network import FloatMender, MendingNetwork, load_network
from transfer.target.references import ReferenceBank
from transfer.target.target import Target


@pytest.fixture(scope="module")
def data() -> MendingData:
    random = np.random.default_rng(0)
    poses = []
    for _ in range(40):
        moves = {f"p{point}": random.normal(pose()[point, :2], 12) for point in (7, 8, 9, 10)}
        poses.append(pose(**{name: tuple(place) for name, place in moves.items()}))
    puppet = Puppet(poses)
    bank = ReferenceBank.of(puppet, range(40))  # type: ignore[arg-type]
    made = MendingData(puppet, range(0, 40, 4), bank, 450)  # type: ignore[arg-type]
    made.add_variant()
    return made


def test_examples_are_of_one_place_and_time(data: MendingData) -> None:
    """The truth shows the dancer where the warped picture has them."""
    example = data.example(3, PLAIN, np.random.default_rng(0), False)
    assert example.planes.shape == (SIZE, SIZE, PLANES)
    alpha, mask = example.planes[..., 6] > 128, example.mask > 0
    assert (alpha & mask).sum() / (alpha | mask).sum() > 0.85
    body = np.abs(example.rgb.astype(int) - example.plate).max(axis=2) > 30
    assert (body & mask).sum() / (body | mask).sum() > 0.9


def test_windows_are_of_half_the_side_on_the_dancer(data: MendingData) -> None:
    example = data.example(0, AUGMENT, np.random.default_rng(1), True)
    assert example.rgb.shape == (SIZE // 2, SIZE // 2, 3)
    assert example.mask.any()
    assert Batch.of([example]).planes.shape == (1, SIZE // 2, SIZE // 2, PLANES)


def test_a_look_changes_references_and_truth_alike(data: MendingData) -> None:
    random = np.random.default_rng(4)
    look = next(one for one in iter(lambda: Look.draw(random), 0) if one is not None)
    plain = data.example(2, PLAIN, np.random.default_rng(0), False)
    other = data.example(2, PLAIN, np.random.default_rng(0), False, look)
    solid = (plain.planes[..., 6] == 255) & (plain.planes[..., 8] < 10)
    away = np.abs(plain.planes[..., 3:6].astype(int) - plain.rgb).max(axis=2)
    agree = solid & (away < 6)
    assert agree.sum() > 500
    changed = np.abs(other.planes[..., 3:6].astype(int) - other.rgb).max(axis=2)[agree]
    assert np.median(changed) < 12
    assert np.abs(other.rgb.astype(int) - plain.rgb).mean() > 2


def test_a_variant_is_made_while_others_are_learnt_from(data: MendingData) -> None:
    before = data.variants
    data.add_variant(stop=lambda: True)
    assert data.variants == before
    data.add_variant()
    assert data.variants == before + 1
    assert VARIANTS >= 2


def test_bent_label_maps_stay_label_maps() -> None:
    parts = np.zeros((64, 64), np.uint8)
    parts[20:40, 20:40] = 13
    made = bent(parts, np.random.default_rng(0))
    assert set(np.unique(made)) <= {0, 13}
    assert 0.5 < (made > 0).sum() / (parts > 0).sum() < 2


def training(tmp_path: Path, minutes: float) -> MendingTraining:
    run = RunFolder(tmp_path / "run")
    run.open({"kind": "performer", "preset": "warp"})
    torch.manual_seed(0)
    return MendingTraining(
        MendingNetwork(), run, run.path / MENDING_NAME, minutes, False,
        device=torch.device("cpu"),
    )  # fmt: skip


def test_pictures_are_there_before_anything_is_learnt(data: MendingData, tmp_path: Path) -> None:
    made = training(tmp_path, 5)
    made.show([data])
    folder = made._run.path / "pictures"
    assert {path.name for path in folder.iterdir()} == {"true.jpg", "000000.jpg"}
    assert made.seen == 0


def test_it_learns_saves_and_goes_on(data: MendingData, tmp_path: Path) -> None:
    losses: list[float] = []
    torch.set_num_threads(1)  # Two would wait for each other on a busy machine.
    first = training(tmp_path, 5)
    first._batch = 2
    first.run(
        [data], [data], lambda now: losses.append(now.losses["body"]), lambda: len(losses) >= 12
    )
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert load_network(tmp_path / "run" / MENDING_NAME) is not None
    assert first.held_out["ssim"] > 0.5
    again = training(tmp_path, first.seconds / 60 + 0.01)
    assert again.seen == first.seen
    torch.testing.assert_close(again.mean.stem[0].weight, first.mean.stem[0].weight)
    again.run([data], [], lambda now: None)
    assert again.seen > first.seen


def test_no_number_is_an_error_and_the_last_state_stays(
    data: MendingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = training(tmp_path, 0.1)
    monkeypatch.setattr(
        one, "_losses", lambda batch: {"pixels": one.network.out.bias.sum() * float("nan")}
    )
    with pytest.raises(TrainingError, match="no number"):
        one.run([data], [], lambda now: None)


@pytest.mark.slow
def test_from_a_dataset_to_a_film(
    juggler: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`train`, stopped by Ctrl-C, gone on with, evaluated, performed."""
    run, film = tmp_path / "run", tmp_path / "film.mp4"
    command = [sys.executable, "run.py", "train", str(juggler), "--out", str(run)]
    started = subprocess.Popen([*command, "--minutes", "5"], stdout=subprocess.PIPE)
    while not (run / MENDING_NAME).is_file():
        time.sleep(0.5)
        assert started.poll() is None
    started.send_signal(signal.SIGINT)
    assert started.wait(60) == 0
    assert (
        main(["evaluate", str(run), "--dataset", str(juggler), "--json", str(run / "f.json")]) == 0
    )
    rows = {row["performer"]: row for row in json.loads((run / "f.json").read_text())["rows"]}
    assert rows["warp"]["ssim"] > rows["plate"]["ssim"]
    assert rows["instant"]["haarpsi"] > rows["knn"]["haarpsi"]
    assert b"video/mp4" in (run / "evaluation.html").read_bytes()
    clip = "tests/data/dancer_c_288.mp4"
    assert main(["perform", clip, "--as", str(run), "--out", str(film)]) == 0
    assert os.path.getsize(film) > 10_000


@pytest.mark.slow
def test_of_many_people_a_network_comes_that_fits_into_the_program(
    juggler: Path, dancer: Path, tmp_path: Path
) -> None:
    """Both of its files, and the int8 one says nearly what the float one does."""
    pytest.importorskip("ai_edge_quantizer")
    run = tmp_path / "base"
    words = ["train", str(juggler), str(dancer), "--people", "many", "--minutes", "0.3"]
    assert main([*words, "--out", str(run)]) == 0
    inputs = mending_inputs(juggler)
    exact = FloatMender(load_network(run / BASE_MENDING.name)).mend(inputs)
    quick = Int8Mender(run / BASE_MENDING_INT8.name).mend(inputs)
    dancer_there = inputs.parts > 0  # In int8 nothing is said of columns where nobody is.
    assert np.abs(exact.alpha - quick.alpha)[dancer_there].mean() < 0.06
    assert np.abs(exact.colour.astype(int) - quick.colour)[dancer_there].mean() < 12


def mending_inputs(juggler: Path) -> MendingInput:
    target = Target.open(juggler)
    one = MendingData(target, [60], ReferenceBank.of(target), 400)
    one.add_variant()
    example = one.example(0, PLAIN, np.random.default_rng(0), False)
    return MendingInput(example.parts, example.planes)
