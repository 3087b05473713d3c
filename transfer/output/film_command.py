"""`run.py film`: a dataset as a film that plays anywhere, each frame beside its label map."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from capture.dataset import Dataset
from capture.errors import DatasetError
from capture.progress import Progress
from inference.body import PALETTE
from transfer.errors import TransferError
from transfer.output.pictures_out import ENDINGS, Mp4Out

FASTEST = 60.0
"""Frames a second that a film says of itself at most."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.mp4")
    parser.add_argument(
        "--progress", choices=("bar", "json"), default="bar", help=argparse.SUPPRESS
    )
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    if arguments.out.suffix.lower() != ENDINGS[0]:
        raise TransferError(f"{arguments.out.name} must end in {ENDINGS[0]}.")
    try:
        dataset = Dataset.open(arguments.dataset)
    except DatasetError as error:
        raise TransferError(str(error)) from error
    title, pairs = dataset.manifest.title, dataset.used
    if not pairs:
        raise TransferError(f"No frames are left in {title}.")
    rate = min(max(len(pairs) - 1, 1) / max(dataset.seconds, 1e-3), FASTEST)
    with (
        Mp4Out(arguments.out, rate) as out,
        Progress(title, "frame", arguments.progress == "json") as progress,
    ):
        for number, pair in enumerate(pairs, start=1):
            rgb, labels = dataset.frame(pair.index), dataset.labels(pair.index)
            out.write(np.hstack([rgb, PALETTE[labels]]), pair.time_s - pairs[0].time_s)
            progress(number, len(pairs))
    print(f"{arguments.out} shows {len(pairs)} frames of {title}.")
    return 0
