"""The student upon MoveNet's trunk: what learns, what stays, what is kept, what is exported."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from inference import teachers
from inference.errors import ModelError
from inference.flatbuffer import for_input_size
from inference.network import Network
from inference.runtime import Device
from tests.training.network import tiny_movenet
from tests.training.network.test_distill import pool
from training.network import export_tflite, trunk_student
from training.network.distill import Training
from training.network.movenet import MoveNet
from training.network.student import HEADS, Preset
from training.network.student_files import load_student, save_student
from training.network.student_network import StudentNetwork
from training.network.tfjs import read_graph
from training.network.trunk_student import FROZEN, TrunkStudent, new_student
from training.run_folder import RunFolder

SMALL = Preset("trunk", (128, 128), (), (), (24, 24, 16), 64, 4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_movenet.write(tmp_path_factory.mktemp("movenet"))


@pytest.fixture
def student(weights: Path) -> TrunkStudent:
    torch.manual_seed(0)
    return TrunkStudent(SMALL, MoveNet(read_graph(weights).convolutions))


def test_only_the_way_up_learns(student: TrunkStudent, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in student.state_dict().items()}
    made = Training(student, RunFolder(tmp_path), 0.2)
    made.run(pool(4), [], lambda progress: None, lambda: made.seen >= 4)
    after = made.result().state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert not [name for name in changed if name.startswith(FROZEN)]
    learnt = {name for name, _ in student.named_parameters() if not name.startswith(FROZEN)}
    assert learnt <= changed


def test_the_trunk_is_not_kept_beside_the_network(
    student: TrunkStudent, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trunk_student, "find_teacher", lambda name: weights)
    monkeypatch.setitem(trunk_student.PRESETS, "trunk", SMALL)
    path = tmp_path / "student.safetensors"
    save_student(student, path)
    assert not [name for name in load_file(path) if name.startswith(FROZEN)]
    x = torch.randn(1, 3, 64, 64)
    loaded = load_student(path)
    with torch.inference_mode():
        ours, theirs = student.eval()(x), loaded.eval()(x)
    for name in HEADS:
        torch.testing.assert_close(theirs[name], ours[name], atol=0.1, rtol=0.05)


def test_without_the_trunk_one_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="models fetch movenet-multipose"):
        new_student("trunk")
    assert teachers.named(trunk_student.TRUNK) is not None


@pytest.mark.slow
def test_the_file_answers_as_the_network_does(student: TrunkStudent, tmp_path: Path) -> None:
    pytest.importorskip("litert_torch")
    for head in student.heads.values():
        torch.nn.init.normal_(head.weight, std=0.1)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (128, 128, 3), np.uint8) for _ in range(6)]
    path = tmp_path / "student.tflite"
    export_tflite.export(student.eval(), pictures, path)
    network = Network.open(path, Device("cpu"))
    assert network.info.fixed_size == (128, 128)
    ours, theirs = network.infer(pictures[0])[0], StudentNetwork(student).heads(pictures[0])
    for name in ("segments", "heatmaps", "short_offsets"):
        real, found = getattr(theirs, name).values, getattr(ours, name).dequantised()
        assert np.abs(found - real).mean() < 0.2 * np.abs(real).mean() + 1e-2, name


def test_a_file_that_enlarges_linearly_is_made_for_another_size(tmp_path: Path) -> None:
    """As MoveNet's pyramid does: the runtime cannot change that by itself."""
    pytest.importorskip("litert_torch")

    class Enlarging(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            low = torch.nn.functional.avg_pool2d(x, 2)
            return x + torch.nn.functional.interpolate(low, scale_factor=2.0, mode="bilinear")

    path = tmp_path / "float.tflite"
    export_tflite._convert(Enlarging(), (128, 128, 3), 1, path)
    path.write_bytes(for_input_size(path.read_bytes(), (128, 128), (128, 96)))
    given = np.random.default_rng(0).uniform(-1, 1, (1, 96, 128, 3)).astype(np.float32)
    export_tflite._check_converted(Enlarging(), path, given)


def test_more_than_ten_outputs_keep_their_order(tmp_path: Path) -> None:
    pytest.importorskip("litert_torch")

    class Many(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(x * float(number + 1) for number in range(12))

    path = tmp_path / "many.tflite"
    given = np.random.default_rng(0).random((1, 4, 4, 3), np.float32)
    export_tflite._convert(Many(), (4, 4, 3), 12, path)
    export_tflite._check_converted(Many(), path, given)
