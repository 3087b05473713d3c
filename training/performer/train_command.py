"""`run.py train`: a dataset in, a performer out that improves while one watches."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from capture.files import write_whole
from training.curves import write_curves
from training.distributed import ProcessGroup
from training.errors import TrainingError
from training.performer.data import Augment, Joined
from training.performer.mending.command import train_mending
from training.performer.same_person import check_one_person
from training.performer.sheet import write_samples
from training.performer.sources import (
    Split,
    check_enough,
    check_one_camera,
    examples_of,
    sides_of,
    some_labels,
    split,
)
from training.performer.training import TransferTraining
from training.reporting import watched
from training.run_folder import RunFolder
from transfer.performers.condition import Ingredients
from transfer.performers.generator import GENERATORS, Generator
from transfer.performers.trained import Trained, load_generator, save_generator
from transfer.performers.trained_files import BASE_GENERATOR, WARP, WEIGHTS_NAME, check_run
from transfer.target.target import Target, find_target
from transfer.target.unseen_parts import UnseenParts

SIZES = (256, 384, 512)
MINUTES, WARP_MINUTES = 60.0, 1.0
"""Of training, unless said."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("datasets", nargs="+", metavar="DATASET", help="who is to be shown")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN")
    parser.add_argument(
        "--preset",
        choices=(WARP, *GENERATORS),
        default=WARP,
        help=f"{WARP}: their own pixels, moved, and a network that mends them (default); "
        "realtime: a generator that draws every pixel",
    )
    parser.add_argument("--size", type=int, choices=SIZES, default=SIZES[0])
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="default: 1 for warp, 60 for realtime"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="base|RUN|none",
        help="start weights; none: random (default: base, those that come with the program: a "
        "dancer is drawn sooner)",
    )
    parser.add_argument(
        "--people",
        choices=("one", "many"),
        default="one",
        help="many: datasets of different people, for a generator that others start from",
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
    if arguments.minutes is None:
        arguments.minutes = WARP_MINUTES if arguments.preset == WARP else MINUTES
    if not 0 < arguments.minutes <= 60 * 24 * 14:
        raise TrainingError("--minutes is more than 0 and at most two weeks.")
    if arguments.start not in (None, "base", "none"):
        check_run(Path(arguments.start))
    if arguments.preset == WARP:
        return train_mending(arguments)
    group = ProcessGroup.join()
    try:
        return _main(arguments, group)
    finally:
        group.leave()


def _main(arguments: argparse.Namespace, group: ProcessGroup) -> int:
    targets = [find_target(name, Path(".")) for name in arguments.datasets]
    run = RunFolder(arguments.out)
    if group.first:
        run.open(_options(arguments, targets))
    parts = [split(target) for target in targets]
    check_enough(targets, parts)
    if arguments.people == "one":
        check_one_camera(targets)
        check_one_person(targets)
    first = targets[0]
    about, sides = _about(arguments, targets, parts)
    middle = parts[0][0][len(parts[0][0]) // 2]
    if group.first:
        about.save(run.path, first.plate, first.frame(middle))
        write_whole(run.path / "README.md", _explained(arguments, about).encode())
    data, kept_out = examples_of(targets, parts, sides, about.size)
    if group.first:
        _print_training_data(targets, data, kept_out, about)
    training = TransferTraining(
        _first_generator(arguments), run, about.ingredients, arguments.minutes, arguments.seed,
        group=group,
    )  # fmt: skip
    group.wait()
    augment = Augment(before=about.ingredients.previous)
    if not group.first:
        training.run(data, kept_out, augment, lambda now: None)
        return 0
    watched(
        lambda report, stop, note: training.run(data, kept_out, augment, report, stop, note),
        arguments.progress == "json",
    )
    write_samples(training.mean.eval(), kept_out, about.ingredients, run.path / "samples.png")
    write_curves(run.history(), run.path / "curves.png")
    if arguments.people == "many":
        save_generator(training.mean, run.path / BASE_GENERATOR.name, half=True)
    print(_summary(training))
    print(f"`python run.py perform SOURCE.mp4 --as {arguments.out} --out OUT.mp4` shows it.")
    return 0


def _about(
    arguments: argparse.Namespace, targets: Sequence[Target], parts: Sequence[Split]
) -> tuple[Trained, list[int]]:
    """What the performer is, and the usual square's side, a dataset."""
    learnt = [numbers for numbers, _ in parts]
    looked_at = [some_labels(*one) for one in zip(targets, learnt, strict=True)]
    sides = sides_of(looked_at, arguments.people == "one")
    poses = [one.keypoints[numbers] for one, numbers in zip(targets, learnt, strict=True)]
    unseen = UnseenParts.of(list(chain(*looked_at)), np.concatenate(poses))
    first = targets[0]
    about = Trained(
        first.dataset.manifest.title, first.dataset.manifest.id, arguments.preset,
        arguments.size, sides[0], first.body_frame, _ingredients(arguments), unseen,
        networks=tuple(sorted({one.dataset.manifest.model.name for one in targets})),
    )  # fmt: skip
    return about, sides


def _explained(arguments: argparse.Namespace, about: Trained) -> str:
    """What lies in the run's folder, and what can be done with it."""
    run, datasets = arguments.out, " ".join(arguments.datasets)
    return f"""# A performer: {about.title}

Made by Understudy's `run.py train`, preset {about.preset}, {about.size} pixels.

| file | |
|---|---|
| `options.json` | what was asked for |
| `history.jsonl`, `curves.png` | how the losses fell, how like the truth held-out frames became |
| `pictures/` | five held-out poses, true and as drawn after so many seconds |
| `samples.png` | condition, drawing and truth of held-out frames, when the training ended |
| `generator.safetensors`, `performer.json`, `plate.png` | all that performing needs |
| `checkpoint.pt` | all that going on needs; may be deleted when it is done |

```
python run.py perform SOURCE.mp4 --as {run} --out OUT.mp4     # somebody's dance, shown as them
python run.py evaluate {run}                                  # how good; writes evaluation.html
python run.py export-model {run}                              # int8: faster on a CPU
python run.py export-model {run} --format onnx                # for other programs
python run.py train {datasets} --preset {about.preset} --out {run} --minutes MORE  # go on
```

In `data/runs` it stands under "Shown as" on the page.
"""


def _print_training_data(
    targets: Sequence[Target], data: Joined, kept_out: Joined, about: Trained
) -> None:
    print(f"{len(data)} frames to learn from, the last {len(kept_out)} in time are held out.")
    for target in targets:
        if sentence := target.left_out():
            print(f"{target.dataset.manifest.title}: {sentence}")
    if sentence := about.unseen.sentence(about.title):
        print(sentence)


def _options(arguments: argparse.Namespace, targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "kind": "performer",
        "preset": arguments.preset,
        "datasets": [target.dataset.manifest.id for target in targets],
        "sources": [str(target.dataset.path.resolve()) for target in targets],
        "title": targets[0].dataset.manifest.title,
        "size": arguments.size,
        "minutes": arguments.minutes,
        "from": arguments.start or "base",
        "people": arguments.people,
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
    fresh = Generator(GENERATORS[arguments.preset])
    if arguments.start == "none":
        return fresh
    base = arguments.start in (None, "base")
    path = BASE_GENERATOR if base else Path(arguments.start) / WEIGHTS_NAME
    fresh.load_state_dict(load_generator(path).state_dict())
    return fresh


def _summary(training: TransferTraining) -> str:
    accuracy = ", ".join(f"{name} {value:.3f}" for name, value in training.held_out.items())
    return f"Trained {training.seconds / 60:.1f} min on {training.seen} pictures: {accuracy}"
