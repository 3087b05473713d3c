"""`run.py export-model`: a trained performer as an int8 TFLite or an ONNX file, checked against
what PyTorch draws."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from capture.files import check_writable, discard, write_whole
from inference.export_packages import PACKAGES
from training.errors import TrainingError
from training.network import export_tflite
from training.performer import export_onnx
from training.performer.batches import Batch
from training.performer.data import Augment, TransferData
from training.performer.losses import network_input
from training.performer.measuring.evaluate_performer import reconstruction
from training.performer.mending import export
from training.performer.sources import split, target_of
from transfer.performers.condition import CHANNELS
from transfer.performers.gan import GanPerformer
from transfer.performers.generator import Generator
from transfer.performers.layers import fold_batch_norms
from transfer.performers.trained import Trained, load_generator
from transfer.performers.trained_files import (
    INT8_NAME,
    MENDING_INT8_NAME,
    ONNX_NAME,
    WARP,
    WEIGHTS_NAME,
)
from transfer.target.target import Target

CALIBRATION = 100
"""Conditions on which ranges are measured."""
COMPARED = 5
"""Conditions that an ONNX file is tried on."""
ENDS = ("stem", "out")
"""First and last layer of a generator."""
WORTH_SAYING, MOST_LOST = 0.01, 0.05
"""Of SSIM."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument(
        "--dataset", metavar="DATASET", help="the one it learnt (default: where it was then)"
    )
    parser.add_argument("--format", choices=("tflite", "onnx"), default="tflite")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    as_onnx = arguments.format == "onnx"
    export_tflite.require_packages(export_onnx.PACKAGES if as_onnx else PACKAGES)
    about, _ = Trained.load(arguments.run)
    target = target_of(arguments.run, about, arguments.dataset)
    if about.preset == WARP:
        return _export_mending(arguments, target)
    check_writable(arguments.run / (ONNX_NAME if as_onnx else INT8_NAME))
    if as_onnx:
        away = write_onnx(arguments.run, about, target)
        print(f"{arguments.run / ONNX_NAME} is ready; at most {away:.1g} of 1 from PyTorch's.")
        return 0
    before, after, in_float = write_int8(arguments.run, about, target)
    print(f"{arguments.run / INT8_NAME} is ready: SSIM {after:.3f}, in float {before:.3f}.")
    if in_float:
        print("Its first and last layers stayed in float: wholly in int8 it lost more.")
    if after < before - WORTH_SAYING:
        print(f"That is seen: delete {INT8_NAME} to perform with the float weights again.")
    return 0


def _export_mending(arguments: argparse.Namespace, target: Target) -> int:
    """The command for a run of the preset warp."""
    if arguments.format == "onnx":
        raise TrainingError(
            "A warp performer is more than its network: other programs cannot play it. Leave out "
            "`--format onnx`."
        )
    file = arguments.run / MENDING_INT8_NAME
    check_writable(file)
    before, after, _ = export.write_int8(arguments.run, target)
    print(f"{file} is ready: SSIM {after:.3f}, in float {before:.3f}.")
    return 0


def write_int8(run: Path, about: Trained, target: Target) -> tuple[float, float, bool]:
    """Write the int8 file; SSIM of the held-out frames in float and with it, and whether its first
    and last layers had to stay in float.

    Raises:
        TrainingError: packages are missing, or int8 loses more than `MOST_LOST`; then no file.
    """
    learnt, held_out = split(target)
    generator = _Folded(load_generator(run / WEIGHTS_NAME))
    (run / INT8_NAME).unlink(missing_ok=True)

    def likeness() -> float:
        return reconstruction(GanPerformer(run, target.body_frame), target, held_out)["ssim"]

    before = after = likeness()
    inputs = [
        x.permute(0, 2, 3, 1).contiguous().numpy()
        for x in _conditions(target, learnt, about, CALIBRATION)
    ]
    shape = (about.size, about.size, CHANNELS)
    for ends in ((), ENDS):
        content = export_tflite.quantised(generator, shape, 1, inputs, ends)
        write_whole(run / INT8_NAME, content)
        after = likeness()
        if after >= before - WORTH_SAYING:
            break
    if after < before - MOST_LOST:
        discard(run / INT8_NAME)
        raise TrainingError(
            f"In int8 the SSIM falls from {before:.3f} to {after:.3f}: train longer, or go on with "
            "the float weights; nothing was written."
        )
    return before, after, bool(ends)


def write_onnx(run: Path, about: Trained, target: Target) -> float:
    """Write the ONNX file; how far its pictures are from PyTorch's, 0..1, at most.

    Raises:
        TrainingError: packages are missing, or the pictures differ; then no file.
    """
    _, held_out = split(target)
    given = _conditions(target, held_out, about, COMPARED)
    content, away = export_onnx.as_onnx(load_generator(run / WEIGHTS_NAME), about, given)
    write_whole(run / ONNX_NAME, content)
    return away


def _conditions(target: Target, numbers: Sequence[int], about: Trained, most: int) -> list[Tensor]:
    """The generator's input of some of the frames."""
    random = np.random.default_rng(0)
    chosen = random.choice(numbers, min(most, len(numbers)), replace=False)
    data = TransferData(target, sorted(map(int, chosen)), about.side, about.size)
    drawn = [Batch.of(data.examples(place, Augment(), random)) for place in range(len(data))]
    return [network_input(one, None, about.ingredients) for one in drawn]


class _Folded(nn.Module):
    """The generator for export: BatchNorm folded, colours not weighted by alpha yet."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = copy.deepcopy(generator).eval()
        fold_batch_norms(self.generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.generator.unweighted(x)
