"""What the network that comes with the program sees in two pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.arrays import Rgb
from training.performer.body_features import BodyFeatures, body_loss
from transfer.target.target import Target

SIDE = 256


@pytest.fixture(scope="module")
def features() -> BodyFeatures:
    return BodyFeatures.load()


def tensor(rgb: Rgb) -> Tensor:
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None].float() / 255


def juggler(target: Target) -> tuple[Rgb, np.ndarray]:
    """A square around the juggler, and where in it he is."""
    rgb, labels = target.frame(0), target.labels(0)
    size = min(rgb.shape[:2])
    x, _, width, _ = cv2.boundingRect((labels > 0).astype(np.uint8))
    left = int(np.clip(x + width // 2 - size // 2, 0, rgb.shape[1] - size))
    inside = slice(0, size), slice(left, left + size)
    large = cv2.resize(rgb[inside], (SIDE, SIDE)), cv2.resize(labels[inside], (SIDE, SIDE))
    return np.asarray(large[0], np.uint8), np.asarray(large[1] > 0)


def test_what_is_lost_of_a_body_weighs_more_than_what_is_lost_of_the_room(
    features: BodyFeatures, target: Target
) -> None:
    true, body = juggler(target)
    blurred = np.asarray(cv2.GaussianBlur(true, (0, 0), 2), np.uint8)

    def worth(where: np.ndarray) -> float:
        """Loss for each grey level that is lost."""
        made = np.where(where[..., None], blurred, true)
        lost = float(cv2.absdiff(made, true).mean())
        return float(body_loss(features, tensor(made), tensor(true))) / lost

    assert worth(body) > 1.2 * worth(~body)


def test_the_loss_falls_when_the_picture_is_followed(
    features: BodyFeatures, target: Target
) -> None:
    rgb, _ = juggler(target)
    true = tensor(rgb)
    made = nn.Parameter(tensor(np.asarray(cv2.GaussianBlur(rgb, (0, 0), 3), np.uint8)))
    assert float(body_loss(features, true, true)) == 0
    steps = torch.optim.Adam([made], 0.01)
    losses = []
    for _ in range(10):
        loss = body_loss(features, made, true)
        steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        steps.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad is None for parameter in features.parameters())
