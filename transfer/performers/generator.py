"""The generators: a condition in, the dancer as colour and alpha out (PyTorch)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transfer.performers.condition import CHANNELS, LIMBS, PARTS, PREVIOUS, Ingredients
from transfer.performers.enhancer import LocalEnhancer, halved
from transfer.performers.face import FaceStage
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


GENERATORS = {
    preset.name: preset
    for preset in (
        GeneratorPreset("realtime", (24, 48, 96, 160), 3, 12, 8, 1e-3),
        GeneratorPreset("direct", (24, 48, 96, 160), 3, 12, 8, 1e-3),
        GeneratorPreset("quality", (48, 96, 192, 320), 9, 24, 4, 4e-4),
    )
}
"""`realtime` plays live on a CPU; `direct` is the same, from picture to picture; `quality` has four
times their weights."""


class Generator(nn.Module):
    """`[N, CHANNELS, S, S]` (S a multiple of 16) to `[N, 4, S, S]`: RGB weighted by alpha, alpha.

    A U-Net of plain convolutions (design.md, section 7): few channels where there are many pixels.
    """

    def __init__(self, preset: GeneratorPreset, face: bool = False, enhancer: bool = False) -> None:
        """`face`: with a face stage; `enhancer`: drawn at half the size, then enhanced (S a
        multiple of 32)."""
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
        self.face = FaceStage() if face else None
        self.enhancer = LocalEnhancer(preset.last) if enhancer else None

    def forward(self, x: Tensor, faces: Tensor | None = None) -> Tensor:
        """0..1; the first three channels never exceed the fourth.

        `faces` `[N, 3]`: centre x, y and side of the faces in pixels, side 0: none. Without them,
        or without a face stage, what the generator drew is left as it is.
        """
        output = self.unweighted(x)
        alpha = output[:, 3:]
        layer = torch.cat([output[:, :3] * alpha, alpha], dim=1)
        if self.face is None or faces is None:
            return layer
        corrected: Tensor = self.face(layer.float(), x, faces)
        return corrected

    def unweighted(self, x: Tensor) -> Tensor:
        """The same before the colours are weighted by alpha: what is exported."""
        if self.enhancer is None:
            return torch.sigmoid(self.out(self._features(x)))
        features = self._features(halved(x))
        return torch.sigmoid(doubled(self.out(features)) + self.enhancer(x, features))

    def _features(self, x: Tensor) -> Tensor:
        """`[N, preset.last, S, S]`."""
        one = self.stem(x)
        two = self.down2(one)
        three = self.down3(two)
        below = self.middle(self.down4(three))
        up = self.up1(self.up2(self.up3(below, three), two), one)
        features: Tensor = self.last(doubled(up))
        return features


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
    if ingredients.parts or ingredients.picture:
        # Beside a picture it only says where the dancer is: dark clothes are not the background.
        said = parts if ingredients.parts else parts.clamp(max=1)
        x[..., :PARTS].scatter_(3, said.long()[..., None], 1.0)
    if ingredients.pose or ingredients.picture:
        x[..., PARTS : PARTS + LIMBS] = limbs.float() / 255
    if ingredients.previous:
        x[..., -PREVIOUS:] = previous.permute(0, 2, 3, 1)
    return x.permute(0, 3, 1, 2)
