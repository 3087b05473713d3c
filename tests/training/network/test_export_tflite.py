"""The exported file: int8, the Edge TPU's rules, the same answers as the float network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.flatbuffer import for_input_size
from inference.network import Network
from inference.runtime import Device
from tests.inference import tiny_network
from training.errors import TrainingError
from training.network import export_tflite
from training.network.export_tflite import compile_for_edge_tpu, edge_tpu_problems, export
from training.network.student import HEADS, Preset, Student
from training.network.student_network import StudentNetwork
from transfer.performers.layers import Up, doubled

SMALL = Preset("tiny", (128, 96), (8, 12, 16, 24, 32), (0, 1, 1, 0), (16, 16, 12))


@pytest.fixture(scope="module")
def student() -> Student:
    torch.manual_seed(2)
    made = Student(SMALL)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
            module.running_mean = torch.randn_like(module.running_mean) * 0.1
            module.running_var = torch.rand_like(module.running_var) + 0.5
    for head in made.heads.values():
        torch.nn.init.normal_(head.weight, std=0.1)
    return made.eval()


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (96, 128, 3), np.uint8) for _ in range(8)]


@pytest.fixture(scope="module")
def converter() -> None:
    """Skips where it cannot be installed: litert-torch has no packages for Windows."""
    pytest.importorskip("litert_torch")


@pytest.fixture(scope="module")
def exported(
    converter: None,
    student: Student,
    pictures: list[np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("export") / "student.tflite"
    export(student, pictures, path)
    return path


def test_the_file_answers_as_the_float_network_does(
    student: Student, pictures: list[np.ndarray], exported: Path
) -> None:
    network = Network.open(exported, Device("cpu"))
    assert network.info.fixed_size == (128, 96)
    assert (network.info.stride, network.info.body_stride) == (8, 4)
    assert network.info.has_parts
    for rgb in pictures[:3]:
        ours, _ = network.infer(rgb)
        theirs = StudentNetwork(student).heads(rgb)
        assert ours.placement == theirs.placement
        assert ours.body_stride == theirs.body_stride
        for name in HEADS:
            real = getattr(theirs, name).values
            found = getattr(ours, name).dequantised()
            assert found.shape == real.shape
            assert np.abs(found - real).mean() < 0.12 * np.abs(real).mean() + 1e-3, name


@pytest.mark.usefixtures("converter")
def test_every_convolution_keeps_its_own_weights(tmp_path: Path) -> None:
    """The converter takes one weight for another when they are not contiguous."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(16, 16, 3, padding=1) for _ in range(12)]
    network = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last).eval()
    given = np.random.default_rng(0).random((1, 8, 8, 16), np.float32)
    path = tmp_path / "float.tflite"
    export_tflite._convert(network, (8, 8, 16), 1, path)
    export_tflite._check_converted(network, path, given)
    torch.nn.init.normal_(layers[5].weight)
    with pytest.raises(TrainingError, match="another network"):
        export_tflite._check_converted(network, path, given)


@pytest.mark.usefixtures("converter")
@pytest.mark.parametrize("rows", [96, 112])
def test_made_for_another_size_a_file_answers_as_pytorch_does(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Also where the coarsest stage would have half a row."""
    network, path = export_tflite._Folded(student), tmp_path / "float.tflite"
    export_tflite._convert(network, (128, 128, 3), len(HEADS), path)
    path.write_bytes(for_input_size(path.read_bytes(), (128, 128), (128, rows)))

    def cut(up: Up, below: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
        raised = doubled(up.below(below))[:, :, : beside.shape[2]]
        return up.mix(torch.relu(raised + up.beside(beside)))

    monkeypatch.setattr(Up, "forward", cut)
    given = np.random.default_rng(0).uniform(-1, 1, (1, rows, 128, 3)).astype(np.float32)
    export_tflite._check_converted(network, path, given)


def test_the_file_keeps_the_rules_of_the_edge_tpu(exported: Path) -> None:
    assert edge_tpu_problems(exported.read_bytes()) == []


def test_breaking_the_rules_is_named() -> None:
    problems = edge_tpu_problems(tiny_network.build(fixed=True))
    assert any("is not quantised" in problem for problem in problems)


def test_without_its_packages_the_exporter_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"litert_torch.*requirements-export\.txt"):
        export_tflite.require_packages()


def test_without_the_compiler_it_says_how_to_get_it(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(exported.parent))
    assert "edgetpu_compiler is not installed" in compile_for_edge_tpu(exported)


def test_the_compiler_is_run_where_it_is_installed(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text(
        '#!/bin/sh\nfor last; do :; done\ncp "$last" "${last%.tflite}_edgetpu.tflite"\n'
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "is ready for the Edge TPU" in compile_for_edge_tpu(exported)
    assert exported.with_name("student_edgetpu.tflite").is_file()
