"""Training batches, made ahead by threads: the network need not wait for them."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from training.loop import prefetch
from training.network.augment import Augmenter
from training.network.labelled import Packed
from training.network.losses import stacked
from training.network.sources import ATHLETES, COCO, DATASET, JOINTS, MASK, PEOPLE, TEACHER
from training.network.targets import targets_of

SHARES = {
    MASK: 0.6, JOINTS: 1.0, ATHLETES: 0.6, PEOPLE: 1.6, COCO: 0.6, DATASET: 0.2, TEACHER: 0.2,
}  # fmt: skip
"""How much of what is drawn comes from each kind of source, before they are made to sum to 1.

Poses marked by hand are the most varied and are learnt last."""

Batch = tuple[Tensor, dict[str, Tensor]]
"""Pictures uint8 `[N, H, W, 3]`, and targets by name."""


def weights_of(pool: Sequence[Packed]) -> list[float]:
    """How often each picture is drawn: kinds by `SHARES`, pictures of a kind alike."""
    counts = {kind: sum(item.source == kind for item in pool) for kind in SHARES}
    return [SHARES[item.source] / counts[item.source] for item in pool]


def batches(augmenter: Augmenter, size: int, seed: int, first: int = 0) -> Generator[Batch]:
    """Batch `first` and all that follow; the same seed gives the same, whatever the threads."""
    return prefetch(lambda number: _make(augmenter, size, seed, number), first)


def _make(augmenter: Augmenter, size: int, seed: int, number: int) -> Batch:
    random = np.random.default_rng((seed, number))
    items = [augmenter.draw(random) for _ in range(size)]
    pictures = torch.from_numpy(np.stack([item.rgb for item in items]))
    return pictures, stacked([targets_of(item) for item in items])
