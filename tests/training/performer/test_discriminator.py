"""Pictures judged patch by patch."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from tests.transfer.conftest import juggler, target  # noqa: F401  Fixtures.
from training.performer.discriminator import (
    CONDITION,
    PatchDiscriminator,
    discriminator_loss,
    feature_matching,
    generator_loss,
)
from transfer.target.target import Target


def test_patches_are_judged_and_features_match_themselves() -> None:
    found = PatchDiscriminator()(torch.rand(1, CONDITION + 3, 64, 64))
    assert found[0].shape == (1, 1, 8, 8)
    assert feature_matching(found, found, torch.ones(1, 1, 64, 64)) == 0


def test_only_what_is_where_counts() -> None:
    torch.manual_seed(0)
    judges = PatchDiscriminator()
    true = torch.rand(1, CONDITION + 3, 64, 64)
    made = true.clone()
    made[:, :, :, 48:] = torch.rand(1, CONDITION + 3, 64, 16)
    left, right = torch.zeros(2, 1, 1, 64, 64)
    left[..., :16], right[..., 48:] = 1, 1
    real, fake = judges(true), judges(made)
    assert float(feature_matching(real, fake, left)) == 0
    assert float(feature_matching(real, fake, right)) > 0
    assert torch.equal(generator_loss(real, left), generator_loss(fake, left))
    assert not torch.equal(generator_loss(real, right), generator_loss(fake, right))


def test_it_learns_to_tell_a_soft_picture_from_a_sharp_one(target: Target) -> None:  # noqa: F811
    """As a generator's pictures are soft: within a hundred steps, on frames it has not seen."""
    torch.manual_seed(0)
    judges = PatchDiscriminator()
    steps = torch.optim.Adam(judges.parameters(), 1e-3, betas=(0.5, 0.99))
    numbers = target.usable.numbers
    seen = [_pair(target, number) for number in numbers[: len(numbers) // 2 : 4]]
    new = [_pair(target, number) for number in numbers[len(numbers) // 2 :: 8]]
    for step in range(100):
        loss = _loss(judges, *seen[step % len(seen)])
        steps.zero_grad()
        loss.backward()
        steps.step()
    with torch.no_grad():
        found = np.mean([float(_loss(judges, *one)) for one in new])
    assert found < 0.18  # 0.25: it cannot tell.


def _loss(judges: PatchDiscriminator, sharp: Tensor, soft: Tensor, where: Tensor) -> Tensor:
    return discriminator_loss(judges(sharp), judges(soft), where)


def _pair(target: Target, number: int) -> tuple[Tensor, Tensor, Tensor]:  # noqa: F811
    """A frame around the dancer, sharp and softened, beside its condition; where the dancer is."""
    labels, rgb = target.labels(number), target.frame(number)
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    side = max(width, height)
    part = np.s_[y : y + side, x : x + side]
    labels = cv2.resize(labels[part], (128, 128), interpolation=cv2.INTER_NEAREST)
    rgb = cv2.resize(rgb[part], (128, 128), interpolation=cv2.INTER_AREA)
    condition = np.zeros((CONDITION, 128, 128), np.float32)
    for label in np.unique(labels):
        condition[label] = labels == label
    pictures = [
        torch.from_numpy(np.concatenate([condition, np.moveaxis(one, 2, 0) / 255])[None]).float()
        for one in (rgb, cv2.GaussianBlur(rgb, (0, 0), 1.2))
    ]
    return pictures[0], pictures[1], torch.from_numpy((labels > 0)[None, None]).float()
