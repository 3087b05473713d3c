"""`run.py export-model`: a trained performer as an int8 TFLite file, checked against float."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from capture.files import write_whole
from training import export_tflite
from training.errors import TrainingError
from training.evaluate_performer import reconstruction
from training.transfer_data import Augment, Batch, TransferData
from training.transfer_losses import network_input
from training.transfer_sources import split, target_of
from transfer.condition import CHANNELS
from transfer.gan import GanPerformer
from transfer.generator import Generator
from transfer.layers import fold_batch_norms
from transfer.target import Target
from transfer.trained import Trained, load_generator
from transfer.trained_files import INT8_NAME, WEIGHTS_NAME

CALIBRATION = 100
"""Conditions on which ranges are measured."""
WORTH_SAYING, MOST_LOST = 0.01, 0.05
"""Of SSIM."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument(
        "--dataset", metavar="DATASET", help="the one it learnt (default: where it was then)"
    )
    parser.add_argument("--format", choices=("tflite",), default="tflite")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    export_tflite.require_packages()
    about, _ = Trained.load(arguments.run)
    if about.ingredients.picture:
        raise TrainingError(
            "A direct performer cannot be exported: int8 ranges would have to be measured on the "
            "source's pictures. Perform with the float weights."
        )
    target = target_of(arguments.run, about, arguments.dataset)
    before, after = export(arguments.run, about, target)
    print(f"{arguments.run / INT8_NAME} is ready: SSIM {after:.3f}, in float {before:.3f}.")
    if load_generator(arguments.run / WEIGHTS_NAME).face is not None:
        print("The face stage is not in it: in int8 the face stays as the generator draws it.")
    if after < before - WORTH_SAYING:
        print(f"That is seen: delete {INT8_NAME} to perform with the float weights again.")
    return 0


def export(run: Path, about: Trained, target: Target) -> tuple[float, float]:
    """Write the int8 file; SSIM of the held-out frames in float and in int8.

    Raises:
        TrainingError: packages are missing, or int8 loses more than `MOST_LOST`; then no file.
    """
    learnt, held_out = split(target)
    generator = load_generator(run / WEIGHTS_NAME)
    (run / INT8_NAME).unlink(missing_ok=True)
    before = reconstruction(GanPerformer(run, target.stage), target, held_out)["ssim"]
    random = np.random.default_rng(0)
    chosen = random.choice(learnt, min(CALIBRATION, len(learnt)), replace=False)
    data = TransferData(target, sorted(map(int, chosen)), about.side, about.size)
    inputs = [_input(data, place, about, random) for place in range(len(data))]
    shape = (about.size, about.size, CHANNELS)
    content = export_tflite.quantised(_Folded(generator), shape, 1, inputs)
    write_whole(run / INT8_NAME, content)
    after = reconstruction(GanPerformer(run, target.stage), target, held_out)["ssim"]
    if after < before - MOST_LOST:
        (run / INT8_NAME).unlink()
        raise TrainingError(
            f"In int8 the SSIM falls from {before:.3f} to {after:.3f}: train longer, or go on with "
            "the float weights; nothing was written."
        )
    return before, after


def _input(
    data: TransferData, place: int, about: Trained, random: np.random.Generator
) -> NDArray[np.float32]:
    batch = Batch.of(data.examples(place, Augment(), random))
    x = network_input(batch, None, about.ingredients)
    return x.permute(0, 2, 3, 1).contiguous().numpy()


class _Folded(nn.Module):
    """The generator for export: BatchNorm folded, colours not weighted by alpha yet."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = copy.deepcopy(generator).eval()
        fold_batch_norms(self.generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.generator.unweighted(x)
