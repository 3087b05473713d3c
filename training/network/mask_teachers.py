"""Teachers of masks: U-2-Net sees what stands out, MediaPipe's selfie network sees people.

Pictures are uint8 `[H, W, 3]` RGB; answers float32 `[H, W]`, 0..1.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb
from inference.runtime import Device, make_interpreter
from inference.teachers import find_teacher
from training.network.labelled import UNKNOWN

SURELY, SURELY_NOT = 0.6, 0.3
"""Probabilities beyond which all teachers must be for a pixel to be known."""

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
"""Of ImageNet's colours, which U-2-Net was trained with."""
_U2NET_SIDE, _SELFIE_SIDE = 320, 256

Probability = NDArray[np.float32]


class MaskTeacher(Protocol):
    """Whoever knows where somebody is."""

    def mask(self, rgb: Rgb) -> Probability:
        """Probability that somebody is there."""


class U2Net:
    """Qin and others, "U2-Net", Pattern Recognition 2020; `ModelError` without its file."""

    def __init__(self, threads: int = 2) -> None:
        runtime: Any = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(
            str(find_teacher("u2net")), options, providers=["CPUExecutionProvider"]
        )

    def mask(self, rgb: Rgb) -> Probability:
        """How much it stands out, stretched to 0..1."""
        small = cv2.resize(rgb, (_U2NET_SIDE, _U2NET_SIDE), interpolation=cv2.INTER_AREA)
        colours = (small / np.float32(max(small.max(), 1)) - _MEAN) / _SPREAD
        given = {self._session.get_inputs()[0].name: colours.transpose(2, 0, 1)[None]}
        answer = self._session.run([self._session.get_outputs()[0].name], given)[0][0, 0]
        low, high = float(answer.min()), float(answer.max())
        stretched = (answer - low) / max(high - low, 1e-6)
        return np.asarray(cv2.resize(stretched, (rgb.shape[1], rgb.shape[0])), np.float32)


class Selfie:
    """MediaPipe's selfie segmentation, general model; `ModelError` when its file is not here."""

    def __init__(self, threads: int = 2) -> None:
        content = find_teacher("selfie").read_bytes()
        self._interpreter = make_interpreter(content, Device("cpu"), threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def mask(self, rgb: Rgb) -> Probability:
        """Probability of a person."""
        size = (_SELFIE_SIDE, _SELFIE_SIDE)
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        self._interpreter.set_tensor(self._input, small[None])
        self._interpreter.invoke()
        answer = self._interpreter.get_tensor(self._output)[0, :, :, 0]
        return np.asarray(cv2.resize(answer, (rgb.shape[1], rgb.shape[0])), np.float32)


def agreed(masks: Sequence[Probability]) -> Labels:
    """Where all say the same: uint8 `[H, W]`, 0 nobody, 1 somebody, `UNKNOWN` elsewhere."""
    least, most = np.minimum.reduce(list(masks)), np.maximum.reduce(list(masks))
    known = np.full(least.shape, UNKNOWN, np.uint8)
    known[least >= SURELY] = 1
    known[most <= SURELY_NOT] = 0
    return known
