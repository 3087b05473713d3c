"""TFLite files small enough to check by hand: one 1x1 convolution of the input per head.

Head `h` at cell (row, column) is `weights[h] @ (rgb[row * stride, column * stride] - 128) / 128`.
"""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

BODYPIX_HEADS: tuple[tuple[str, int], ...] = (
    ("heatmaps", 17),
    ("short_offsets", 34),
    ("mid_offsets", 64),
    ("segments", 1),
    ("part_heatmaps", 24),
    ("long_offsets", 34),
)
"""Names and channels in the order of Coral's files."""

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
}
_WEIGHT_SCALE = 1 / 64
_OUTPUT_SCALE = 1 / 16


def weights(index: int, channels: int) -> NDArray[np.int8]:
    """Integer weights `[channels, 3]` of the head at this place in the file."""
    return np.random.default_rng(index).integers(-127, 128, (channels, 3)).astype(np.int8)


def expected(rgb: NDArray[np.uint8], index: int, channels: int, stride: int) -> NDArray[np.float64]:
    """What the head must say about a picture of the input's size, in real numbers."""
    cells = (rgb[::stride, ::stride].astype(np.float64) - 128) / 128
    return cells @ (weights(index, channels).T * _WEIGHT_SCALE)


def build(
    heads: Sequence[tuple[str, int]] = BODYPIX_HEADS,
    dtype: str = "float32",
    size: tuple[int, int] = (65, 49),
    stride: int = 8,
    strides: dict[str, int] | None = None,
    fixed: bool = False,
) -> bytes:
    """A TFLite file with these heads (name, channels).

    `strides` overrides `stride` by name. `fixed` puts a reshape to `size` first, so that the input
    cannot have any other.
    """
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.outputs, graph.inputs = [], [], [], [0]
    buffers = [schema.BufferT()]
    quantised = dtype != "float32"

    def tensor(
        name: str, shape: list[int], kind: int, scale: float, data: NDArray[np.generic] | None
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, shape, kind, 0
        if quantised:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [0]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            buffers.append(buffer)
            made.buffer = len(buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    width, height = size
    tensor("picture", [1, height, width, 3], TYPES[dtype], 1 / 128, None)
    source = 0
    if fixed:
        shape = tensor("shape", [4], schema.TensorType.INT32, 1, np.int32([1, height, width, 3]))
        source = tensor("reshaped", [1, height, width, 3], TYPES[dtype], 1 / 128, None)
        reshape = schema.OperatorT()
        reshape.opcodeIndex, reshape.inputs, reshape.outputs = 1, [0, shape], [source]
        graph.operators.append(reshape)
    for index, (name, channels) in enumerate(heads):
        step = (strides or {}).get(name, stride)
        filters = weights(index, channels).reshape(channels, 1, 1, 3)
        bias = np.zeros(channels, np.int32)
        if not quantised:
            filters = filters.astype(np.float32) * np.float32(_WEIGHT_SCALE)
            bias = bias.astype(np.float32)
        bias_type = schema.TensorType.INT32 if quantised else schema.TensorType.FLOAT32
        rows, columns = (height - 1) // step + 1, (width - 1) // step + 1
        operator = schema.OperatorT()
        operator.opcodeIndex = 0
        operator.inputs = [
            source,
            tensor(f"w{index}", list(filters.shape), TYPES[dtype], _WEIGHT_SCALE, filters),
            tensor(f"b{index}", [channels], bias_type, _WEIGHT_SCALE / 128, bias),
        ]
        shape = [1, rows, columns, channels]
        operator.outputs = [tensor(name, shape, TYPES[dtype], _OUTPUT_SCALE, None)]
        operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        operator.builtinOptions = schema.Conv2DOptionsT()
        operator.builtinOptions.padding = schema.Padding.VALID
        operator.builtinOptions.strideW = operator.builtinOptions.strideH = step
        operator.builtinOptions.dilationWFactor = operator.builtinOptions.dilationHFactor = 1
        graph.operators.append(operator)
        graph.outputs.append(operator.outputs[0])

    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [], [graph]
    for builtin in (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.RESHAPE):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 3 if builtin == schema.BuiltinOperator.CONV_2D else 1
        model.operatorCodes.append(code)
    model.buffers = buffers
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
