"""The generators: a condition in, the dancer as colour and alpha out (PyTorch)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transfer.performers.condition import CHANNELS, LIMBS, PARTS, PREVIOUS, Ingredients
from transfer.performers.layers import Block, Up, convolution, doubled, initialise


@dataclass(frozen=True, slots=True)
class GeneratorPreset:
    """How large a generator is."""

    name: str
    channels: tuple[int, int, int, int]
    """At strides 2, 4, 8, 16."""
    blocks: int
    """Residual blocks at stride 16."""
    last: int
    """Channels at full resolution."""
    batch: int
    learning_rate: float


GENERATORS = {"realtime": GeneratorPreset("realtime", (24, 48, 96, 160), 3, 12, 8, 1e-3)}
"""By the name of the preset; `realtime` plays live on a CPU."""


class Generator(nn.Module):
    """`[N, CHANNELS, S, S]` (S a multiple of 16) to `[N, 4, S, S]`: RGB weighted by alpha, alpha.

    A U-Net of plain convolutions (design.md, section 7): few channels where there are many pixels.
    """

    def __init__(self, preset: GeneratorPreset) -> None:
        super().__init__()
        self.preset = preset
        one, two, three, four = preset.channels
        self.stem = convolution(CHANNELS, one, stride=2)
        self.down2 = convolution(one, two, stride=2)
        self.down3 = convolution(two, three, stride=2)
        self.down4 = convolution(three, four, stride=2)
        self.middle = nn.Sequential(*(Block(four) for _ in range(preset.blocks)))
        self.up3 = Up(four, three, three)
        self.up2 = Up(three, two, two)
        self.up1 = Up(two, one, one)
        self.last = convolution(one, preset.last)
        self.out = nn.Conv2d(preset.last, 4, 3, padding=1)
        initialise(self)
        nn.init.normal_(self.out.weight, std=0.02)
        assert self.out.bias is not None
        # Most of a crop is background: begin with the plate, not with a veil over it.
        nn.init.constant_(self.out.bias[3:], -2.0)

    def forward(self, x: Tensor) -> Tensor:
        """0..1; the first three channels never exceed the fourth."""
        output = self.unweighted(x)
        alpha = output[:, 3:]
        return torch.cat([output[:, :3] * alpha, alpha], dim=1)

    def unweighted(self, x: Tensor) -> Tensor:
        """The same before the colours are weighted by alpha: what is exported."""
        one = self.stem(x)
        two = self.down2(one)
        three = self.down3(two)
        below = self.middle(self.down4(three))
        up = self.up1(self.up2(self.up3(below, three), two), one)
        return torch.sigmoid(self.out(self.last(doubled(up))))


def encode(parts: Tensor, limbs: Tensor, previous: Tensor, ingredients: Ingredients) -> Tensor:
    """The network's input `[N, CHANNELS, S, S]`, float.

    Args:
        parts: uint8 `[N, S, S]`, label ids.
        limbs: uint8 `[N, S, S, 3]`.
        previous: float `[N, 4, S, S]`, 0..1: the previous picture in this crop; zeros: none.
        ingredients: what is left of it.
    """
    count, height, width = parts.shape
    # Channels last, so that nothing has to be turned around for the first convolution.
    x = torch.zeros((count, height, width, CHANNELS), dtype=torch.float32, device=parts.device)
    if ingredients.parts:
        x[..., :PARTS].scatter_(3, parts.long()[..., None], 1.0)
    if ingredients.pose:
        x[..., PARTS : PARTS + LIMBS] = limbs.float() / 255
    if ingredients.previous:
        x[..., -PREVIOUS:] = previous.permute(0, 2, 3, 1)
    return x.permute(0, 3, 1, 2)
