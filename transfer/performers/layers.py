"""The convolutions that all our networks are made of: quick on CPUs, in int8, on an Edge TPU.

Dense 3x3 convolutions with BatchNorm (which folds away) and ReLU, nearest-neighbour upsampling
and sums.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

CONVOLUTION_AND_NORM = 2
"""Modules at the beginning of a sequence that become one."""


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU; with stride 2 it is centred on every other pixel."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al., "Deep Residual Learning", CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` to the same."""
        return functional.relu(x + self.second(self.first(x)))


class Up(nn.Module):
    """One step up: what comes from below and what was there on the way down, summed."""

    def __init__(self, below: int, beside: int, outputs: int) -> None:
        super().__init__()
        self.below = nn.Sequential(
            nn.Conv2d(below, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.beside = nn.Sequential(
            nn.Conv2d(beside, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.mix = convolution(outputs, outputs)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        """Twice the size of `below`, the size of `beside`."""
        raised = doubled(self.below(below))
        return self.mix(functional.relu(raised + self.beside(beside)))  # type: ignore[no-any-return]


def doubled(x: Tensor) -> Tensor:
    """Each pixel as a square of four."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def initialise(network: nn.Module) -> None:
    """He's initialisation; a block begins as its shortcut."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, Block):
            norm = module.second[1]
            assert isinstance(norm, nn.BatchNorm2d)
            nn.init.zeros_(norm.weight)


def fold_batch_norms(network: nn.Module) -> None:
    """Put every BatchNorm that follows a convolution into it; in evaluation mode only."""
    for module in network.modules():
        if not isinstance(module, nn.Sequential) or len(module) < CONVOLUTION_AND_NORM:
            continue
        convolution, norm = module[0], module[1]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module[0] = nn.utils.fuse_conv_bn_eval(convolution, norm)
            module[1] = nn.Identity()
