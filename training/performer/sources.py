"""What a performer is trained on: frames of datasets, checked, shared out, cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from capture.progress import Progress
from inference.arrays import Labels
from training.errors import TrainingError
from training.performer.data import Joined, TransferData
from training.run_folder import RunFolder
from transfer.performers.crop import usual_side
from transfer.performers.trained import Trained
from transfer.target.target import Target, find_target

LEAST_PAIRS = 50
HELD_OUT = 0.1
"""Last in time."""

Split = tuple[list[int], list[int]]
"""Numbers of a target's pairs: those to learn from, those held out."""


def target_of(run: Path, about: Trained, dataset: str | None) -> Target:
    """The dataset that a run learnt from: by name, or where it was when the training began.

    Raises:
        TrainingError: it is not there any more, or another one.
    """
    if dataset is None:
        options = RunFolder(run).options() or {}
        dataset = (options.get("sources") or [""])[0]
        if not (Path(dataset) / "dataset.json").is_file():
            raise TrainingError(f"Name the dataset that {run} was trained on with --dataset.")
    target = find_target(dataset, Path("."))
    if target.dataset.manifest.id != about.dataset:
        raise TrainingError(f"{run} was trained on another dataset: {about.title}.")
    return target


def split(target: Target) -> Split:
    """Numbers of the usable pairs to learn from, and of all pairs in the last tenth of the time."""
    first = len(target.pairs) - max(1, round(len(target.pairs) * HELD_OUT))
    learnt = [number for number in target.usable.numbers if number < first]
    return learnt, list(range(first, len(target.pairs)))


def check_enough(targets: Sequence[Target], parts: Sequence[Split]) -> None:
    """Raise `TrainingError` when there is too little to learn from."""
    count = sum(len(learnt) for learnt, _ in parts)
    if count < LEAST_PAIRS:
        why = " ".join(sentence for target in targets if (sentence := target.left_out()))
        raise TrainingError(
            f"There are {count} usable frames, {LEAST_PAIRS} are needed: capture some seconds "
            f"more, the whole body in a sharp picture. {why}".strip()
        )
    for target, (learnt, _) in zip(targets, parts, strict=True):
        if not learnt:
            raise TrainingError(
                f"{target.dataset.manifest.title} holds no usable frame: leave it out. "
                f"{target.left_out()}".strip()
            )


def check_one_camera(targets: Sequence[Target]) -> None:
    """Raise `TrainingError` when datasets have pictures of different sizes."""
    for target in targets:
        if target.size != targets[0].size:
            (w, h), (x, y) = targets[0].size, target.size
            raise TrainingError(
                f"{targets[0].dataset.manifest.title} has pictures of {w}x{h}, "
                f"{target.dataset.manifest.title} of {x}x{y}: train on datasets of one camera."
            )


def some_labels(target: Target, numbers: Sequence[int]) -> list[Labels]:
    """Label maps of some of the pairs, evenly over the time."""
    return [target.labels(number) for number in numbers[:: max(1, len(numbers) // 200)]]


def sides_of(label_maps: Sequence[Sequence[Labels]], alike: bool) -> list[int]:
    """Of the usual square around the dancer, by the label maps of each dataset.

    `alike`: one for all.
    """
    if alike:
        return [usual_side(list(chain(*label_maps)))] * len(label_maps)
    return [usual_side(some) for some in label_maps]


def examples_of(
    targets: Sequence[Target], parts: Sequence[Split], sides: Sequence[int], size: int
) -> tuple[Joined, Joined]:
    """What is learnt from, and what is held out."""
    data: list[TransferData] = []
    kept_out: list[TransferData] = []
    with Progress("crops", "frame") as progress:
        for target, (learnt, held_out), side in zip(targets, parts, sides, strict=True):
            for found, numbers in ((data, learnt), (kept_out, held_out)):
                found.append(TransferData(target, numbers, side, size, progress))
    return Joined(data), Joined(kept_out)
