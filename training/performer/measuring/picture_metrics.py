"""How like two pictures are, as in the literature, on tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of each picture, `[N]`.

    RGB 0..1 `[N, 3, H, W]`, sides of at least 11. Gaussian window of 11 pixels, sigma 1.5, no
    padding, mean over colours (Wang et al., "Image Quality Assessment", TIP 2004).
    """
    channels = first.shape[1]
    kernel = _gaussian(first).repeat(channels, 1, 1, 1)

    def mean(x: Tensor) -> Tensor:
        x = functional.conv2d(x, kernel, groups=channels)
        return functional.conv2d(x, kernel.transpose(2, 3), groups=channels)

    one, two = mean(first), mean(second)
    variance_one = mean(first * first) - one * one
    variance_two = mean(second * second) - two * two
    both = mean(first * second) - one * two
    likeness = ((2 * one * two + K1**2) * (2 * both + K2**2)) / (
        (one * one + two * two + K1**2) * (variance_one + variance_two + K2**2)
    )
    return likeness.mean(dim=(1, 2, 3))


def _gaussian(like: Tensor) -> Tensor:
    """`[1, 1, 1, WINDOW]`."""
    away = torch.arange(WINDOW, device=like.device, dtype=like.dtype) - WINDOW // 2
    weights = torch.exp(-(away**2) / (2 * SIGMA**2))
    return (weights / weights.sum())[None, None, None]
