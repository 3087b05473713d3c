"""SSIM against the paper's formula, pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from training.performer.measuring.picture_metrics import ssim


def slow_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Wang et al., equation 13, pixel by pixel, one colour."""
    away = np.arange(11) - 5
    window = np.exp(-(away[:, None] ** 2 + away**2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for row in range(first.shape[0] - 10):
        for column in range(first.shape[1] - 10):
            one = first[row : row + 11, column : column + 11]
            two = second[row : row + 11, column : column + 11]
            mean_one, mean_two = (window * one).sum(), (window * two).sum()
            variance_one = (window * (one - mean_one) ** 2).sum()
            variance_two = (window * (two - mean_two) ** 2).sum()
            both = (window * (one - mean_one) * (two - mean_two)).sum()
            values.append(
                ((2 * mean_one * mean_two + 1e-4) * (2 * both + 9e-4))
                / ((mean_one**2 + mean_two**2 + 1e-4) * (variance_one + variance_two + 9e-4))
            )
    return float(np.mean(values))


def test_ssim_is_that_of_the_paper() -> None:
    random = np.random.default_rng(0)
    first = cv2.GaussianBlur(random.random((24, 30)), (0, 0), 1)
    second = (first + random.normal(0, 0.1, first.shape)).clip(0, 1)
    ours = ssim(*(torch.from_numpy(one)[None, None].repeat(1, 3, 1, 1) for one in (first, second)))
    assert float(ours[0]) == pytest.approx(slow_ssim(first, second), abs=1e-4)
