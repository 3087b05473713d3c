"""A generator as an int8 TFLite file: a quarter of the float network's time on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.runtime import CPU, make_interpreter
from transfer.errors import TransferError
from transfer.performers.condition import CHANNELS, LIMBS, PARTS, PREVIOUS, Drawn, Ingredients

THREADS = 2

Layer = NDArray[np.float32]


class Int8Generator:
    """Renders layers, as `GanPerformer.render` does, without PyTorch."""

    def __init__(self, path: Path, size: int, ingredients: Ingredients) -> None:
        """`TransferError` when the file is not a generator of this size."""
        try:
            self._interpreter: Any = make_interpreter(path.read_bytes(), CPU, THREADS)
        except OSError as error:
            raise TransferError(f"{path} cannot be read: {error}") from error
        self._interpreter.allocate_tensors()
        [input_detail], [output] = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        wanted = ([1, size, size, CHANNELS], [1, size, size, PREVIOUS])
        if (list(input_detail["shape"]), list(output["shape"])) != wanted:
            raise TransferError(f"{path} is no generator of {size} pixels: export it again.")
        self._given, self._output = input_detail, output
        self._ingredients = ingredients
        levels = np.arange(256) / 255
        self._levels = self._quantised(levels)
        zero, one = self._quantised(np.array([0.0, 1.0]))
        labels = np.arange(256)[:, None]
        shown = (np.arange(CHANNELS) == labels) & (np.arange(CHANNELS) < PARTS)
        self._pixels = np.where(shown & ingredients.parts, one, zero)
        """All channels of a pixel, by its label."""

    def render(self, drawn: Drawn, previous: Layer) -> Layer:
        """RGB weighted by alpha, and alpha, `[S, S, 4]`, 0..1."""
        x = np.take(self._pixels, drawn.parts, axis=0)
        if self._ingredients.pose:
            x[..., PARTS : PARTS + LIMBS] = self._levels[drawn.limbs]
        if self._ingredients.previous and previous.any():
            x[..., -PREVIOUS:] = self._quantised(previous)
        self._interpreter.set_tensor(self._given["index"], x[None])
        self._interpreter.invoke()
        output = self._interpreter.get_tensor(self._output["index"])[0]
        layer: Layer = output.astype(np.float32)
        if output.dtype != np.float32:
            scale, zero_point = self._output["quantization"]
            layer = (layer - np.float32(zero_point)) * np.float32(scale)
        alpha = cv2.merge([layer[..., 3]] * 3)
        layer[..., :3] *= alpha
        return layer

    def _quantised(self, values: NDArray[Any]) -> NDArray[Any]:
        """As the file takes them; one whose ends stayed in float takes them as they are."""
        if self._given["dtype"] == np.float32:
            return values.astype(np.float32)
        scale, zero_point = self._given["quantization"]
        return np.asarray((values / scale + zero_point).round().clip(-128, 127), np.int8)
