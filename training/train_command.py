"""`run.py train`: a dataset in, a performer out that improves while one watches."""

from __future__ import annotations

import argparse
import json
import signal
import time
from pathlib import Path
from typing import Any

import torch

from capture.progress import Progress
from training.errors import TrainingError
from training.run_folder import RunFolder
from training.sheet import write_curves
from training.transfer_data import Augment, TransferData
from training.transfer_sheet import write_samples
from training.transfer_training import Told, TransferTraining
from transfer.condition import Ingredients
from transfer.crop import usual_side
from transfer.generator import GENERATORS, Generator
from transfer.target import Target, find_target
from transfer.trained import Trained, load_generator
from transfer.trained_files import WEIGHTS_NAME

SIZES = (256, 384, 512)
LEAST_PAIRS = 50
HELD_OUT = 0.1
"""Last in time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", metavar="DATASET", help="who is to be shown")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN")
    parser.add_argument("--preset", choices=tuple(GENERATORS), default="realtime")
    parser.add_argument("--size", type=int, choices=SIZES, default=SIZES[0])
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M")
    parser.add_argument(
        "--from", dest="start", default="none", metavar="RUN|none", help="start weights"
    )
    parser.add_argument(
        "--condition",
        nargs="+",
        default=["parts", "pose"],
        choices=("parts", "pose", "previous"),
        help="what the generator goes by; previous: its own last picture",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--progress", choices=("bar", "json"), default="bar")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    if not 0 < arguments.minutes <= 60 * 24 * 14:
        raise TrainingError("--minutes is more than 0 and at most two weeks.")
    target = find_target(arguments.dataset, Path("."))
    run = RunFolder(arguments.out)
    run.open(_options(arguments, target))
    learnt, held_out = split(target)
    side = usual_side([target.labels(number) for number in learnt[:: max(1, len(learnt) // 200)]])
    about = Trained(
        target.dataset.manifest.title, target.dataset.manifest.id, arguments.preset,
        arguments.size, side, target.stage, _ingredients(arguments),
    )  # fmt: skip
    about.save(run.path, target.plate, target.frame(learnt[len(learnt) // 2]))
    with Progress("crops", "frame") as progress:
        data = TransferData(target, learnt, side, arguments.size, progress)
        kept_out = TransferData(target, held_out, side, arguments.size)
    print(f"{len(data)} frames to learn from, the last {len(kept_out)} in time are held out.")
    if sentence := target.usable.sentence():
        print(sentence)
    generator = _first_generator(arguments)
    training = TransferTraining(
        generator, run, about.ingredients, arguments.minutes, arguments.seed
    )
    # What is not looked at need not be made.
    augment = Augment() if about.ingredients.previous else Augment(no_previous=1.0)
    _train(training, data, kept_out, augment, arguments.progress == "json")
    write_samples(training.mean.eval(), kept_out, about.ingredients, run.path / "samples.png")
    write_curves(run.history(), run.path / "curves.png")
    print(_summary(training))
    print(f"`python run.py perform SOURCE.mp4 --as {arguments.out} --out OUT.mp4` shows it.")
    return 0


def split(target: Target) -> tuple[list[int], list[int]]:
    """Numbers of the usable pairs to learn from, and of all pairs in the last tenth of the time.

    Raises `TrainingError` when there are too few.
    """
    first = len(target.pairs) - max(1, round(len(target.pairs) * HELD_OUT))
    learnt = [number for number in target.usable.numbers if number < first]
    if len(learnt) < LEAST_PAIRS:
        raise TrainingError(
            f"{target.dataset.manifest.title} has {len(learnt)} usable frames, {LEAST_PAIRS} are "
            f"needed: capture at least {LEAST_PAIRS / 15:.0f} seconds more, whole body in the "
            f"picture, standing still enough not to blur. {target.usable.sentence()}".strip()
        )
    return learnt, list(range(first, len(target.pairs)))


def _options(arguments: argparse.Namespace, target: Target) -> dict[str, Any]:
    return {
        "kind": "performer",
        "preset": arguments.preset,
        "dataset": target.dataset.manifest.id,
        "title": target.dataset.manifest.title,
        "size": arguments.size,
        "minutes": arguments.minutes,
        "from": arguments.start,
        "condition": arguments.condition,
        "seed": arguments.seed,
    }


def _ingredients(arguments: argparse.Namespace) -> Ingredients:
    wanted = set(arguments.condition)
    if wanted == {"previous"}:
        raise TrainingError("Its last picture alone tells no pose: add parts, pose or both.")
    return Ingredients(**{name: name in wanted for name in ("parts", "pose", "previous")})


def _first_generator(arguments: argparse.Namespace) -> Generator:
    torch.manual_seed(arguments.seed)
    if arguments.start == "none":
        return Generator(GENERATORS[arguments.preset])
    path = Path(arguments.start) / WEIGHTS_NAME
    generator = load_generator(path)
    if generator.preset.name != arguments.preset:
        raise TrainingError(
            f"{arguments.start} is a {generator.preset.name} performer: add "
            f"`--preset {generator.preset.name}`."
        )
    return generator


def _train(
    training: TransferTraining,
    data: TransferData,
    held_out: TransferData,
    augment: Augment,
    as_json: bool,
) -> None:
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    told_at = 0.0
    try:
        with Progress("training", "s") as progress:

            def tell(told: Told) -> None:
                nonlocal told_at
                if not as_json:
                    progress(round(told.seconds), round(told.total_seconds))
                if time.monotonic() - told_at >= (1 if as_json else 30):
                    told_at = time.monotonic()
                    print(_json(told), flush=True) if as_json else progress.note(_line(told))

            training.run(data, held_out, augment, tell, lambda: stopped, progress.note)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _json(told: Told) -> str:
    rate = told.seen / max(told.seconds, 1e-9)
    return json.dumps(
        {
            "seconds": round(told.seconds, 1),
            "seconds_left": round(max(told.total_seconds - told.seconds, 0), 1),
            "pictures": told.seen,
            "pictures_per_second": round(rate, 1),
            "losses": {name: round(value, 4) for name, value in told.losses.items()},
            "held_out": told.held_out,
            "starved": round(told.starved, 3),
        }
    )


def _line(told: Told) -> str:
    losses = ", ".join(f"{name} {value:.3f}" for name, value in told.losses.items())
    accuracy = ", ".join(f"{name} {value:.3f}" for name, value in told.held_out.items())
    rate = told.seen / max(told.seconds, 1e-9)
    return (
        f"{told.seen} pictures ({rate:.1f}/s, {told.starved:.0%} of the time waiting): {losses}"
        + (accuracy and f" | held out: {accuracy}")
    )


def _summary(training: TransferTraining) -> str:
    accuracy = ", ".join(f"{name} {value:.3f}" for name, value in training.held_out.items())
    return f"Trained {training.seconds / 60:.1f} min on {training.seen} pictures: {accuracy}"
