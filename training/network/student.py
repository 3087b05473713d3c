"""The student: a U-Net of plain dense convolutions with BodyPix's heads on two grids.

Each operator (`transfer/performers/layers.py`) is one that XNNPACK runs well in int8 and the Edge
TPU compiler accepts.
Cell `i` of a grid sits at input pixel `stride * i`: what a 3x3 convolution of stride 2, padded by
one, is centred on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transfer.performers.layers import Block, Up, convolution, initialise

POSE_STRIDE = 8
BODY_STRIDE = 4
LARGEST_STRIDE = 32

SCALES = {"short_offsets": 16.0, "mid_offsets": 48.0, "long_offsets": 64.0}
"""Pixels of the input that 1.0 inside the network means: heads of like magnitude train evenly."""

POSE_CHANNELS = {"heatmaps": 17, "short_offsets": 34, "mid_offsets": 64, "long_offsets": 34}
BODY_CHANNELS = {"segments": 1, "part_heatmaps": 24}
HEADS = (*POSE_CHANNELS, *BODY_CHANNELS)
"""Names of the outputs, in order."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How large a student is and what it looks at."""

    name: str
    input_size: tuple[int, int]
    """Width, height in pixels; multiples of 32."""
    channels: tuple[int, ...]
    """At strides 2, 4, 8, 16, 32; none upon MoveNet's trunk, which has its own."""
    blocks: tuple[int, ...]
    """Residual blocks at strides 4, 8, 16, 32; none upon MoveNet's trunk."""
    decoder: tuple[int, int, int]
    """Channels of the way up at strides 16, 8, 4."""
    crop: int = 256
    """Side of the square pictures it is trained on, pixels; a multiple of 32."""
    batch: int = 16
    learning_rate: float = 2e-3


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("tiny", (256, 256), (16, 24, 48, 96, 128), (0, 1, 1, 1), (64, 48, 24)),
        Preset("fast", (320, 320), (24, 40, 80, 144, 192), (0, 1, 2, 2), (112, 80, 40)),
        Preset("trunk", (320, 320), (), (), (96, 72, 40), learning_rate=3e-3),
    )
}


FORMER_NAMES = {"default": "fast"}
"""Of presets, as older files have them."""


class Student(nn.Module):
    """RGB in -1..1 `[N, 3, H, W]` (H, W multiples of 32) to BodyPix's heads, by name.

    Pose heads have stride 8, `segments` and `part_heatmaps` stride 4. Logits, and offsets in
    pixels of the input, in BodyPix's channel order.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        self.scales = dict(SCALES)
        self._build(preset)
        _, up8, up4 = preset.decoder
        self.pose = convolution(up8, up8)
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(up8, channels, 1) for name, channels in POSE_CHANNELS.items()}
            | {name: nn.Conv2d(up4, channels, 1) for name, channels in BODY_CHANNELS.items()}
        )
        self._initialise()

    def _build(self, preset: Preset) -> None:
        """The way down and the way up."""
        widths = preset.channels
        self.stem = convolution(3, widths[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                convolution(inputs, outputs, stride=2), *(Block(outputs) for _ in range(blocks))
            )
            for inputs, outputs, blocks in zip(widths, widths[1:], preset.blocks, strict=False)
        )
        up16, up8, up4 = preset.decoder
        self.up16 = Up(widths[4], widths[3], up16)
        self.up8 = Up(up16, widths[2], up8)
        self.up4 = Up(up8, widths[1], up4)

    def _initialise(self) -> None:
        initialise(self)
        for name, head in self.heads.items():
            assert isinstance(head, nn.Conv2d)
            assert head.bias is not None
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            if name == "heatmaps":
                # Key points are rare: start where the loss does not explode.
                nn.init.constant_(head.bias, -math.log(1 / 0.02 - 1))

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """What it sees: on the way down at strides 2, 4, 8 and 16, then on the way up at 16, 8 (for
        the pose) and 4 (for the body)."""
        x = half = self.stem(x)
        quarter, eighth, sixteenth, below = (x := stage(x) for stage in self.stages)
        up16 = self.up16(below, sixteenth)
        up8 = self.up8(up16, eighth)
        return half, quarter, eighth, sixteenth, up16, self.pose(up8), self.up4(up8, quarter)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Heads by name, `[N, C, rows, columns]`."""
        *_, pose, body = self.features(x)
        heads = {}
        for name, head in self.heads.items():
            heads[name] = head(pose if name in POSE_CHANNELS else body)
            if name in self.scales:
                heads[name] = heads[name] * self.scales[name]
        return heads


def parameters(network: nn.Module) -> int:
    """Numbers that are trained."""
    return sum(value.numel() for value in network.parameters())


def multiplications(student: Student) -> int:
    """Multiply-accumulates of all convolutions for one picture of the preset's size."""
    network = student.eval()
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        kernel = module.kernel_size[0] * module.kernel_size[1] * module.in_channels
        kernel //= module.groups
        total += output.shape[1] * output.shape[2] * output.shape[3] * kernel

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    width, height = student.preset.input_size
    with torch.inference_mode():
        network(torch.zeros(1, 3, height, width))
    return total
