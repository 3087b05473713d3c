"""The student upon MoveNet's trunk, whose weights stay as they are: only the way up is learnt.

The trunk has seen more people than this project can show a network. What it sees at strides 4 to
32 is put together as in the other students. The end of its own pyramid is added to both grids, the
key points that MoveNet reads there to the coarser one, and the tap at stride 2, for sharp borders,
to the finer one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.teachers import find_teacher
from training.network import movenet
from training.network.student import PRESETS, Preset, Student
from training.network.tfjs import read_graph
from transfer.performers.layers import Up, convolution

TRUNK = "movenet-multipose"
"""Name of the teacher whose trunk it is."""
FROZEN = "trunk."
"""Beginning of the names of weights that are not learnt, nor kept beside the network."""


class TrunkStudent(Student):
    """RGB in -1..1 `[N, 3, H, W]` (multiples of 32) to BodyPix's heads, as every `Student`."""

    def __init__(self, preset: Preset, network: movenet.MoveNet) -> None:
        super().__init__(preset)
        frozen = {"taps": network.trunk, "heat": network.heads["kpt_heatmap"]}
        self.trunk = nn.ModuleDict(frozen).requires_grad_(False)

    def _build(self, preset: Preset) -> None:
        up16, up8, up4 = preset.decoder
        widths, end = movenet.CHANNELS, movenet.PYRAMID
        self.up16 = Up(widths[32], widths[16], up16)
        self.up8 = Up(up16, widths[8], up8)
        self.up4 = Up(up8, widths[4], up4)
        self.end8 = _added(end, up8, 3, 2)
        self.heat8 = _added(movenet.HEADS["kpt_heatmap"], up8, 3, 2)
        self.end4 = _added(end, up4, 1, 1)
        self.edges = _added(widths[2], up4, 3, 2)
        self.body = convolution(up4, up4)

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        """What it sees, as `Student.features` says."""
        with torch.no_grad():
            half, quarter, eighth, sixteenth, below, end = self.trunk["taps"](x)
            heat = self.trunk["heat"](end)
        up16 = self.up16(below, sixteenth)
        up8 = self.up8(up16, eighth)
        up4 = self.up4(up8, quarter)
        pose = self.pose(functional.relu(up8 + self.end8(end) + self.heat8(heat)))
        body = self.body(functional.relu(up4 + self.end4(end) + self.edges(half)))
        return half, quarter, eighth, sixteenth, up16, pose, body


def _added(inputs: int, outputs: int, size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
    )


def new_student(name: str) -> Student:
    """An untrained student of a preset.

    Raises:
        ModelError: the trunk's weights are not here; the sentence says how to fetch them.
        TrainingError: they are damaged.
    """
    preset = PRESETS[name]
    if preset.channels:
        return Student(preset)
    graph = read_graph(find_teacher(TRUNK))
    return TrunkStudent(preset, movenet.MoveNet(graph.convolutions))
