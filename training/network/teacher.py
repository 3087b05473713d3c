"""The teacher: hosted networks at several sizes, plain and mirrored, their heads averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Head, Heads
from inference.arrays import Labels, Rgb
from inference.body import MIRROR_KEYPOINTS, MIRROR_PARTS, POSE_TREE
from inference.geometry import Placement
from inference.network import Network
from inference.runtime import Device
from training.errors import TrainingError

LONG_SIDES = (385, 513, 641)
"""Input sizes that are averaged for training labels, pixels."""

REFERENCE_LONG_SIDES = (721,)
"""Input size of the ensemble that others are measured against, pixels."""

Reals = NDArray[np.float32]

_KEYPOINT_PAIRS = [*MIRROR_KEYPOINTS, *(17 + number for number in MIRROR_KEYPOINTS)]
_EDGES = [
    POSE_TREE.index((MIRROR_KEYPOINTS[parent], MIRROR_KEYPOINTS[child]))
    for parent, child in POSE_TREE
]
_EDGE_GROUPS = [16 * group + edge for group in range(4) for edge in _EDGES]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a head changes when the picture is mirrored or resized."""

    mirror: Sequence[int]
    """Channel in the picture -> channel in the mirrored picture."""
    y_channels: slice
    """Channels that hold distances in y."""
    x_channels: tuple[slice, ...]
    """Channels that hold distances in x."""


_NONE = slice(0, 0)
_KINDS = {
    "heatmaps": _Kind(MIRROR_KEYPOINTS, _NONE, ()),
    "short_offsets": _Kind(_KEYPOINT_PAIRS, slice(0, 17), (slice(17, 34),)),
    "mid_offsets": _Kind(_EDGE_GROUPS, _NONE, (slice(16, 32), slice(48, 64))),
    "long_offsets": _Kind(_KEYPOINT_PAIRS, slice(0, 17), (slice(17, 34),)),
    "segments": _Kind((0,), _NONE, ()),
    "part_heatmaps": _Kind(MIRROR_PARTS, _NONE, ()),
}


class Teacher:
    """One or several BodyPix networks that look at a picture in several ways."""

    def __init__(
        self, models: Sequence[Path], long_sides: Sequence[int] = LONG_SIDES, threads: int = 2
    ) -> None:
        """`models`: files of networks with parts; one of a single input size looks at that alone.

        Raises:
            TrainingError: a network has no parts.
            ModelError: a file cannot be read.
        """
        self.networks: list[Network] = []
        for path in models:
            for side in sorted(long_sides):
                network = Network.open(path, Device("cpu"), side, threads)
                if not network.info.has_parts:
                    raise TrainingError(
                        f"{network.info.name} knows no body parts: choose another --teacher."
                    )
                self.networks.append(network)
                if network.info.fixed_size is not None:
                    break

    def heads(self, rgb: Rgb) -> Heads:
        """Averaged heads of a picture uint8 `[H, W, 3]`; float32, on the finest grid.

        Logits and offsets are averaged; the mirrored picture's have left and right swapped back.
        """
        mirrored = np.ascontiguousarray(rgb[:, ::-1])
        seen = [(network.infer(view)[0], view is mirrored)
                for network in self.networks for view in (rgb, mirrored)]  # fmt: skip
        finest = max((heads for heads, _ in seen), key=lambda heads: heads.heatmaps.values.size)
        means = {
            name: Head(np.mean([_like(finest, heads, name, flip) for heads, flip in seen], 0))
            for name in _KINDS
        }
        return Heads(**means, placement=finest.placement, body_stride=finest.body_stride)


def placement_of(heads: Heads, name: str) -> Placement:
    """Where the cells of one head lie."""
    return heads.body_placement if name in ("segments", "part_heatmaps") else heads.placement


def _like(finest: Heads, heads: Heads, name: str, mirrored: bool) -> Reals:
    """One head of `heads`, in the coordinates and on the grid of `finest`."""
    head: Head = getattr(heads, name)
    kind = _KINDS[name]
    placement, own = placement_of(finest, name), placement_of(heads, name)
    grid = getattr(finest, name).values.shape[:2]
    rows, columns = (np.arange(cells, dtype=np.float32) * placement.stride for cells in grid)
    x = placement.to_frame(np.stack([columns, columns * 0], -1))[:, 0]
    y = placement.to_frame(np.stack([rows * 0, rows], -1))[:, 1]
    values = _sampled(head.dequantised(), own, x, y, mirrored)
    if mirrored:
        values = values[..., kind.mirror]
        for channels in kind.x_channels:
            values[..., channels] *= -1
    if name == "mid_offsets" or kind.x_channels:
        ratio_x, ratio_y = np.divide(placement.scale, own.scale)
        across = np.full(values.shape[2], ratio_y, np.float32)
        for channels in kind.x_channels:
            across[channels] = ratio_x
        values *= across
    return values


def _sampled(values: Reals, placement: Placement, x: Reals, y: Reals, mirrored: bool) -> Reals:
    """Values at the frame's columns `x` and rows `y`: `[rows, columns, channels]`, bilinear."""
    if mirrored:
        x = placement.frame_size[0] - 1 - x
    across = placement.to_input(np.stack([x, x * 0], -1))[:, 0] / np.float32(placement.stride)
    down = placement.to_input(np.stack([y * 0, y], -1))[:, 1] / np.float32(placement.stride)
    rows, columns, _ = values.shape
    sampled = np.tensordot(_weights(down, rows), values, (1, 0))
    sampled = np.tensordot(_weights(across, columns), sampled, (1, 1)).transpose(1, 0, 2)
    return np.ascontiguousarray(sampled, np.float32)


def _weights(positions: Reals, cells: int) -> Reals:
    inside = positions.clip(0, cells - 1)
    away = np.abs(inside[:, None] - np.arange(cells, dtype=np.float32))
    return np.asarray(np.maximum(1 - away, 0), np.float32)


def person_probability(heads: Heads) -> Reals:
    """Probability 0..1 of "a person" at every pixel of the frame, float32 `[H, W]`."""
    assert heads.segments is not None
    return np.asarray(1 / (1 + np.exp(-_at_pixels(heads, heads.segments)[..., 0])), np.float32)


def part_labels(heads: Heads) -> Labels:
    """The likeliest part's id + 1 at every pixel of the frame, person or not; uint8 `[H, W]`."""
    assert heads.part_heatmaps is not None
    return np.asarray(_at_pixels(heads, heads.part_heatmaps).argmax(2) + 1, np.uint8)


def _at_pixels(heads: Heads, head: Head) -> Reals:
    width, height = heads.placement.frame_size
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return _sampled(head.dequantised(), heads.body_placement, x, y, False)
