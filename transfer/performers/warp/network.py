"""The network that mends warped pictures (PyTorch). It knows no person: it corrects what is there.

With zero weights it is nearly the bare warp. The plate is no input, colours that are drawn start
from those of solid pixels around: this is what carries over to people it never saw.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from capture.files import write_whole
from transfer.errors import TransferError
from transfer.performers.condition import PARTS
from transfer.performers.layers import (
    Block,
    Up,
    convolution,
    doubled,
    fold_batch_norms,
    initialise,
)
from transfer.performers.warp.mending import (
    ALPHA,
    CHANNELS,
    COLOUR,
    FILLED,
    RESIDUAL,
    VERSION,
    Mended,
    MendingInput,
    mended_of,
)

WIDTHS = (24, 48, 96, 160)
"""Channels at half, quarter, ... resolution."""
BLOCKS, LAST = 3, 12
STEEPNESS = 5.0
"""How sharply the warp's own alpha counts."""
PRIOR = 3.0
"""How little is drawn at first: 5 %."""


class MendingNetwork(nn.Module):
    """`[N, CHANNELS, S, S]` to corrections `[N, 5, S, S]`: how far a drawn colour is from the one
    filled in (-1..1), alpha, and the share of the drawn colour (0..1)."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four = WIDTHS
        self.stem = convolution(CHANNELS, one, stride=2)
        self.down2 = convolution(one, two, stride=2)
        self.down3 = convolution(two, three, stride=2)
        self.down4 = convolution(three, four, stride=2)
        self.middle = nn.Sequential(*(Block(four) for _ in range(BLOCKS)))
        self.up3, self.up2, self.up1 = (
            Up(four, three, three),
            Up(three, two, two),
            Up(two, one, one),
        )
        self.last = convolution(one, LAST)
        self.out = nn.Conv2d(LAST, 5, 3, padding=1)
        initialise(self)
        nn.init.normal_(self.out.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """S is a multiple of 16."""
        one = self.stem(x)
        two = self.down2(one)
        three = self.down3(two)
        up = self.up3(self.middle(self.down4(three)), three)
        made = self.out(self.last(doubled(self.up1(self.up2(up, two), one)))).float()
        warped = x[:, PARTS + ALPHA : PARTS + ALPHA + 1].float()
        alpha = torch.sigmoid(made[:, 3:4] + STEEPNESS * (warped - 0.5))
        share = torch.sigmoid(made[:, 4:5] - PRIOR)
        return torch.cat([torch.tanh(made[:, :3]), alpha, share], dim=1)


def encode(parts: Tensor, planes: Tensor) -> Tensor:
    """uint8 `[N, S, S]` and `[N, S, S, PLANES]` as the network's input."""
    count, height, width = parts.shape
    one_hot = torch.zeros((count, height, width, PARTS), device=parts.device)
    one_hot.scatter_(3, parts.long()[..., None], 1.0)
    x = torch.cat([one_hot, planes.float() / 255], dim=3)
    return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def layer_of(x: Tensor, corrections: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The layer `[N, 4, S, S]`, RGB weighted by alpha, and alpha; the drawn colour `[N, 3, S, S]`
    and its share in the layer's: what `mending.mended_layer` does, in PyTorch."""
    first = PARTS + COLOUR
    warped, own = x[:, first : first + 3].float(), x[:, PARTS + ALPHA : PARTS + ALPHA + 1].float()
    drawn = drawn_colour(x[:, PARTS + FILLED :].float(), corrections[:, :3])
    alpha, share = corrections[:, 3:4], corrections[:, 4:5]
    weight = (share + (1 - share) * own).clamp_min(1e-3)
    colour = (drawn * share + warped * (1 - share)) / weight
    layer = torch.cat([colour.clamp(0, 1) * alpha, alpha], dim=1)
    return layer, drawn, share / weight


def drawn_colour(filled: Tensor, residual: Tensor) -> Tensor:
    """0..1."""
    return (filled + RESIDUAL * residual).clamp(0, 1)


class FloatMender:
    """Mends with the network in PyTorch."""

    def __init__(self, network: MendingNetwork) -> None:
        """Folds the network's BatchNorms."""
        fold_batch_norms(network.eval())
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture."""
        with torch.inference_mode():
            x = encode(torch.from_numpy(inputs.parts)[None], torch.from_numpy(inputs.planes)[None])
            made = self._network(x)[0].permute(1, 2, 0).contiguous().numpy()
        return mended_of(made, inputs)


def save_network(network: nn.Module, path: Path, half: bool = False) -> None:
    """Weights as safetensors, whole or not at all; `half`: in fp16, to be shipped."""
    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    write_whole(path, save(tensors, {"mending": str(VERSION)}))


def load_network(path: Path) -> MendingNetwork:
    """A network with the weights of a file; `TransferError` when it cannot be."""
    try:
        with safe_open(path, "pt") as file:
            version = (file.metadata() or {}).get("mending")
        if version != str(VERSION):
            raise TransferError(
                f"{path} was trained on input of version {version}, this program makes version "
                f"{VERSION}: train it again."
            )
        network = MendingNetwork()
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TransferError(f"{path} holds no mending network of this version: {error}") from error
    return network.eval()
