"""The face stage: looks at the head alone, larger, and corrects what the generator drew there.

A residual generator on a square around the face, as in Chan et al., "Everybody Dance Now" (ICCV
2019), section 4.3 (PyTorch).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from transfer.performers.condition import LIMBS, PARTS
from transfer.performers.layers import Block, Up, convolution, initialise

SIDE = 64
"""Pixels of the square that it works on, however large the face is."""
MOST = 0.5
"""Of a colour's range, by which it may change a pixel."""

CONDITION = PARTS + LIMBS


class FaceStage(nn.Module):
    """A layer in, the same with another face out."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        self.stem = convolution(CONDITION + 3, channels)
        self.down = convolution(channels, 2 * channels, stride=2)
        self.middle = nn.Sequential(Block(2 * channels), Block(2 * channels))
        self.up = Up(2 * channels, channels, channels)
        self.out = nn.Conv2d(channels, 3, 3, padding=1)
        initialise(self)
        nn.init.zeros_(self.out.weight)  # It begins by changing nothing.

    def forward(self, layer: Tensor, x: Tensor, faces: Tensor) -> Tensor:
        """Correct the faces of layers.

        Args:
            layer: `[N, 4, S, S]`, as the generator makes it.
            x: the generator's input `[N, CHANNELS, S, S]`.
            faces: `[N, 3]`, centre x, y and side in pixels; side 0: none.
        """
        there = (faces[:, 2] > 0).to(layer.dtype)[:, None, None, None]
        sees = torch.cat([x[:, :CONDITION], layer[:, :3]], dim=1)
        small = cut_faces(sees, faces)
        stem = self.stem(small)
        change = self.out(self.up(self.middle(self.down(stem)), stem))
        change = torch.tanh(change) * MOST * _window(change)
        placed = functional.grid_sample(
            change, _grid(faces, layer.shape[-1], back=True), align_corners=False
        )
        alpha = layer[:, 3:]
        rgb = layer[:, :3] + placed.to(layer.dtype) * alpha * there
        return torch.cat([torch.minimum(rgb.clamp_min(0), alpha), alpha], dim=1)


def cut_faces(pictures: Tensor, faces: Tensor) -> Tensor:
    """The squares `[N, 3]` of pictures `[N, C, S, S]`, resized to `[N, C, SIDE, SIDE]`."""
    grid = _grid(faces, pictures.shape[-1], back=False).to(pictures.dtype)
    return functional.grid_sample(pictures, grid, align_corners=False)


def _grid(faces: Tensor, size: int, back: bool) -> Tensor:
    """Where to look: in the picture for the square's pixels, or the other way round."""
    # A face that is not there is looked for in the whole picture; what comes of it is not used.
    side = torch.where(faces[:, 2] > 0, faces[:, 2], torch.full_like(faces[:, 2], size))
    scale = side / size
    x, y = ((2 * faces[:, axis] + 1) / size - 1 for axis in (0, 1))
    nothing = torch.zeros_like(scale)
    if back:
        rows = [1 / scale, nothing, -x / scale], [nothing, 1 / scale, -y / scale]
    else:
        rows = [scale, nothing, x], [nothing, scale, y]
    theta = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    side_out = size if back else SIDE
    return functional.affine_grid(theta, [len(faces), 1, side_out, side_out], align_corners=False)


def _window(like: Tensor) -> Tensor:
    """1 in the middle, falling to 0 at the square's edge: no seam."""
    along = torch.linspace(-1, 1, SIDE, device=like.device, dtype=like.dtype)
    ramp = (4 * (1 - along.abs())).clamp(0, 1)
    return (ramp[:, None] * ramp)[None, None]
