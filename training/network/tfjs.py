"""Weights of convolutions out of a TensorFlow.js graph model: `NAME.json` and `NAME.bin`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

_BYTES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2"}
_DEPTHWISE = ("DepthwiseConv2dNative", "FusedDepthwiseConv2dNative")
_DENSE = ("Conv2D", "_FusedConv2D")


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution of the graph."""

    name: str
    """Its first weight's, which says where in the network it sits."""
    weight: NDArray[np.float32]
    """As PyTorch has it: `[outputs, inputs / groups, height, width]`."""
    bias: NDArray[np.float32] | None
    stride: int


@dataclass(frozen=True, slots=True)
class Graph:
    """What a model holds."""

    convolutions: list[Convolution]
    """In the order of the graph."""
    constants: dict[str, NDArray[Any]]
    """All weights and constants by name, as TensorFlow has them."""


def read_graph(path: Path) -> Graph:
    """A model's weights.

    Args:
        path: of the `.json`; the weights lie beside it under the same name, ending in `.bin`.

    Raises:
        TrainingError: a file is missing, damaged, or of another form.
    """
    try:
        model: dict[str, Any] = json.loads(path.read_bytes())
        weights = _weights(model, path.with_suffix(".bin").read_bytes())
        nodes = model["modelTopology"]["node"]
        found = [_of(node, weights) for node in nodes if node["op"] in (*_DENSE, *_DEPTHWISE)]
        return Graph(found, weights)
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise TrainingError(
            f"{path} is damaged or no TensorFlow.js graph model ({error!r}): fetch it again."
        ) from error


def _weights(model: dict[str, Any], data: bytes) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    at = 0
    (group,) = model["weightsManifest"]
    for entry in group["weights"]:
        stored = entry.get("quantization")
        kind = _BYTES[stored["dtype"] if stored else entry["dtype"]]
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(data, kind, count, at)
        at += values.nbytes
        if stored and "scale" in stored:
            values = values * np.float32(stored["scale"]) + np.float32(stored["min"])
        found[entry["name"]] = values.reshape(entry["shape"])
    return found


def _of(node: dict[str, Any], weights: dict[str, NDArray[Any]]) -> Convolution:
    _, kernel, *rest = node["input"]
    # Height, width, inputs, outputs; a depthwise one has its inputs' outputs, one each, last.
    axes = (2, 3, 0, 1) if node["op"] in _DEPTHWISE else (3, 2, 0, 1)
    weight = np.ascontiguousarray(weights[kernel].transpose(axes), np.float32)
    bias = np.asarray(weights[rest[0]], np.float32) if rest else None
    return Convolution(kernel, weight, bias, int(node["attr"]["strides"]["list"]["i"][1]))
