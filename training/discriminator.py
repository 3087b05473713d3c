"""Real or made? Judged patch by patch, beside the condition, at one or several scales.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017); Wang
et al., pix2pixHD (CVPR 2018), section 3.2.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from transfer.condition import LIMBS, PARTS

CONDITION = PARTS + LIMBS
"""The previous picture is not shown to it: it would only tell whether the generator had one."""

Judgement = tuple[Tensor, list[Tensor]]
"""For each patch how real it is, and the features on the way there."""


class PatchDiscriminator(nn.Module):
    """Condition and picture to a judgement for each 34x34 patch."""

    def __init__(self, inputs: int, channels: int = 24) -> None:
        super().__init__()
        widths = (inputs, channels, 2 * channels, 4 * channels)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.utils.parametrizations.spectral_norm(nn.Conv2d(before, after, 4, 2, 1)),
                nn.LeakyReLU(0.2, inplace=True),
            )
            for before, after in itertools.pairwise(widths)
        )
        self.judge = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Judgement:
        """`[N, inputs, S, S]`: condition and RGB 0..1, of each frame that is judged together."""
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.judge(x), features


class Judges(nn.Module):
    """The same question at full size, half the size, and so on."""

    def __init__(self, inputs: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(inputs) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Judgement]:
        """One judgement a scale, the finest first."""
        found = []
        for number, judge in enumerate(self.scales):
            if number:
                x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            found.append(judge(x))
        return found


def discriminator_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Least squares (Mao et al., LSGAN, ICCV 2017), mean over the scales."""
    losses = []
    for (one, _), (other, _) in zip(real, made, strict=True):
        yes, no = one.float(), other.float()
        losses.append((functional.mse_loss(yes, torch.ones_like(yes)) + no.square().mean()) / 2)
    return torch.stack(losses).mean()


def generator_loss(made: list[Judgement]) -> Tensor:
    """What the generator wants the judges to say."""
    said = [one.float() for one, _ in made]
    return torch.stack([functional.mse_loss(one, torch.ones_like(one)) for one in said]).mean()


def feature_matching(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Mean difference of the judges' features (pix2pixHD, section 3.2)."""
    pairs = [
        (ours, theirs)
        for (_, made_features), (_, real_features) in zip(made, real, strict=True)
        for ours, theirs in zip(made_features, real_features, strict=True)
    ]
    return torch.stack([functional.l1_loss(a.float(), b.detach().float()) for a, b in pairs]).mean()
