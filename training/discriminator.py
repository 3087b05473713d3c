"""Real or made? Judged patch by patch, beside the condition (Isola et al., pix2pix, CVPR 2017)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from transfer.condition import LIMBS, PARTS

CONDITION = PARTS + LIMBS
"""The previous picture is not shown to it: it would only tell whether the generator had one."""


class PatchDiscriminator(nn.Module):
    """Condition and picture to a judgement for each 34x34 patch, with the features on the way."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        inputs = CONDITION + 3
        widths = (inputs, channels, 2 * channels, 4 * channels)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.utils.parametrizations.spectral_norm(nn.Conv2d(before, after, 4, 2, 1)),
                nn.LeakyReLU(0.2, inplace=True),
            )
            for before, after in itertools.pairwise(widths)
        )
        self.judge = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, condition: Tensor, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """`[N, CONDITION, S, S]` and RGB 0..1 `[N, 3, S, S]` to judgements and features."""
        x = torch.cat([condition, picture], dim=1)
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.judge(x), features


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Least squares (Mao et al., LSGAN, ICCV 2017)."""
    return (functional.mse_loss(real, torch.ones_like(real)) + made.square().mean()) / 2


def generator_loss(made: Tensor) -> Tensor:
    """What the generator wants the judge to say."""
    return functional.mse_loss(made, torch.ones_like(made))


def feature_matching(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Mean difference of the judge's features (Wang et al., pix2pixHD, CVPR 2018, section 3.2)."""
    pairs = zip(real, made, strict=True)
    distances = [functional.l1_loss(ours, theirs.detach()) for theirs, ours in pairs]
    return torch.stack(distances).mean()
