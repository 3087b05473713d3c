"""Real or made? Judged patch by patch, beside the condition, at one or several scales.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017); Wang
et al., pix2pixHD (CVPR 2018), section 3.2.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from transfer.performers.condition import LIMBS, PARTS

CONDITION = PARTS + LIMBS
"""The previous picture is not shown to it: it would only tell whether the generator had one."""

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

    def __init__(self, frames: int, channels: int = 24) -> None:
        """`frames`: how many are judged together."""
        super().__init__()
        self._colours = 3 * frames
        inputs = CONDITION * frames + 2 * self._colours
        widths = (inputs, channels, 2 * channels, 4 * channels)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True))
            for before, after in itertools.pairwise(widths)
        )
        self.judge = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Judgement:
        """`[N, frames * (CONDITION + 3), S, S]`: the conditions, then RGB 0..1 of each frame."""
        rgb = x[:, -self._colours :]
        blurred = functional.avg_pool2d(rgb, 5, 1, 2, count_include_pad=False)
        x = torch.cat([x, (rgb - blurred) * SHARPNESS], dim=1)
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.judge(x), features


class MultiscaleDiscriminator(nn.Module):
    """The same question at full size, half the size, and so on."""

    def __init__(self, frames: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(frames) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Judgement]:
        """One judgement a scale, the finest first."""
        scores = []
        for number, discriminator in enumerate(self.scales):
            if number:
                x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            scores.append(discriminator(x))
        return scores


def discriminator_loss(real: list[Judgement], generated: list[Judgement], where: Tensor) -> Tensor:
    """Least squares (Mao et al., LSGAN, ICCV 2017), mean over the scales.

    `where` `[N, 1, S, S]`, 0 or 1, here and below: only patches that touch it count.
    """
    losses = []
    for (one, _), (other, _) in zip(real, generated, strict=True):
        yes, no = one.float(), other.float()
        losses.append((_mean((yes - 1).square(), where) + _mean(no.square(), where)) / 2)
    return torch.stack(losses).mean()


def generator_loss(generated: list[Judgement], where: Tensor) -> Tensor:
    """How far the discriminator is from calling the generated pictures real."""
    return torch.stack([_mean((one.float() - 1).square(), where) for one, _ in generated]).mean()


def feature_matching(real: list[Judgement], generated: list[Judgement], where: Tensor) -> Tensor:
    """Mean difference of the discriminator's features (pix2pixHD, section 3.2)."""
    pairs = [
        (ours, theirs)
        for (_, generated_features), (_, real_features) in zip(generated, real, strict=True)
        for ours, theirs in zip(generated_features, real_features, strict=True)
    ]
    away = [_mean((a.float() - b.detach().float()).abs(), where) for a, b in pairs]
    return torch.stack(away).mean()


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Over what is where; the background is the plate's own, and would drown the dancer."""
    weight = functional.adaptive_max_pool2d(where, list(values.shape[2:]))
    return (values * weight).sum() / (weight.sum() * values.shape[1]).clamp_min(1)
