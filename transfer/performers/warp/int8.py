"""The mending network as an int8 TFLite file: quick on CPUs, and without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.runtime import CPU, make_interpreter
from transfer.errors import TransferError
from transfer.performers.condition import PARTS
from transfer.performers.warp.mending import CHANNELS, SIZE, Mended, MendingInput, mended_of

THREADS = 2
OUTPUTS = 5


class Int8Mender:
    """Mends as `network.FloatMender` does."""

    def __init__(self, path: Path) -> None:
        """`TransferError` when the file is no mending network of this version."""
        try:
            self._interpreter: Any = make_interpreter(path.read_bytes(), CPU, THREADS)
        except OSError as error:
            raise TransferError(f"{path} cannot be read: {error}") from error
        self._interpreter.allocate_tensors()
        [self._given] = self._interpreter.get_input_details()
        [self._output] = self._interpreter.get_output_details()
        shapes = list(self._given["shape"]), list(self._output["shape"])
        if shapes != ([1, SIZE, SIZE, CHANNELS], [1, SIZE, SIZE, OUTPUTS]):
            raise TransferError(f"{path} is no mending network of this version: export it again.")
        self._levels = self._quantised(np.arange(256) / 255)
        zero, one = self._quantised(np.array([0.0, 1.0]))
        shown = np.arange(CHANNELS) == np.arange(256)[:, None]
        self._pixels = np.where(shown & (np.arange(CHANNELS) < PARTS), one, zero)
        """All channels of a pixel, by its label."""

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture of `SIZE`."""
        x = np.take(self._pixels, inputs.parts, axis=0)
        if self._levels.dtype == np.int8:  # OpenCV's tables are several times as quick.
            x[..., PARTS:] = cv2.LUT(inputs.planes, self._levels.view(np.uint8)).view(np.int8)
        else:
            x[..., PARTS:] = self._levels[inputs.planes]
        self._interpreter.set_tensor(self._given["index"], x[None])
        self._interpreter.invoke()
        made = self._interpreter.get_tensor(self._output["index"])[0]
        corrections = made.astype(np.float32)
        if made.dtype != np.float32:
            scale, zero_point = self._output["quantization"]
            corrections = (corrections - np.float32(zero_point)) * np.float32(scale)
        return mended_of(corrections, inputs)

    def _quantised(self, values: NDArray[Any]) -> NDArray[Any]:
        """As the file takes them; one whose ends stayed in float takes them as they are."""
        if self._given["dtype"] == np.float32:
            return values.astype(np.float32)
        scale, zero_point = self._given["quantization"]
        return np.asarray((values / scale + zero_point).round().clip(-128, 127), np.int8)
