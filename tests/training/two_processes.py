"""Trains for some steps in one of several processes and writes down what came of it.

`torchrun ... -m tests.training.two_processes DATASET RUN BATCH`
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from training.distributed import ProcessGroup
from training.performer.data import Augment, TransferData
from training.performer.sources import split
from training.performer.training import TrainingProgress, TransferTraining
from training.run_folder import RunFolder
from transfer.performers.condition import Ingredients
from transfer.performers.crop import usual_side
from transfer.performers.generator import GENERATORS, Generator
from transfer.target.target import Target

STEPS = 6


def train(dataset: Path, run: Path, batch: int) -> None:
    """Write `RUN-RANK.json`: the losses of each step, and a sum of the weights."""
    torch.set_num_threads(1)
    group = ProcessGroup.join()
    target = Target.open(dataset)
    learnt, held_out = split(target)
    side = usual_side([target.labels(number) for number in learnt[::10]])
    data = TransferData(target, learnt, side, 64), TransferData(target, held_out, side, 64)
    run.mkdir(exist_ok=True)
    torch.manual_seed(0)
    generator = Generator(replace(GENERATORS["realtime"], batch=batch))
    training = TransferTraining(generator, RunFolder(run), Ingredients(), 4, group=group)
    group.wait()
    training.seconds = 200.0  # The discriminator has joined.
    progress: list[TrainingProgress] = []
    training.run(*data, Augment(), progress.append, lambda: len(progress) >= STEPS)
    state = training.generator.state_dict()
    weights = {name: float(value.double().sum()) for name, value in state.items()
               if name.endswith("weight")}  # fmt: skip
    found = {"losses": [one.losses for one in progress], "weights": weights, "seen": training.seen}
    Path(f"{run}-{group.rank}.json").write_text(json.dumps(found))
    group.leave()


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
