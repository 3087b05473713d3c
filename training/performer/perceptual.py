"""What VGG-16 sees in two pictures: a loss, and LPIPS. Only when its weights are on this machine.

They are never downloaded: `vgg16-397923af.pth` (torchvision's, ImageNet) is looked for in PyTorch's
hub folder, LPIPS's weights in the installed package `lpips`.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.errors import TrainingError

VGG_NAME = "vgg16-397923af.pth"
"""The last part is the beginning of its SHA-256."""
STAGES = (2, 2, 3, 3, 3)
"""Convolutions before each pooling (Simonyan, Zisserman, ICLR 2015, table 1, column D)..."""
CHANNELS = (64, 128, 256, 512, 512)
"""...and their channels."""
WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Of the stages in the loss (Wang et al., "pix2pixHD", CVPR 2018)."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, 0..1."""


class Features(nn.Module):
    """VGG-16 up to its last convolution, frozen."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 3
        stages = []
        for count, channels in zip(STAGES, CHANNELS, strict=True):
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
                inputs = channels
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path) -> Features:
        """With torchvision's weights; `TrainingError` when the file holds others."""
        made = cls()
        convolutions = [one for one in made.modules() if isinstance(one, nn.Conv2d)]
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
            names = [name for name in stored if name.startswith("features.")]
            for place, one in enumerate(convolutions):
                weight, bias = names[2 * place : 2 * place + 2]
                one.load_state_dict({"weight": stored[weight], "bias": stored[bias]})
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise TrainingError(f"{path} does not hold VGG-16's weights: {error}") from error
        return made

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Pictures `[N, 3, H, W]`, 0..1, to what each of the five stages makes of them."""
        mean, deviation = (
            torch.tensor(values, device=rgb.device)[:, None, None] for values in (_MEAN, _DEVIATION)
        )
        x, found = (rgb - mean) / deviation, []
        for number, stage in enumerate(self.stages):
            x = stage(x if number == 0 else functional.max_pool2d(x, 2))
            found.append(x)
        return found


def perceptual_loss(features: Features, made: Tensor, true: Tensor) -> Tensor:
    """Mean difference of the features, weighted by stage (Johnson et al., ECCV 2016)."""
    with torch.no_grad():
        wanted = features(true)
    differences = [
        weight * functional.l1_loss(ours, theirs)
        for weight, ours, theirs in zip(WEIGHTS, features(made), wanted, strict=True)
    ]
    return torch.stack(differences).sum()


class Lpips(nn.Module):
    """Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
    (CVPR 2018), version 0.1 on VGG-16."""

    def __init__(self, features: Features, weights: Path) -> None:
        """`weights`: `vgg.pth` of the package `lpips`; `TrainingError` when they are not that."""
        super().__init__()
        self.features = features
        try:
            stored = torch.load(weights, map_location="cpu", weights_only=True)
            self._lines = [stored[f"lin{place}.model.1.weight"] for place in range(len(STAGES))]
        except (OSError, RuntimeError, KeyError, TypeError) as error:
            raise TrainingError(f"{weights} does not hold LPIPS's weights: {error}") from error

    @torch.inference_mode()
    def forward(self, one: Tensor, other: Tensor) -> float:
        """Distance of two pictures `[1, 3, H, W]`, 0..1; 0: the same."""
        distance = 0.0
        for ours, theirs, line in zip(
            self.features(one), self.features(other), self._lines, strict=True
        ):
            apart = (_direction(ours) - _direction(theirs)).square()
            distance += float(functional.conv2d(apart, line).mean())
        return distance


def find_features() -> Features | None:
    """VGG-16 when its weights are in PyTorch's hub folder, whole and unchanged."""
    path = vgg_path()
    if not path.is_file():
        return None
    begins = path.stem.split("-")[1]
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(begins):
        raise TrainingError(f"{path} is damaged or another file: delete it, or fetch it again.")
    return Features.load(path)


def vgg_path() -> Path:
    """Where VGG-16's weights are looked for."""
    return Path(torch.hub.get_dir()) / "checkpoints" / VGG_NAME


@cache
def find_lpips() -> Lpips | None:
    """LPIPS when VGG-16's weights and the package `lpips` are there."""
    package = importlib.util.find_spec("lpips")
    if package is None or package.origin is None or (features := find_features()) is None:
        return None
    return Lpips(features, Path(package.origin).parent / "weights" / "v0.1" / "vgg.pth")


def _direction(features: Tensor) -> Tensor:
    """Of length 1 at each pixel."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
