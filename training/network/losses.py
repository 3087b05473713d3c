"""One loss a head; what a source does not know is masked out, never guessed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.network.labelled import UNKNOWN
from training.network.student import SCALES
from training.network.targets import Targets

WEIGHTS = {
    "segments": 1.0,
    "part_heatmaps": 0.4,
    "heatmaps": 20.0,
    "short_offsets": 2.0,
    "mid_offsets": 1.0,
    "long_offsets": 0.4,
}
"""How much each head's loss counts."""

POSITIVE = 3.0
"""How much more a cell with a key point counts than one without."""


def stacked(targets: Sequence[Targets]) -> dict[str, Tensor]:
    """A batch: each field of `Targets` as `[N, ...]`."""
    names = ("person", "parts", "heatmaps", "short_offsets", "mid_offsets", "long_offsets")
    return {
        name: torch.from_numpy(np.stack([getattr(one, name) for one in targets])) for name in names
    }


def losses(heads: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Mean loss of each head over what is known of it; 0 where nothing is."""
    found = {
        "segments": _binary(heads["segments"][:, 0], targets["person"], 1.0),
        "part_heatmaps": _parts(heads["part_heatmaps"], targets["parts"]),
        "heatmaps": _binary(heads["heatmaps"], targets["heatmaps"], POSITIVE),
    }
    for name, scale in SCALES.items():
        found[name] = _offsets(heads[name], targets[name], scale)
    return found


def total(found: dict[str, Tensor]) -> Tensor:
    """The weighted sum."""
    return torch.stack([WEIGHTS[name] * loss for name, loss in found.items()]).sum()


def _binary(logits: Tensor, wanted: Tensor, positive: float) -> Tensor:
    """Cross-entropy of yes and no."""
    known = wanted != UNKNOWN
    yes = (wanted == 1).float()
    loss = functional.binary_cross_entropy_with_logits(logits.float(), yes, reduction="none")
    weights = known * (1 + (positive - 1) * yes)
    return (loss * weights).sum() / weights.sum().clamp(min=1)


def _parts(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of the 24 parts, inside of people only; small parts count more a pixel.

    A part of n pixels in the batch weighs as much as sqrt(n), not n: between counting pixels, where
    a trunk outweighs all hands, and counting parts, where the rarest is mostly mistakes.
    """
    counts = torch.bincount(wanted[wanted != UNKNOWN].flatten().long(), minlength=logits.shape[1])
    weights = counts.clamp(min=1).float().rsqrt()
    loss = functional.cross_entropy(
        logits.float(), wanted.long(), weights, ignore_index=UNKNOWN, reduction="sum"
    )
    return loss / (weights * counts).sum().clamp(min=1)


def _offsets(values: Tensor, wanted: Tensor, scale: float) -> Tensor:
    """Distance to the right offset, Huber's, in units of `scale` pixels."""
    known = ~torch.isnan(wanted)
    away = torch.where(known, (values.float() - torch.nan_to_num(wanted)) / scale, 0.0)
    loss = functional.smooth_l1_loss(away, torch.zeros_like(away), reduction="sum", beta=0.25)
    return loss / known.sum().clamp(min=1)
