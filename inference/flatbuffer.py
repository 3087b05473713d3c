"""TFLite files changed in memory: without Coral's decoder, or for pictures of another size.

Coral's `_decoder` files end in `PosenetDecoderOp`, a custom operator that plain TFLite does not
know. Its inputs are the network's pose heads, which is what we want: our own decoder does the rest.
Files are patched in place rather than packed anew, so weights keep their alignment. Layout:
TensorFlow Lite's `schema.fbs` (tables Model, SubGraph, Operator, OperatorCode).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from inference.errors import ModelError

DECODER_OPERATOR = "PosenetDecoderOp"
"""Coral's custom operator: heads in, poses out."""

EDGETPU_OPERATOR = "edgetpu-custom-op"
"""What Coral's compiler folds a network into; only an Edge TPU runs it."""

PICTURE_AXES = 4
"""One, height, width, channels."""

_ENLARGING = (
    schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR,
    schema.BuiltinOperator.RESIZE_BILINEAR,
)
_HALF_PIXEL_CENTERS_FIELD = 6
_OUTPUTS_FIELD = 8
_OPERATORS_FIELD = 10


def custom_operators(model: bytes) -> list[str]:
    """Names of the custom operators that a TFLite file declares; ModelError when unreadable."""
    with _readable():
        root = _root(model)
        codes = [root.OperatorCodes(index) for index in range(root.OperatorCodesLength())]
        return [code.CustomCode().decode("utf-8", "replace") for code in codes if code.CustomCode()]


def cut_custom_decoder(model: bytes) -> bytes:
    """Return the TFLite file with its final `PosenetDecoderOp` cut off.

    The operator's inputs (heatmaps, short, mid and, with several parts, long offsets) become
    outputs, followed by those outputs of the file that the operator did not make (segments and
    part heatmaps). A file without the operator comes back as it is. Works for `_edgetpu` files
    too: their `edgetpu-custom-op` stays.

    Raises:
        ModelError: the bytes are no TFLite file, or a damaged one.
    """
    with _readable():
        root = _root(model)
        graph = root.Subgraphs(0)
        last = graph.Operators(graph.OperatorsLength() - 1)
        name = root.OperatorCodes(last.OpcodeIndex()).CustomCode()
        if name != DECODER_OPERATOR.encode():
            return model
        made = {last.Outputs(index) for index in range(last.OutputsLength())}
        outputs = [last.Inputs(index) for index in range(last.InputsLength())]
        kept = [graph.Outputs(index) for index in range(graph.OutputsLength())]
        outputs += [tensor for tensor in kept if tensor not in made]
        return _patched(model, graph, outputs)


def for_input_size(model: bytes, size: tuple[int, int], wanted: tuple[int, int]) -> bytes:
    """The TFLite file of a convolutional network for pictures of another size.

    The runtime cannot resize the input of a file that enlarges to sizes that are constants in it:
    here they change as well.

    Args:
        model: takes pictures of `size` (width, height).
        wanted: width and height in which every stride of the network goes a whole number of times.

    Raises:
        ModelError: the bytes are no TFLite file, or a damaged one.
    """
    patched = bytearray(model)
    with _readable():
        root = _root(patched)
        graph = root.Subgraphs(0)
        operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
        made = {int(graph.Inputs(0))}.union(*(one.OutputsAsNumpy().tolist() for one in operators))
        sizes = [graph.Tensors(tensor).ShapeAsNumpy() for tensor in made]
        sizes = [shape[1:3] for shape in sizes if len(shape) == PICTURE_AXES]
        for operator in operators:
            code = root.OperatorCodes(operator.OpcodeIndex())
            kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            if kind in _ENLARGING:
                buffer = root.Buffers(graph.Tensors(operator.Inputs(1)).Buffer())
                sizes.append(_constant(patched, buffer))
            if kind == schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR:
                _round_down(patched, operator.BuiltinOptions())
        # Several tensors may share one list of sides.
        for sides in {sides.ctypes.data: sides for sides in sizes}.values():
            sides *= np.array(wanted[::-1], np.int32)
            sides //= np.array(size[::-1], np.int32)
    return bytes(patched)


def _round_down(file: bytearray, options: Any) -> None:
    """Let an enlarging by nearest neighbours take cell `i // 2` for cell `i`.

    Twice as many cells are made like this either way; one fewer, where the coarser grid had half a
    cell, only without half pixels.
    """
    if options is not None and (field := options.Offset(_HALF_PIXEL_CENTERS_FIELD)):
        file[options.Pos + field] = 0


def _constant(file: bytearray, buffer: Any) -> NDArray[np.int32]:
    """A view of two whole numbers, which lie in the buffer or, named by it, behind all of them."""
    if buffer.DataLength():
        return np.asarray(buffer.DataAsNumpy().view(np.int32))
    return np.frombuffer(file, np.int32, 2, buffer.Offset())


def _patched(model: bytes, graph: Any, outputs: list[int]) -> bytes:
    """The file with one operator fewer and `outputs` (tensor indices) as the graph's outputs."""
    table = graph._tab
    operators_length = table.Vector(table.Offset(_OPERATORS_FIELD)) - 4
    outputs_field = table.Pos + table.Offset(_OUTPUTS_FIELD)
    # Offsets in a flatbuffer point forwards, so a new vector goes to the end, 4-byte aligned.
    patched = bytearray(model) + bytes(-len(model) % 4)
    struct.pack_into("<I", patched, operators_length, graph.OperatorsLength() - 1)
    struct.pack_into("<I", patched, outputs_field, len(patched) - outputs_field)
    patched += struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs)
    return bytes(patched)


def _root(model: bytes | bytearray) -> Any:
    if model[4:8] != b"TFL3":
        raise ModelError("This is not a TFLite file: use a BodyPix-like network ending in .tflite.")
    root: Any = schema.Model.GetRootAs(model)  # type: ignore[no-untyped-call]
    if root.SubgraphsLength() < 1 or root.Subgraphs(0).OperatorsLength() < 1:
        raise IndexError("the file holds no network")
    return root


@contextmanager
def _readable() -> Iterator[None]:
    """Turn whatever reading a damaged flatbuffer raises into a sentence."""
    try:
        yield
    except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
        raise ModelError("The TFLite file is damaged or cut short: fetch it again.") from error
