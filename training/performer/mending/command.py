"""`run.py train --preset warp`: the mending network of one person, or of many to start from."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import torch

from capture.files import write_whole
from inference.export_packages import missing_packages
from training.curves import write_curves
from training.errors import TrainingError
from training.performer.mending.examples import VARIANTS, MendingData
from training.performer.mending.export import as_int8, calibration
from training.performer.mending.training import MendingTraining
from training.performer.same_person import check_one_person
from training.performer.sources import Split, check_enough, check_one_camera, split
from training.reporting import watched
from training.run_folder import RunFolder
from transfer.performers.condition import Ingredients
from transfer.performers.crop import ROOM
from transfer.performers.trained import Trained
from transfer.performers.trained_files import BASE_MENDING, BASE_MENDING_INT8, MENDING_NAME, WARP
from transfer.performers.warp.mending import SIZE
from transfer.performers.warp.network import MendingNetwork, load_network, save_network
from transfer.target.references import FILE_NAME, ReferenceBank, first_number
from transfer.target.target import Target, find_target

FRAMES_OF_EACH = 110
"""Of each dataset, when people are many: more frames of one say little new."""
HELD_OUT_OF_EACH = 5
MOST_THREADS = 4
"""Of PyTorch: the network is small."""


def train_mending(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise TrainingError(f"The preset {WARP} learns in one process: start it without torchrun.")
    # One core is left for the examples, and for whoever watches: two of PyTorch's threads on two
    # cores wait for each other once anything else runs (measured: 11 pictures a second with one,
    # less than one with two).
    torch.set_num_threads(max(1, min(MOST_THREADS, (os.cpu_count() or 2) - 1)))
    targets = [find_target(name, Path(".")) for name in arguments.datasets]
    run, many = RunFolder(arguments.out), arguments.people == "many"
    run.open(_options(arguments, targets))
    parts = [split(target) for target in targets]
    check_enough(targets, parts)
    if not many:
        check_one_camera(targets)
        check_one_person(targets)
    banks = [ReferenceBank.of(*one) for one in zip(targets, (p[0] for p in parts), strict=True)]
    training = MendingTraining(
        _first_network(arguments), run, run.path / MENDING_NAME, arguments.minutes, looks=many,
        seed=arguments.seed,
    )  # fmt: skip
    held_out = _examples(targets, parts, banks, many, kept_out=True)
    training.show(held_out)
    if not many:
        bank = ReferenceBank.joined(banks)
        _write_performer(run, arguments, targets[0], parts[0][0], bank)
    data = _examples(targets, parts, banks, many)
    count = sum(map(len, data))
    print(f"{count} frames to learn from, the last tenth in time is held out.")
    over = threading.Event()
    more = threading.Thread(target=_make_variants, args=(data, over), daemon=True)
    more.start()
    try:
        watched(
            lambda report, stop, note: training.run(data, held_out, report, stop, note),
            arguments.progress == "json",
        )
    finally:
        over.set()
        more.join()
    write_curves(run.history(), run.path / "curves.png")
    if many:
        _write_base(run, training.mean, [*zip(targets, (part[0] for part in parts), strict=True)])
    accuracy = ", ".join(f"{name} {value:.3f}" for name, value in training.held_out.items())
    print(f"Trained {training.seconds / 60:.1f} min on {training.seen} pictures: {accuracy}")
    if not many:
        print(f"`python run.py perform SOURCE.mp4 --as {run.path} --out OUT.mp4` shows it.")
    return 0


def _examples(
    targets: Sequence[Target],
    parts: Sequence[Split],
    banks: Sequence[ReferenceBank],
    many: bool,
    kept_out: bool = False,
) -> list[MendingData]:
    """What is learnt from of each dataset, or what is held out, with its first variant: it is
    learnt from at once, the others are made meanwhile."""
    joined = None if many else ReferenceBank.joined(banks)
    data = []
    for place, (target, (learnt, held_out), own) in enumerate(
        zip(targets, parts, banks, strict=True)
    ):
        bank = own if joined is None else joined
        first = 0 if joined is None else first_number(place)
        side = usual_side_of(bank)
        numbers, most = (held_out, HELD_OUT_OF_EACH) if kept_out else (learnt, FRAMES_OF_EACH)
        if many:
            numbers = numbers[:: max(1, len(numbers) // most)]
        data.append(MendingData(target, numbers, bank, side, first, exact=kept_out))
        data[-1].add_variant()
    return data


def _write_base(
    run: RunFolder, network: MendingNetwork, learnt: Sequence[tuple[Target, Sequence[int]]]
) -> None:
    """The two files that come with the program, of a network of many people."""
    save_network(network, run.path / BASE_MENDING.name, half=True)
    if missing := missing_packages():
        print(f"{BASE_MENDING_INT8.name} is not written. {missing}")
        return
    write_whole(run.path / BASE_MENDING_INT8.name, as_int8(network, calibration(learnt)))


def usual_side_of(bank: ReferenceBank) -> int:
    """Of the square around the dancer, pixels of the target's picture."""
    return max(32, round(bank.height * ROOM))


def _make_variants(data: Sequence[MendingData], over: threading.Event) -> None:
    for _ in range(VARIANTS - 1):
        for one in data:
            one.add_variant(over.is_set)


def _first_network(arguments: argparse.Namespace) -> MendingNetwork:
    torch.manual_seed(arguments.seed)
    start = arguments.start
    if start == "none" or (start is None and _begins_fresh(arguments)):
        return MendingNetwork()
    if start in (None, "base"):
        return load_network(BASE_MENDING)
    return load_network(Path(start) / MENDING_NAME)


def _begins_fresh(arguments: argparse.Namespace) -> bool:
    """Whether the weights are random unless some are asked for."""
    return arguments.people == "many" or not BASE_MENDING.is_file()


def _write_performer(
    run: RunFolder,
    arguments: argparse.Namespace,
    target: Target,
    learnt: Sequence[int],
    bank: ReferenceBank,
) -> None:
    """All that performing needs but the weights."""
    about = Trained(
        target.dataset.manifest.title, target.dataset.manifest.id, WARP, SIZE,
        usual_side_of(bank), target.body_frame, Ingredients(), bank.unseen,
    )  # fmt: skip
    about.save(run.path, target.plate, target.frame(learnt[len(learnt) // 2]))
    bank.save(run.path / FILE_NAME)
    write_whole(run.path / "README.md", _explained(arguments, about).encode())
    if sentence := about.unseen.sentence(about.title):
        print(sentence)


def _explained(arguments: argparse.Namespace, about: Trained) -> str:
    """What lies in the run's folder, and what can be done with it."""
    run, datasets = arguments.out, " ".join(arguments.datasets)
    return f"""# A performer: {about.title}

Made by Understudy's `run.py train`, preset {about.preset}.

| file | |
|---|---|
| `options.json` | what was asked for |
| `history.jsonl`, `curves.png` | how the losses fell, how like the truth held-out frames became |
| `pictures/` | five held-out poses, true and as drawn after so many seconds |
| `{FILE_NAME}`, `{MENDING_NAME}`, `performer.json`, `plate.png` | all that performing needs |
| `checkpoint.pt` | all that going on needs; may be deleted when it is done |

```
python run.py perform SOURCE.mp4 --as {run} --out OUT.mp4     # somebody's dance, shown as them
python run.py evaluate {run}                                  # how good; writes evaluation.html
python run.py export-model {run}                              # int8: faster on a CPU
python run.py train {datasets} --out {run} --minutes MORE     # go on
```

In `data/runs` it stands under "Shown as" on the page.
"""


def _options(arguments: argparse.Namespace, targets: Sequence[Target]) -> dict[str, object]:
    return {
        "kind": "performer",
        "preset": WARP,
        "datasets": [target.dataset.manifest.id for target in targets],
        "sources": [str(target.dataset.path.resolve()) for target in targets],
        "title": targets[0].dataset.manifest.title,
        "minutes": arguments.minutes,
        "from": arguments.start or ("none" if _begins_fresh(arguments) else "base"),
        "people": arguments.people,
        "seed": arguments.seed,
    }
