"""Labelling every sample once, into the run's folder: what is there already is not done again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.errors import CaptureError
from capture.files import make_folder
from capture.progress import Progress
from training.errors import TrainingError
from training.network.labelled import Packed
from training.network.sources import Sample, checksum, sentence
from training.network.teachers import Teachers


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a run learns from and is measured on."""

    learnt: list[Packed]
    held_out: list[Packed]
    checksums: list[str]
    """SHA-256 of the pictures, videos and labels that are learnt from, sorted."""
    left_out: list[str]
    """A sentence for each sample that could not be used."""


def prepare(
    samples: Sequence[Sample],
    folder: Path,
    teachers: Callable[[], Teachers],
    progress: Progress,
    asked: Sequence[str] = (),
) -> Prepared:
    """Label the samples, or read the labels of an earlier run.

    Args:
        samples: from `find_samples`.
        folder: where labels are kept, made when it is not there.
        teachers: called once, when something has to be labelled.
        progress: told of samples done.
        asked: names of the teachers beside that of parts: others give other labels.

    Raises:
        TrainingError: nothing is left to learn from.
        CaptureError: labels cannot be written.
    """
    make_folder(folder)
    learnt: list[Packed] = []
    held_out: list[Packed] = []
    left_out: list[str] = []
    sums: dict[Path, str] = {}
    used: set[str] = set()
    ready: Teachers | None = None
    for number, sample in enumerate(samples):
        try:
            for file in sample.files:
                if file not in sums:
                    sums[file] = checksum(file)
            path = folder / f"{_key(sample, [sums[file] for file in sample.files], asked)}.npz"
            packed = Packed.read(path)
            new = packed is None
            if packed is None:
                if sample.needs_teacher and ready is None:
                    ready = teachers()
                packed = Packed.of(sample.label(ready), sample.kind)
        except (TrainingError, CaptureError, OSError) as error:
            left_out.append(f"{sample.name}: {sentence(error)}")
            continue
        if new:
            packed.write(path)
        (held_out if sample.held_out else learnt).append(packed)
        if not sample.held_out:
            used.update(sums[file] for file in sample.files)
        progress(number + 1, len(samples))
    if not learnt:
        why = f" The first: {left_out[0]}" if left_out else ""
        raise TrainingError(f"None of {len(samples)} pictures can be learnt from.{why}")
    return Prepared(learnt, held_out, sorted(used), left_out)


def _key(sample: Sample, checksums: Sequence[str], asked: Sequence[str]) -> str:
    """A file name for the labels of exactly these bytes by these teachers."""
    about = "\n".join([sample.name, sample.kind, *checksums, *sorted(asked)])
    return hashlib.sha256(about.encode()).hexdigest()[:32]
