"""VGG-16's features, the loss and LPIPS, with random weights: theirs are not on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.errors import TrainingError
from training.performer import perceptual
from training.performer.perceptual import (
    Features,
    Lpips,
    find_features,
    find_lpips,
    perceptual_loss,
)

LAYERS = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512"
"""Column D of the paper's table, as it is written everywhere."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like torchvision's, random, with a classifier that nobody needs."""
    random = torch.Generator().manual_seed(3)
    stored: dict[str, Tensor] = {}
    inputs, place = 3, 0
    for word in LAYERS.split():
        if word != "M":
            outputs = int(word)
            scale = (2 / (9 * inputs)) ** 0.5
            shape = (outputs, inputs, 3, 3)
            stored[f"features.{place}.weight"] = torch.randn(shape, generator=random) * scale
            stored[f"features.{place}.bias"] = torch.randn(outputs, generator=random) * 0.1
            inputs = outputs
        place += 1 if word == "M" else 2
    stored["classifier.0.weight"] = torch.zeros(3, 3)
    path = tmp_path_factory.mktemp("vgg") / "vgg16-00000000.pth"
    torch.save(stored, path)
    return path


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like LPIPS's."""
    random = torch.Generator().manual_seed(4)
    stored = {
        f"lin{place}.model.1.weight": torch.rand((1, channels, 1, 1), generator=random)
        for place, channels in enumerate((64, 128, 256, 512, 512))
    }
    path = tmp_path_factory.mktemp("lpips") / "vgg.pth"
    torch.save(stored, path)
    return path


def by_the_table(path: Path, rgb: Tensor) -> list[Tensor]:
    """The features at the end of each stage, computed from the table's words one by one."""
    stored = torch.load(path, weights_only=True)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x, place, found = (rgb - mean) / deviation, 0, []
    for word in [*LAYERS.split(), "M"]:
        if word == "M":
            found.append(x)
            x, place = functional.max_pool2d(x, 2), place + 1
            continue
        weight, bias = (stored[f"features.{place}.{name}"] for name in ("weight", "bias"))
        x, place = functional.relu(functional.conv2d(x, weight, bias, padding=1)), place + 2
    return found


def test_the_features_are_those_of_the_papers_table(weights: Path) -> None:
    rgb = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    found, wanted = Features.load(weights)(rgb), by_the_table(weights, rgb)
    assert [one.shape for one in found] == [one.shape for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_loss_falls_when_the_picture_is_followed(weights: Path) -> None:
    features = Features.load(weights)
    random = torch.Generator().manual_seed(2)
    true = torch.rand(1, 3, 32, 32, generator=random)
    made = nn.Parameter(torch.rand(1, 3, 32, 32, generator=random))
    assert float(perceptual_loss(features, true, true)) == 0
    steps = torch.optim.Adam([made], 0.02)
    losses = []
    for _ in range(20):
        loss = perceptual_loss(features, made, true)
        steps.zero_grad()
        loss.backward()
        steps.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
    assert all(parameter.grad is None for parameter in features.parameters())


def test_lpips_is_the_papers_formula(weights: Path, lines: Path) -> None:
    random = torch.Generator().manual_seed(7)
    one, other = (torch.rand(1, 3, 64, 64, generator=random) for _ in range(2))
    measure = Lpips(Features.load(weights), lines)
    stored = torch.load(lines, weights_only=True)
    wanted = 0.0
    pairs = zip(by_the_table(weights, one), by_the_table(weights, other), strict=True)
    for place, (ours, theirs) in enumerate(pairs):
        a, b = (maps[0].numpy() / np.linalg.norm(maps[0], axis=0) for maps in (ours, theirs))
        line = stored[f"lin{place}.model.1.weight"].numpy().ravel()
        wanted += float(np.einsum("c,chw->hw", line, (a - b) ** 2).mean())
    assert measure(one, other) == pytest.approx(wanted, rel=1e-4)
    assert measure(one, one) == 0
    assert measure(one, 0.9 * one + 0.1 * other) < 0.5 * measure(one, other)


def test_weights_are_used_only_when_they_are_there_and_whole(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_features() is None
    find_lpips.cache_clear()
    assert find_lpips() is None
    (tmp_path / "checkpoints").mkdir()
    content = weights.read_bytes()
    monkeypatch.setattr(
        perceptual, "VGG_NAME", f"vgg16-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    )
    perceptual.vgg_path().write_bytes(content)
    assert find_features() is not None
    perceptual.vgg_path().write_bytes(content[:-1])
    with pytest.raises(TrainingError, match="damaged"):
        find_features()


def test_other_files_are_named(tmp_path: Path, weights: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(1)}, other)
    with pytest.raises(TrainingError, match=r"other\.pth does not hold VGG-16's weights"):
        Features.load(other)
    with pytest.raises(TrainingError, match=r"other\.pth does not hold LPIPS's weights"):
        Lpips(Features.load(weights), other)
