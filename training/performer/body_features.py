"""What the fast network that comes with the program sees in two pictures: a loss.

A generator that minds pixels alone draws a face without eyes: where exactly they are is never sure,
and grey skin is the least wrong. A network that was taught to find people looks for just what is
lost then: eyes and mouth, straps, hands, the gap between an arm and the body. It plays the part of
VGG-16 in Johnson et al., "Perceptual Losses for Real-Time Style Transfer" (ECCV 2016), is always
there, and small enough to be looked through at every step on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.zoo import BUILT_IN_FOLDER
from training.network.student import Student
from training.network.student_files import load_student

WEIGHTS_PATH = BUILT_IN_FOLDER / "understudy-fast.safetensors"


class BodyFeatures(nn.Module):
    """The fast network up to its heads, frozen."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._student = student.eval().requires_grad_(False)

    @classmethod
    def load(cls) -> BodyFeatures:
        """With the weights that come with the program; `TrainingError` when they cannot be read."""
        return cls(load_student(WEIGHTS_PATH))

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Pictures `[N, 3, H, W]`, 0..1 (H, W multiples of 32), to `Student.features`."""
        x = (rgb * 255 - 128) / 128
        return self._student.features(x.contiguous(memory_format=torch.channels_last))


def body_loss(features: BodyFeatures, made: Tensor, true: Tensor) -> Tensor:
    """Mean over the features of how far they are apart, as a share of their size."""
    with torch.no_grad():
        wanted = features(true)
    differences = [
        functional.l1_loss(ours.float(), theirs.float())
        / theirs.float().abs().mean().clamp_min(1e-3)
        for ours, theirs in zip(features(made), wanted, strict=True)
    ]
    return torch.stack(differences).mean()
