"""Real or made? Judged patch by patch, beside the condition.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017).
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from transfer.performers.condition import LIMBS, PARTS

CONDITION = PARTS + LIMBS
"""The previous picture is not shown to it: it would only tell whether the generator had one."""

COLOURS = 3
SHARPNESS = 10.0
"""How much detail is amplified: differences from the surroundings are some hundredths."""

Judgement = tuple[Tensor, list[Tensor]]
"""For each patch how real it is, and the features on the way there."""


class PatchDiscriminator(nn.Module):
    """Condition and picture to a judgement for each 34x34 patch.

    What gives a made picture away is the detail that it lacks. That is faint beside a condition of
    zeros and ones: shown by itself as well, `SHARPNESS` times as strong, it is found within a
    hundred steps; without, whatever the norms, the discriminators could not tell after 180.
    """

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        widths = (CONDITION + 2 * COLOURS, channels, 2 * channels, 4 * channels)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True))
            for before, after in itertools.pairwise(widths)
        )
        self.judge = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Judgement:
        """`[N, CONDITION + COLOURS, S, S]`: the condition, then RGB 0..1."""
        rgb = x[:, -COLOURS:]
        blurred = functional.avg_pool2d(rgb, 5, 1, 2, count_include_pad=False)
        x = torch.cat([x, (rgb - blurred) * SHARPNESS], dim=1)
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.judge(x), features


def discriminator_loss(real: Judgement, generated: Judgement, where: Tensor) -> Tensor:
    """Least squares (Mao et al., LSGAN, ICCV 2017).

    `where` `[N, 1, S, S]`, 0 or 1, here and below: only patches that touch it count.
    """
    yes, no = real[0].float(), generated[0].float()
    return (_mean((yes - 1).square(), where) + _mean(no.square(), where)) / 2


def generator_loss(generated: Judgement, where: Tensor) -> Tensor:
    """How far the discriminator is from calling the generated pictures real."""
    return _mean((generated[0].float() - 1).square(), where)


def feature_matching(real: Judgement, generated: Judgement, where: Tensor) -> Tensor:
    """Mean difference of the discriminator's features (Wang et al., pix2pixHD, CVPR 2018, section
    3.2)."""
    away = [
        _mean((ours.float() - theirs.detach().float()).abs(), where)
        for ours, theirs in zip(generated[1], real[1], strict=True)
    ]
    return torch.stack(away).mean()


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Over what is where; the background is the plate's own, and would drown the dancer."""
    weight = functional.adaptive_max_pool2d(where, list(values.shape[2:]))
    return (values * weight).sum() / (weight.sum() * values.shape[1]).clamp_min(1)
