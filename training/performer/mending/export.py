"""The mending network as an int8 TFLite file, checked against what the float one makes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capture.files import write_whole
from training.errors import TrainingError
from training.network import export_tflite
from training.performer.measuring.evaluate_performer import reconstruction
from training.performer.mending.examples import AUGMENT, Batch, MendingData
from training.performer.sources import split
from transfer.performers.crop import ROOM
from transfer.performers.layers import fold_batch_norms
from transfer.performers.trained_files import MENDING_INT8_NAME, MENDING_NAME
from transfer.performers.warp.mending import CHANNELS, SIZE
from transfer.performers.warp.network import MendingNetwork, encode, load_network
from transfer.performers.warp.opening import open_run
from transfer.target.references import ReferenceBank
from transfer.target.target import Target

CALIBRATION = 100
"""Examples on which ranges are measured."""
ENDS = ("stem", "out")
"""First and last layer."""
WORTH_SAYING, MOST_LOST = 0.01, 0.05
"""Of SSIM."""


def write_int8(run: Path, target: Target) -> tuple[float, float, bool]:
    """Write a run's int8 file; SSIM of the held-out frames in float and with it, and whether its
    first and last layers had to stay in float.

    Raises:
        TrainingError: packages are missing, or int8 loses more than `MOST_LOST`; then no file.
    """
    learnt, held_out = split(target)
    network = load_network(run / MENDING_NAME)
    file = run / MENDING_INT8_NAME
    file.unlink(missing_ok=True)

    def likeness() -> float:
        return reconstruction(open_run(run, target.body_frame), target, held_out)["ssim"]

    before = after = likeness()
    inputs = calibration([(target, learnt)])
    for ends in ((), ENDS):
        write_whole(file, as_int8(network, inputs, ends))
        after = likeness()
        if after >= before - WORTH_SAYING:
            break
    if after < before - MOST_LOST:
        file.unlink()
        raise TrainingError(
            f"In int8 the SSIM falls from {before:.3f} to {after:.3f}: train longer, or go on with "
            "the float weights; nothing was written."
        )
    return before, after, bool(ends)


def as_int8(
    network: MendingNetwork, inputs: Sequence[NDArray[np.float32]], ends: Sequence[str] = ()
) -> bytes:
    """The file's content; `inputs` as `calibration` makes them; `ends`: layers to stay in float."""
    folded = copy.deepcopy(network).eval()
    fold_batch_norms(folded)
    shape = (SIZE, SIZE, CHANNELS)
    return export_tflite.quantised(folded, shape, 1, list(inputs), tuple(ends))


def calibration(targets: Sequence[tuple[Target, Sequence[int]]]) -> list[NDArray[np.float32]]:
    """Inputs `[1, S, S, CHANNELS]` of frames of some datasets, `CALIBRATION` of all."""
    random = np.random.default_rng(0)
    inputs = []
    for target, numbers in targets:
        most = max(1, CALIBRATION // len(targets))
        chosen = sorted(random.choice(numbers, min(most, len(numbers)), replace=False).tolist())
        bank = ReferenceBank.of(target, numbers)
        data = MendingData(target, chosen, bank, max(32, round(bank.height * ROOM)))
        data.add_variant()
        for place in range(len(data)):
            batch = Batch.of([data.example(place, AUGMENT, random, False)])
            x = encode(batch.parts, batch.planes)
            inputs.append(x.permute(0, 2, 3, 1).contiguous().numpy())
    return inputs
