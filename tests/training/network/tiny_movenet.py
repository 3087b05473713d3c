"""A file as MoveNet's publisher writes it, with random weights and narrow layers within."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from training.network.movenet import HEADS

OUTPUTS = (40, 40, 48, 48, 48, 96, 96, 96, 96, 144, 144, 144, 240, 240, 240, 480)
STRIDES = (2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
WITHIN = 8
PREFIX = "Part/center_net/model_1"


def write(
    folder: Path, name: str = "movenet-multipose", heads: tuple[str, ...] = tuple(HEADS)
) -> Path:
    """`NAME.json` and `NAME.bin`; the path of the first."""
    made = _Writer()
    made.dense("model/Conv1/Conv2D", 3, 48, 3, 2)
    made.deep("model/expanded_conv_depthwise/depthwise", 48, 1)
    made.dense("model/expanded_conv_project/Conv2D", 48, 24)
    width = 24
    for number, (outputs, stride) in enumerate(zip(OUTPUTS, STRIDES, strict=True), 1):
        made.dense(f"model/block_{number}_expand/Conv2D", width, WITHIN)
        made.deep(f"model/block_{number}_depthwise/depthwise", WITHIN, stride)
        made.dense(f"model/block_{number}_project/Conv2D", WITHIN, outputs)
        width = outputs
        if number == 2:  # The exporter writes what is beside the way up where it pleases.
            made.dense("conv2d_3/Conv2D/ReadVariableOp", 40, 24)
    made.dense("conv2d_1/Conv2D/ReadVariableOp", 96, 64)
    made.dense("conv2d_2/Conv2D/ReadVariableOp", 48, 32)
    made.dense("model/Conv_1/Conv2D", 480, WITHIN)
    made.dense("conv2d/Conv2D/ReadVariableOp", WITHIN, 64)
    for number, (inputs, outputs) in enumerate(((64, 32), (32, 24), (24, 24))):
        made.deep(f"separable_conv2d_{number}/a", inputs, 1, bias=False)
        made.dense(f"separable_conv2d_{number}/b", inputs, outputs)
    for head in heads:
        place = f"Part/{head}_0"
        made.deep("separable/a", 24, 1, bias=False, place=place)
        made.dense("separable/b", 24, 96, place=place)
        made.dense("conv2d/c", 96, HEADS[head], place=place)
    if name.endswith("thunder"):
        made.weight("Part/truediv_2_recip", np.ones((64, 64, 1), np.float32))
    return made.write(folder, name)


class _Writer:
    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._nodes: list[dict[str, Any]] = []
        self._weights: list[dict[str, Any]] = []
        self._data = b""

    def weight(self, name: str, values: np.ndarray) -> str:
        entry = {"name": name, "shape": list(values.shape), "dtype": "float32"}
        self._weights.append(
            entry | {"quantization": {"dtype": "float16", "original_dtype": "float32"}}
        )
        self._data += values.astype("<f2").tobytes()
        return name

    def dense(
        self, name: str, inputs: int, outputs: int, size: int = 1, stride: int = 1,
        place: str = PREFIX,
    ) -> None:  # fmt: skip
        spread = (2 / (size * size * inputs)) ** 0.5
        kernel = self._random.normal(0, spread, (size, size, inputs, outputs))
        self._node("_FusedConv2D", f"{place}/{name}", kernel, outputs, stride)

    def deep(
        self, name: str, channels: int, stride: int, bias: bool = True, place: str = PREFIX
    ) -> None:
        kernel = self._random.normal(0, 0.4, (3, 3, channels, 1))
        kind = "FusedDepthwiseConv2dNative" if bias else "DepthwiseConv2dNative"
        self._node(kind, f"{place}/{name}", kernel, channels if bias else 0, stride)

    def _node(self, kind: str, name: str, kernel: np.ndarray, biases: int, stride: int) -> None:
        inputs = ["before", self.weight(f"{name}_weights", kernel)]
        if biases:
            inputs.append(self.weight(f"{name}_bias", self._random.normal(0, 0.1, biases)))
        strides = {"strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}}}
        self._nodes.append({"name": name, "op": kind, "input": inputs, "attr": strides})

    def write(self, folder: Path, name: str) -> Path:
        model = {
            "modelTopology": {"node": self._nodes},
            "weightsManifest": [{"paths": [f"{name}.bin"], "weights": self._weights}],
        }
        (folder / f"{name}.bin").write_bytes(self._data)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(model))
        return path
