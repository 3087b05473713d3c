"""The mending network as an int8 TFLite file: quick on CPUs, and without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.flatbuffer import for_input_size
from inference.runtime import CPU, make_interpreter
from transfer.errors import TransferError
from transfer.performers.condition import PARTS
from transfer.performers.warp.mending import (
    ALPHA,
    CHANNELS,
    SIZE,
    Floats,
    Mended,
    MendingInput,
    mended_of,
)

THREADS = 2
OUTPUTS = 5
WIDTHS = (SIZE // 2, SIZE * 3 // 4, SIZE)
"""Columns that a network looks at: who stands upright needs half of them, in half the time."""
ROOM = 16
"""Empty columns on both sides of the dancer, at least: where a picture ends is seen by networks."""


class Int8Mender:
    """Mends as `network.FloatMender` does, where the dancer is."""

    def __init__(self, path: Path) -> None:
        """`TransferError` when the file is no mending network of this version."""
        try:
            model = path.read_bytes()
            interpreter = make_interpreter(model, CPU, THREADS)
        except OSError as error:
            raise TransferError(f"{path} cannot be read: {error}") from error
        interpreter.allocate_tensors()
        [self._given] = interpreter.get_input_details()
        [self._output] = interpreter.get_output_details()
        shapes = list(self._given["shape"]), list(self._output["shape"])
        if shapes != ([1, SIZE, SIZE, CHANNELS], [1, SIZE, SIZE, OUTPUTS]):
            raise TransferError(f"{path} is no mending network of this version: export it again.")
        self._interpreters: dict[int, Any] = {SIZE: interpreter}
        for width in WIDTHS[:-1]:
            narrow = for_input_size(model, (SIZE, SIZE), (width, SIZE))
            self._interpreters[width] = made = make_interpreter(narrow, CPU, THREADS)
            made.allocate_tensors()
        self._levels = self._quantised(np.arange(256) / 255)
        zero, one = self._quantised(np.array([0.0, 1.0]))
        shown = np.arange(CHANNELS) == np.arange(256)[:, None]
        self._pixels = np.where(shown & (np.arange(CHANNELS) < PARTS), one, zero)
        """All channels of a pixel, by its label."""
        codes = np.arange(256).astype(np.uint8).view(np.int8).astype(np.float32)
        scale, zero_point = self._output["quantization"]
        self._answers = (codes - np.float32(zero_point)) * np.float32(scale)
        """Of an int8 file: what each of its answers means, by its bits."""

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture of `SIZE`; beyond the columns looked at nobody is."""
        alpha = np.ascontiguousarray(inputs.planes[..., ALPHA])
        left, _, used, _ = cv2.boundingRect(cv2.max(inputs.parts, alpha))
        width = next((one for one in WIDTHS if one >= used + 2 * ROOM), SIZE)
        first = min(max(0, left - (width - used) // 2), SIZE - width)
        columns = slice(first, first + width)
        looked_at = MendingInput(inputs.parts[:, columns], inputs.planes[:, columns])
        there = mended_of(self._corrections(looked_at), looked_at)
        if width == SIZE:
            return there
        made = Mended(
            np.zeros((SIZE, SIZE, 3), np.uint8),
            np.zeros((SIZE, SIZE), np.float32),
            np.zeros((SIZE, SIZE), np.float32),
        )
        made.colour[:, columns] = there.colour
        made.share[:, columns] = there.share
        made.alpha[:, columns] = there.alpha
        return made

    def _corrections(self, inputs: MendingInput) -> Floats:
        """`[S, W, 5]`, of one of the `WIDTHS`."""
        x = np.take(self._pixels, inputs.parts, axis=0)
        if self._levels.dtype == np.int8:  # OpenCV's tables are several times as quick.
            x[..., PARTS:] = cv2.LUT(inputs.planes, self._levels.view(np.uint8)).view(np.int8)
        else:
            x[..., PARTS:] = self._levels[inputs.planes]
        interpreter = self._interpreters[inputs.parts.shape[1]]
        interpreter.set_tensor(self._given["index"], x[None])
        interpreter.invoke()
        made = interpreter.get_tensor(self._output["index"])[0]
        if made.dtype == np.int8:
            made = cv2.LUT(made.view(np.uint8), self._answers)
        return np.asarray(made, np.float32)

    def _quantised(self, values: NDArray[Any]) -> NDArray[Any]:
        """As the file takes them; one whose ends stayed in float takes them as they are."""
        if self._given["dtype"] == np.float32:
            return values.astype(np.float32)
        scale, zero_point = self._given["quantization"]
        return np.asarray((values / scale + zero_point).round().clip(-128, 127), np.int8)
