"""Exported performers: what other runtimes draw is what PyTorch draws."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from capture.errors import CaptureError
from inference.runtime import CPU, make_interpreter
from training.errors import TrainingError
from training.network import export_tflite
from training.performer import export_onnx, export_performer
from training.performer.export_performer import write_int8, write_onnx
from training.performer.sources import split
from transfer.errors import TransferError
from transfer.performers.condition import CHANNELS, VERSION, Ingredients
from transfer.performers.crop import usual_side
from transfer.performers.generator import GENERATORS, Generator
from transfer.performers.trained import Trained, load_generator, save_generator
from transfer.performers.trained_files import INT8_NAME, ONNX_NAME, WEIGHTS_NAME
from transfer.target.target import Target

SIZE = 64


def generator() -> Generator:
    """Random weights; the norms have seen something."""
    torch.manual_seed(1)
    made = Generator(GENERATORS["realtime"]).train()
    for _ in range(3):
        made(torch.rand(2, CHANNELS, SIZE, SIZE))
    return made.eval()


@pytest.fixture
def run(target: Target, tmp_path: Path) -> tuple[Path, Trained]:
    """A run's folder with a generator that has learnt nothing."""
    learnt, _ = split(target)
    side = usual_side([target.labels(number) for number in learnt])
    about = Trained("A juggler", "id", "realtime", SIZE, side, target.body_frame, Ingredients())
    about.save(tmp_path, target.plate, target.frame(0))
    save_generator(generator(), tmp_path / WEIGHTS_NAME)
    return tmp_path, about


def test_onnx_draws_the_same_and_says_what_it_is_for(run: tuple[Path, Trained]) -> None:
    made = generator()
    x = torch.rand(1, CHANNELS, SIZE, SIZE)
    content, away = export_onnx.as_onnx(made, run[1], [x])
    assert away < 1e-4
    said = {one.key: one.value for one in onnx.load_from_string(content).metadata_props}
    assert said["condition_version"] == str(VERSION)
    assert said["size"] == str(SIZE)
    assert json.loads(said["ingredients"])["parts"]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    [drawn] = session.run(["layer"], {"condition": x.numpy()})
    assert np.abs(drawn - made(x).detach().numpy()).max() < 1e-4


def test_the_onnx_file_is_checked_on_real_conditions(
    target: Target, run: tuple[Path, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, about = run
    assert write_onnx(folder, about, target) < 1e-4
    session = onnxruntime.InferenceSession(str(folder / ONNX_NAME))
    _, held_out = split(target)
    [x] = export_performer._conditions(target, held_out, about, 1)
    [drawn] = session.run(["layer"], {"condition": x.numpy()})
    wanted = load_generator(folder / WEIGHTS_NAME)(x)
    assert np.abs(drawn - wanted.detach().numpy()).max() < 1e-4
    (folder / ONNX_NAME).unlink()
    monkeypatch.setattr(export_onnx, "CLOSE", -1.0)
    with pytest.raises(TrainingError, match="differ"):
        write_onnx(folder, about, target)
    assert not (folder / ONNX_NAME).exists()


@pytest.mark.slow
def test_ends_stay_in_float_where_int8_loses_too_much(
    target: Target, run: tuple[Path, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, about = run
    monkeypatch.setattr(export_performer, "CALIBRATION", 4)
    before, after, in_float = write_int8(folder, about, target)
    assert not in_float
    assert after == pytest.approx(before, abs=0.01)
    assert _types(folder) == (np.int8, np.int8, False)
    monkeypatch.setattr(export_performer, "WORTH_SAYING", -1.0)  # Nothing is ever good enough.
    before, after, in_float = write_int8(folder, about, target)
    assert in_float
    assert after == pytest.approx(before, abs=0.01)
    assert _types(folder) == (np.float32, np.float32, True)


def _types(folder: Path) -> tuple[type, type, bool]:
    """Of input, output, and whether the first convolution's weights are in float."""
    interpreter = make_interpreter((folder / INT8_NAME).read_bytes(), CPU, 1)
    interpreter.allocate_tensors()
    [given], [made] = interpreter.get_input_details(), interpreter.get_output_details()
    kinds = {
        (tuple(one["shape"]), one["dtype"])
        for one in interpreter.get_tensor_details()
        if len(one["shape"]) == 4
    }
    first, inner = (24, 3, 3, CHANNELS), (160, 3, 3, 160)
    assert (inner, np.int8) in kinds
    return given["dtype"], made["dtype"], (first, np.float32) in kinds


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"onnx.*requirements-export\.txt"):
        export_tflite.require_packages(export_onnx.PACKAGES)


def test_the_dataset_may_be_smaller_than_what_is_asked_for(
    target: Target, run: tuple[Path, Trained]
) -> None:
    _, held_out = split(target)
    found = export_performer._conditions(target, held_out, run[1], 10_000)
    assert 0 < len(found) <= len(held_out)


def test_a_place_that_cannot_be_written_is_told_first(
    target: Target, run: tuple[Path, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, about = run
    replace(about, dataset=target.dataset.manifest.id).save(folder, target.plate, target.frame(0))
    (folder / f"{INT8_NAME}.tmp").mkdir()
    (folder / ONNX_NAME).mkdir()
    for kind, sentence in (("tflite", "could not be written"), ("onnx", "is no file")):
        asked = Namespace(run=folder, dataset=str(target.dataset.path), format=kind)
        with pytest.raises(CaptureError, match=sentence):
            export_performer.main(asked)


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    asked = Namespace(run=tmp_path / "nope", dataset=None, format="tflite")
    with pytest.raises(TransferError, match="There is no run"):
        export_performer.main(asked)
