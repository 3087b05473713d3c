"""Losses: nothing is learnt from what nobody knows."""

import numpy as np
import torch

from tests.training.people import at, picture
from training.network.labelled import UNKNOWN
from training.network.losses import losses, stacked, total
from training.network.student import BODY_CHANNELS, POSE_CHANNELS
from training.network.targets import targets_of


def heads(rows: int, columns: int) -> dict[str, torch.Tensor]:
    """Random heads that gradients reach, for a picture of `rows` x `columns`."""
    torch.manual_seed(0)
    made = {
        name: torch.randn(1, channels, rows // stride, columns // stride)
        for stride, kinds in ((8, POSE_CHANNELS), (4, BODY_CHANNELS))
        for name, channels in kinds.items()
    }
    return {name: value.requires_grad_() for name, value in made.items()}


def test_unknown_pixels_get_no_gradient() -> None:
    item = picture([at(30, 60, 1.3)])
    item.people[:, 160:] = UNKNOWN
    made = heads(256, 320)
    total(losses(made, stacked([targets_of(item)]))).backward()
    for name, value in made.items():
        assert value.grad is not None
        half = value.shape[3] // 2
        assert float(value.grad[..., :half].abs().sum()) > 0, name
        assert float(value.grad[..., half:].abs().sum()) == 0, name


def test_background_teaches_no_parts_and_no_offsets() -> None:
    item = picture([])
    made = heads(256, 320)
    found = losses(made, stacked([targets_of(item)]))
    for name in ("part_heatmaps", "short_offsets", "mid_offsets", "long_offsets"):
        assert float(found[name]) == 0
    assert float(found["segments"]) > 0
    assert float(found["heatmaps"]) > 0


def test_the_right_answer_costs_next_to_nothing() -> None:
    targets = stacked([targets_of(picture([at(60, 60, 1.4)]))])
    parts = torch.full((1, 24, 64, 80), -20.0)
    parts[:, 12] = 20.0
    right = {
        "segments": torch.where(targets["person"] == 1, 20.0, -20.0)[:, None],
        "part_heatmaps": parts,
        "heatmaps": torch.where(targets["heatmaps"] == 1, 20.0, -20.0),
    } | {
        name: torch.from_numpy(np.nan_to_num(targets[name].numpy(), nan=77.0))
        for name in ("short_offsets", "mid_offsets", "long_offsets")
    }
    found = losses(right, targets)
    assert all(float(loss) < 1e-6 for loss in found.values()), found


def test_a_part_of_four_times_the_pixels_counts_twice() -> None:
    """Summed up pixel by pixel in float64."""
    targets = stacked([targets_of(picture([at(60, 60, 1.4)]))])
    hand, trunk = 10, 12
    targets["parts"][:] = UNKNOWN
    targets["parts"][0, :2, :10] = hand
    targets["parts"][0, 20:24, :20] = trunk
    made = heads(256, 320)
    logits = made["part_heatmaps"].detach().double().numpy()[0]
    costs = np.log(np.exp(logits).sum(axis=0)) - logits  # [24, rows, columns]
    of_hand = costs[hand, :2, :10].mean()
    of_trunk = costs[trunk, 20:24, :20].mean()
    found = float(losses(made, targets)["part_heatmaps"].detach())
    assert abs(found - (of_hand + 2 * of_trunk) / 3) < 1e-5
