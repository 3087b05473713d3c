"""A student in PyTorch that is used as the live path uses a network: a frame in, heads out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inference.analysis import Head, Heads
from inference.arrays import Rgb
from inference.geometry import Placement
from training.network.student import BODY_STRIDE, HEADS, LARGEST_STRIDE, POSE_STRIDE, Student


def normalised(pictures: Tensor) -> Tensor:
    """uint8 `[N, H, W, 3]` to what a student takes, float32 `[N, 3, H, W]` in -1..1."""
    return pictures.permute(0, 3, 1, 2).float().sub(128).div(128)


class StudentNetwork:
    """The float student behind `infer`, letterboxed like the exported file."""

    def __init__(self, student: Student, input_size: tuple[int, int] | None = None) -> None:
        """`student` is put into evaluation mode; `input_size` defaults to its preset's."""
        self._student = student.eval()
        self._size = input_size or student.preset.input_size

    def heads(self, rgb: Rgb) -> Heads:
        """Float32 heads of one frame uint8 `[H, W, 3]` of any size."""
        frame_size = (rgb.shape[1], rgb.shape[0])
        placement = Placement.letterbox(frame_size, self._size, POSE_STRIDE).trimmed(LARGEST_STRIDE)
        picture = torch.from_numpy(np.ascontiguousarray(placement.resize(rgb)))
        with torch.inference_mode():
            found = self._student(normalised(picture[None]))
        values = {
            name: Head(np.ascontiguousarray(found[name][0].float().permute(1, 2, 0).numpy()))
            for name in HEADS
        }
        return Heads(**values, placement=placement, body_stride=BODY_STRIDE)
