"""MoveNet in PyTorch: MobileNetV2 x1.75, a feature pyramid upon it, and heads.

Votel, Li, "Next-Generation Pose Detection with MoveNet and TensorFlow.js", 2021; the trunk is
Sandler et al., "MobileNetV2", CVPR 2018. The weights are the publisher's, as TensorFlow.js keeps
them: BatchNorm is folded into the convolutions already. MultiPose has six heads, Thunder,
for one person, four of them; their trunks differ in widths.

Padding is TensorFlow's SAME: a convolution of stride 2 pads below and on the right only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.errors import TrainingError
from training.network.tfjs import Convolution

HEADS = {
    "center": 1, "box_scale": 2, "box_offset": 2,
    "kpt_heatmap": 17, "kpt_regress": 34, "kpt_offset": 34,
}  # fmt: skip
"""Channels of MoveNet's heads at stride 4; distances in cells, y before x for each key point."""

CHANNELS = {2: 24, 4: 40, 8: 48, 16: 144, 32: 480}
"""Of the taps of MultiPose's trunk, by stride."""
PYRAMID = 24
"""Channels of the pyramid's end, stride 4."""
_BESIDE = (9, 5, 2)
"""Blocks after which the pyramid takes what the trunk sees, at strides 16, 8, 4."""
_TAPS = (2, 5, 12)
"""Blocks after which the trunk is tapped."""
_BLOCKS = 16
"""Inverted residual blocks after the first."""


class Same(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, for sides that its stride divides."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 3,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        padding = size // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, size, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]`."""
        return super().forward(functional.pad(x, (0, 1, 0, 1)) if self.stride[0] > 1 else x)


class Inverted(nn.Module):
    """MobileNetV2's block: wider, 3x3 a channel, narrower again; ends without an activation."""

    def __init__(self, expand: Same | None, depth: Same, project: Same) -> None:
        super().__init__()
        self.expand, self.depth, self.project = expand, depth, project
        inputs = depth.in_channels if expand is None else expand.in_channels
        self.shortcut = inputs == project.out_channels and depth.stride[0] == 1

    def convolutions(self) -> list[Same]:
        """In the order of the publisher's file."""
        return [one for one in (self.expand, self.depth, self.project) if one is not None]

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]`."""
        y: Tensor = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depth(y)))
        return x + y if self.shortcut else y


class Separable(nn.Module):
    """3x3 a channel, then 1x1 and ReLU."""

    def __init__(self, depth: Same, point: Same) -> None:
        super().__init__()
        self.depth, self.point = depth, point

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]`."""
        return functional.relu(self.point(self.depth(x)))


class Trunk(nn.Module):
    """RGB in -1..1 `[N, 3, H, W]` (multiples of 32) to what MoveNet sees.

    `forward` gives the taps at strides 2, 4, 8, 16 and 32 (`CHANNELS`), and last the pyramid's end
    (`PYRAMID` channels at stride 4), which MoveNet's own heads take.
    """

    def __init__(self, like: Sequence[Convolution]) -> None:
        """`like`: the publisher's convolutions, which say how wide each is."""
        super().__init__()
        layers = iter(like)

        def layer() -> Same:
            one = next(layers)
            outputs, inputs, size, _ = one.weight.shape
            deep = inputs == 1
            return Same(
                outputs if deep else inputs,
                outputs,
                size,
                one.stride,
                outputs if deep else 1,
                one.bias is not None,
            )

        self.stem = layer()
        self.first = Inverted(None, layer(), layer())
        self.blocks = nn.ModuleList(Inverted(layer(), layer(), layer()) for _ in range(_BLOCKS))
        self.last, self.neck = layer(), layer()
        self.beside = nn.ModuleList(layer() for _ in _BESIDE)
        self.mix = nn.ModuleList(Separable(layer(), layer()) for _ in _BESIDE)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Six maps."""
        x = self.first(functional.relu6(self.stem(x)))
        after = {0: x}
        for number, block in enumerate(self.blocks, 1):
            after[number] = x = block(x)
        up = self.neck(functional.relu6(self.last(x)))
        for number, beside, mix in zip(_BESIDE, self.beside, self.mix, strict=True):
            raised = functional.interpolate(
                up, scale_factor=2.0, mode="bilinear", align_corners=False
            )
            up = mix(raised + beside(after[number]))
        return after[0], *(after[number] for number in _TAPS), x, up

    def convolutions(self) -> list[Same]:
        """All of them in the order of the publisher's file."""
        ordered = [self.stem, *self.first.convolutions()]
        for block in self.blocks:
            assert isinstance(block, Inverted)
            ordered += block.convolutions()
        ordered += [self.last, self.neck]
        for beside in self.beside:
            assert isinstance(beside, Same)
            ordered.append(beside)
        for mix in self.mix:
            assert isinstance(mix, Separable)
            ordered += [mix.depth, mix.point]
        return ordered


class MoveNet(nn.Module):
    """The whole network with the publisher's weights, for pictures as this project scales them."""

    def __init__(self, convolutions: Sequence[Convolution]) -> None:
        """`convolutions`: all of the publisher's file.

        Raises:
            TrainingError: they are those of another network.
        """
        super().__init__()
        body = _ordered([one for one in convolutions if _head_of(one.name) is None])
        if len(body) != _IN_TRUNK:
            raise TrainingError("This is not MoveNet: its trunk has another number of layers.")
        self.trunk = Trunk(body)
        for layer, found in zip(self.trunk.convolutions(), body, strict=True):
            _set(layer, found)
        self.heads = nn.ModuleDict()
        for name, channels in HEADS.items():
            mine = [one for one in convolutions if _head_of(one.name) == name]
            if mine:
                self.heads[name] = _head(mine, channels)
        _rescale(self.trunk.stem)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """MoveNet's heads by name, `[N, C, H / 4, W / 4]`."""
        end = self.trunk(x)[-1]
        return {name: head(end) for name, head in self.heads.items()}


_IN_TRUNK = 62
"""Convolutions of the trunk and the pyramid."""


def _head(convolutions: Sequence[Convolution], channels: int) -> nn.Sequential:
    depth, point, end = convolutions
    separable = Separable(
        Same(PYRAMID, PYRAMID, groups=PYRAMID, bias=False), Same(PYRAMID, len(point.weight), 1)
    )
    last = Same(len(point.weight), channels, 1)
    for layer, found in ((separable.depth, depth), (separable.point, point), (last, end)):
        _set(layer, found)
    return nn.Sequential(separable, last)


def _rescale(stem: Same) -> None:
    """The publisher's input is (v - 127.5) / 127.5, this project's (v - 128) / 128."""
    assert stem.bias is not None
    with torch.no_grad():
        stem.bias += stem.weight.sum((1, 2, 3)) * (0.5 / 127.5)
        stem.weight *= 128 / 127.5


def _head_of(name: str) -> str | None:
    """The head that a convolution belongs to."""
    return next((head for head in HEADS if f"/{head}_0/" in name), None)


def _ordered(body: list[Convolution]) -> list[Convolution]:
    """Backbone, neck, the three beside the way up, the three mixes: the exporter writes what is
    beside where it pleases."""
    backbone = [one for one in body if "/model_1/model/" in one.name]
    beside = [one for one in body if "/model_1/conv2d" in one.name]
    mixes = [one for one in body if "/model_1/separable_conv2d" in one.name]
    return [*backbone, *sorted(beside, key=lambda one: one.name), *mixes]


def _set(layer: Same, found: Convolution) -> None:
    if found.weight.shape != tuple(layer.weight.shape):
        raise TrainingError(f"This is not MoveNet: {found.name} is {found.weight.shape}.")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(found.weight))
        if layer.bias is not None and found.bias is not None:
            layer.bias.copy_(torch.from_numpy(found.bias))
