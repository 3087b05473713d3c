"""From a trained network to a fully int8 TFLite file.

The heavy packages this needs are in `requirements-export.txt` alone.
"""

from __future__ import annotations

import copy
import importlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import Tensor, nn

from capture.files import write_whole
from inference.arrays import Rgb
from inference.export_packages import PACKAGES, missing_packages
from training.errors import TrainingError
from training.network.student import HEADS, SCALES, Student
from transfer.performers.layers import fold_batch_norms

EDGE_TPU_OPERATORS = frozenset(
    {
        "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "QUANTIZE", "RELU",
        "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SOFTMAX",
        "SPLIT", "STRIDED_SLICE", "SUB", "SUM", "TANH",
    }
)  # fmt: skip
"""Operators that the Edge TPU compiler maps to the device (coral.ai, "TensorFlow models on the
Edge TPU", table 1; those that a segmentation network may use)."""


CONVERTED_AWAY = 1e-3
"""Of an answer's size: what float arithmetic in another order may change."""


def require_packages(packages: Sequence[str] = PACKAGES) -> None:
    """Raise `TrainingError` at once when an exporter's packages are missing."""
    if sentence := missing_packages(packages):
        raise TrainingError(sentence)


class _Folded(nn.Module):
    """The student for export: BatchNorm folded, offsets' scales folded, a tuple of heads."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = _fold(student)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        heads = self.student(x)
        return tuple(heads[name] for name in HEADS)


def _fold(student: Student) -> Student:
    """A copy in evaluation mode whose BatchNorms and offset scales are in the convolutions."""
    folded = copy.deepcopy(student).eval()
    fold_batch_norms(folded)
    with torch.no_grad():
        for name, scale in SCALES.items():
            head = folded.heads[name]
            assert isinstance(head, nn.Conv2d)
            assert head.bias is not None
            head.weight *= scale
            head.bias *= scale
    folded.scales = {}
    return folded


def export(student: Student, pictures: Sequence[Rgb], target: Path) -> None:
    """Write `target`, int8 in and out, NHWC, static size.

    Args:
        student: trained; its preset says the input's size.
        pictures: some hundred training pictures of that size, uint8 `[H, W, 3]`: ranges of all
            activations are taken from them.
        target: ends in `.tflite`; whole or not at all.

    Raises:
        TrainingError: packages are missing, or the file would not run on an Edge TPU.
    """
    width, height = student.preset.input_size
    inputs = [_as_input(rgb)[None] for rgb in pictures]
    content = quantised(_Folded(student), (height, width, 3), len(HEADS), inputs)
    if problems := edge_tpu_problems(content):
        raise TrainingError(f"The network does not keep the Edge TPU's rules: {problems[0]}")
    write_whole(target, content)


def quantised(
    network: nn.Module,
    shape: tuple[int, int, int],
    outputs: int,
    inputs: Sequence[NDArray[np.float32]],
    ends_in_float: tuple[str, ...] = (),
) -> bytes:
    """A network as an int8 TFLite file.

    Args:
        network: in evaluation mode, one `[1, C, H, W]` in, a tensor or a tuple of them out.
        shape: H, W, C.
        outputs: how many.
        inputs: real ones `[1, H, W, C]`: ranges of all activations are taken from them.
        ends_in_float: names of the network's first and last layers when these, input and output
            are to stay in float.

    Raises:
        TrainingError: packages are missing, or the file does not draw as the network does.
    """
    require_packages()
    from ai_edge_quantizer import quantizer, recipe

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.tflite"
        _convert(network, shape, outputs, path)
        _check_converted(network, path, inputs[0])
        engine = quantizer.Quantizer(str(path))
        engine.load_quantization_recipe(recipe.static_wi8_ai8())
        if ends_in_float:
            _leave_in_float(engine, ends_in_float)
        name = _input_name(path)
        calibrated = engine.calibrate({"serving_default": [{name: one} for one in inputs]})
        written = Path(folder) / "int8.tflite"
        engine.quantize(calibrated).export_model(str(written))
        return written.read_bytes()


def _convert(network: nn.Module, shape: tuple[int, int, int], outputs: int, path: Path) -> None:
    """Write a network as a float file."""
    converter: Any = importlib.import_module("litert_torch")
    # The converter takes a copy of each weight that is not contiguous, tells weights apart by their
    # address and frees the copy: the next one may get the address, and then the former's values
    # (github.com/google-ai-edge/litert-torch, issue 1061).
    network = network.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    module = converter.to_channel_last_io(network, args=[0], outputs=list(range(outputs)))
    converter.convert(module.eval(), (torch.zeros(1, *shape),)).export(str(path))


def _check_converted(network: nn.Module, path: Path, given: NDArray[np.float32]) -> None:
    """Raise `TrainingError` when the float file does not answer as the network does."""
    with torch.no_grad():
        answer = network(torch.from_numpy(given).permute(0, 3, 1, 2))
    wanted = answer if isinstance(answer, tuple) else (answer,)
    made = _signature(path)(**{_input_name(path): given})
    found = [made[name] for name in sorted(made, key=_number)]
    for one, other in zip(wanted, found, strict=True):
        away = np.abs(one.permute(0, 2, 3, 1).numpy() - other).max()
        if away > CONVERTED_AWAY * max(1.0, float(one.abs().max())):
            raise TrainingError(
                "The converter made another network of it than PyTorch has; nothing was written. "
                "Try once more, with the packages that requirements-export.txt pins."
            )


def _number(output: str) -> int:
    """Of `output_10`, which comes after `output_9`."""
    return int(output.rpartition("_")[2])


def _leave_in_float(engine: Any, names: Sequence[str]) -> None:
    """Tell the quantizer; it knows an operator by the name of the tensor that it makes."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    # A module `stem` makes tensors named `.../Sequential_stem/...`, the last one is the output.
    for pattern in (*(f"_{name}(/|;)" for name in names), "^serving_default_"):
        engine.update_quantization_recipe(pattern, everything, None, AlgorithmName.NO_QUANTIZE)
    for ends in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        engine.update_quantization_recipe(".*", ends, None, AlgorithmName.NO_QUANTIZE)


def _as_input(rgb: Rgb) -> Any:
    return (rgb.astype(np.float32) - 128) / 128


def _signature(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter
    return interpreter(str(path)).get_signature_runner("serving_default")


def _input_name(path: Path) -> str:
    return str(next(iter(_signature(path).get_input_details())))


def edge_tpu_problems(model: bytes) -> list[str]:
    """What the Edge TPU compiler would not take, a sentence each; empty when all is well."""
    root = schema.Model.GetRootAs(model)  # type: ignore[no-untyped-call]
    problems = []
    if root.SubgraphsLength() != 1:
        problems.append(f"it has {root.SubgraphsLength()} subgraphs, not one.")
    graph = root.Subgraphs(0)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = root.OperatorCodes(operator.OpcodeIndex())
        name = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "?")
        if name not in EDGE_TPU_OPERATORS:
            problems.append(f"operator {index} is {name}, which it does not know.")
    int8 = (schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT32)
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        if tensor.Type() not in int8:
            problems.append(f"tensor {tensor.Name().decode()} is not quantised.")
        if tensor.ShapeSignatureLength() and min(tensor.ShapeSignatureAsNumpy()) < 0:
            problems.append(f"tensor {tensor.Name().decode()} has no fixed size.")
    return problems


def compile_for_edge_tpu(path: Path) -> str:
    """Run `edgetpu_compiler` when it is installed; a sentence about what came of it."""
    compiler = shutil.which("edgetpu_compiler")
    if compiler is None:
        return (
            "edgetpu_compiler is not installed (Debian package edgetpu-compiler of "
            "coral.ai/software, x86-64 Linux); the file runs on CPUs as it is."
        )
    command = [compiler, "--show_operations", "--out_dir", str(path.parent), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"edgetpu_compiler refused {path.name}: {done.stdout.strip()[-500:]}"
    return f"{path.stem}_edgetpu.tflite is ready for the Edge TPU."
