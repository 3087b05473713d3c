"""What a performer's picture is measured by while it learns."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from training.performer.batches import Batch
from training.performer.data import PLAIN, Examples
from training.performer.measuring.picture_metrics import ssim
from transfer.performers.condition import PREVIOUS, Ingredients
from transfer.performers.generator import Generator, encode

ALONE = 0.35
"""Share of the time before the discriminator joins..."""
LEAST_ALONE_SECONDS = 90.0
"""...and so long at least: before, there is nothing worth judging."""
RAMP = 0.1
"""Share of the time over which its word comes to count."""
DECAY = 0.7
"""Share of the time after which the learning rate falls to nothing."""

PERSON = 4.0
"""How much more a pixel of the dancer weighs."""
OUTSIDE = 0.3
"""How much alpha outside the mask counts, against missing alpha inside."""


def pictures(rgb: Tensor) -> Tensor:
    """uint8 `[N, S, S, 3]` to `[N, 3, S, S]`, 0..1."""
    return rgb.permute(0, 3, 1, 2).float() / 255


def composited(layer: Tensor, plate: Tensor) -> Tensor:
    """The generator's layer `[N, 4, S, S]` over the plate `[N, 3, S, S]`."""
    return layer[:, :3] + plate * (1 - layer[:, 3:])


def network_input(batch: Batch, previous: Tensor | None, ingredients: Ingredients) -> Tensor:
    """`[N, CHANNELS, S, S]`; `previous`: the layer before, None: there is none."""
    if previous is None:
        count, height, width = batch.parts.shape
        previous = torch.zeros((count, PREVIOUS, height, width), device=batch.parts.device)
    x = encode(batch.parts, batch.limbs, previous, ingredients)
    return x.to(memory_format=torch.channels_last)


class Truth(Protocol):
    """What a layer is compared with, uint8 `[N, S, S(, 3)]`."""

    @property
    def rgb(self) -> Tensor: ...

    @property
    def mask(self) -> Tensor: ...

    @property
    def plate(self) -> Tensor: ...


def reconstruction(layer: Tensor, batch: Truth) -> dict[str, Tensor]:
    """Losses against the true picture, the dancer's pixels weighted by `PERSON`."""
    picture, true = composited(layer, pictures(batch.plate)), pictures(batch.rgb)
    alpha, mask = layer[:, 3:], batch.mask[:, None].float()
    weight = 1 + (PERSON - 1) * mask
    # Hair and shoes that the mask misses are in the picture: there alpha may be more.
    inside = -(mask * alpha.clamp_min(1e-4).log())
    outside = -((1 - mask) * (1 - alpha).clamp_min(1e-4).log())
    return {
        "pixels": (weight * (picture - true).abs()).mean() / weight.mean(),
        "likeness": 1 - ssim(picture, true).mean(),
        "alpha": (inside + OUTSIDE * outside).mean(),
    }


def drawn(generator: Generator, batch: Batch, ingredients: Ingredients) -> Tensor:
    """What a generator, on the batch's device, makes of conditions without a previous picture:
    `[N, 3, S, S]`, 0..1."""
    layer = generator(network_input(batch, None, ingredients))
    return composited(layer, pictures(batch.plate))


@torch.inference_mode()
def crop_accuracy(
    generator: Generator, data: Examples, ingredients: Ingredients, most: int = 30
) -> dict[str, float]:
    """On true conditions of frames, without a previous picture: SSIM and mean absolute error
    (0..255) in the crop."""
    likeness, errors = [], []
    device = next(generator.parameters()).device
    for place in range(0, len(data), max(1, len(data) // most)):
        batch = Batch.of(data.examples(place, PLAIN, np.random.default_rng(0))).to(device)
        picture, true = drawn(generator, batch, ingredients), pictures(batch.rgb)
        likeness.append(float(ssim(picture, true)))
        errors.append(float((picture - true).abs().mean() * 255))
    return {"ssim": float(np.mean(likeness)), "error": float(np.mean(errors))}


def ramp(progress: float, total_seconds: float) -> float:
    """How much the discriminator's word counts, 0..1, at a share of the time."""
    alone = max(ALONE, LEAST_ALONE_SECONDS / total_seconds)
    return min(max((progress - alone) / RAMP, 0.0), 1.0)


def decay(progress: float) -> float:
    """Share of the learning rate that is left: half a cosine at the end."""
    if progress <= DECAY:
        return 1.0
    return max(0.5 * (1 + math.cos(math.pi * (progress - DECAY) / (1 - DECAY))), 0.001)
