"""The local enhancer: adds what a generator of half the size cannot draw.

Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs"
(pix2pixHD, CVPR 2018), section 3.1 (PyTorch).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from transfer.performers.condition import CHANNELS
from transfer.performers.layers import Block, convolution, doubled, initialise

BLOCKS = 2
"""Residual blocks at half resolution."""
OUTPUTS = 4


class LocalEnhancer(nn.Module):
    """Condition at full size and the global generator's last features at half of it, to a change
    of its output."""

    def __init__(self, channels: int) -> None:
        """`channels`: of those features."""
        super().__init__()
        self.stem = convolution(CHANNELS, channels, stride=2)
        self.middle = nn.Sequential(*(Block(channels) for _ in range(BLOCKS)))
        self.last = convolution(channels, channels)
        self.out = nn.Conv2d(channels, OUTPUTS, 3, padding=1)
        initialise(self)
        nn.init.zeros_(self.out.weight)  # It begins by changing nothing.

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """What is added to the enlarged output, before the sigmoid.

        Args:
            x: `[N, CHANNELS, S, S]`.
            features: `[N, channels, S/2, S/2]`.

        Returns:
            `[N, 4, S, S]`.
        """
        both = self.middle(self.stem(x) + features)
        change: Tensor = self.out(self.last(doubled(both)))
        return change


def halved(x: Tensor) -> Tensor:
    """Means of squares of four pixels."""
    return functional.avg_pool2d(x, 2)
