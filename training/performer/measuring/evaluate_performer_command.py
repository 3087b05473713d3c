"""`run.py evaluate`: a trained performer, or a dataset as it is, beside the clean plate and what is
shown without training."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from capture.commands import open_pool
from capture.decoding import fitted
from capture.files import check_writable, write_whole
from capture.progress import Progress
from inference.arrays import Rgb
from training.errors import TrainingError
from training.performer.measuring.evaluate_performer import (
    SIDE,
    OnPicture,
    PlateOnly,
    Poses,
    reconstruction,
    transfer,
)
from training.performer.measuring.evaluation_page import Part, write_page
from training.performer.measuring.moving import film
from training.performer.sources import split, target_of
from transfer.performers.gan import GanPerformer
from transfer.performers.knn import KnnPerformer
from transfer.performers.performer import Performer
from transfer.performers.trained import Trained
from transfer.performers.trained_files import MENDING_NAME, WARP, WEIGHTS_NAME, is_trained
from transfer.performers.warp.opening import open_dataset, open_run
from transfer.target.references import ReferenceBank
from transfer.target.target import Target, find_target

COLUMNS = 8
MOST = 120
"""Frames of a dataset nobody learnt from that are looked at: as many neighbours, in its middle."""
SHOWN = ("ssim", "error", "haarpsi", "face_haarpsi", "sharpness", "face_sharpness",
         "pose_distance", "pck", "missed", "warping_error", "ms")  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("run", type=Path, metavar="RUN|DATASET")
    parser.add_argument(
        "--dataset", metavar="DATASET", help="the one it learnt (default: where it was then)"
    )
    parser.add_argument(
        "--truth", metavar="DATASET", help="of the same person, not learnt from, to measure on"
    )
    parser.add_argument("--source", metavar="DATASET", help="somebody else, to be shown as them")
    parser.add_argument(
        "--normalise",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="move the source to where the dancer stands, as tall as they are (default: yes)",
    )
    parser.add_argument(
        "--base",
        type=Path,
        metavar="WEIGHTS",
        help="of a mending network to be measured without training (default: the program's own)",
    )
    parser.add_argument("--json", type=Path, metavar="F", help="default: evaluation.json there")
    parser.add_argument("--html", type=Path, metavar="F", help="default: evaluation.html there")
    parser.set_defaults(command=main)


@dataclass(slots=True)
class _Strips:
    """Pictures that were looked at, a row a performer."""

    first: str
    rows: dict[str, list[Rgb]] = field(default_factory=dict)

    def on_picture(self, name: str) -> OnPicture:
        """For one performer; the first one also brings the pictures to compare with."""
        if not self.rows:
            self.rows[self.first] = []
        new = len(self.rows) == 1
        mine = self.rows.setdefault(name, [])

        def on_picture(number: int, true: Rgb, generated: Rgb) -> None:
            if new:
                self.rows[self.first].append(_small(true))
            mine.append(_small(generated))

        return on_picture

    def film(self, of: Target) -> bytes:
        """All of each row, side by side, as fast as the dataset was taken."""
        cell = max(one.shape[1] for row in self.rows.values() for one in row), SIDE
        rows = [[fitted(one, cell) for one in row] for row in self.rows.values()]
        return film(rows, of.dataset.manifest.frame.fps)

    def picture(self) -> Rgb:
        """Some of each row."""
        step = max(1, len(self.rows[self.first]) // COLUMNS)
        chosen = [pictures[::step][:COLUMNS] for pictures in self.rows.values()]
        cell = max(pictures[0].shape[1] for pictures in chosen), SIDE
        return np.vstack([np.hstack([fitted(one, cell) for one in row]) for row in chosen])


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    about = Trained.load(arguments.run)[0] if is_trained(arguments.run) else None
    if about is None:
        target = find_target(str(arguments.run), Path("."))
    else:
        target = target_of(arguments.run, about, arguments.dataset)
    for path in _outs(arguments):
        check_writable(path)
    learnt, held_out = split(target)
    truth, numbers = target, held_out
    if arguments.truth:
        truth = find_target(arguments.truth, Path("."))
        numbers = _middle(truth)
        if truth.size != target.size:
            raise TrainingError(f"{arguments.truth} was not captured with the same camera.")
    pool = open_pool(arguments, workers=1)
    bank = ReferenceBank.of(target, learnt)

    def performers(source: Target) -> dict[str, Performer]:
        body_frame = source.body_frame
        if not arguments.normalise:  # As if the source stood there already.
            body_frame = target.body_frame.resized(source.size[1] / target.size[1])
        made: dict[str, Performer] = {
            "plate": PlateOnly(target.plate),
            "knn": KnnPerformer(target, body_frame, learnt),
            "instant": open_dataset(target, body_frame, bank, arguments.base),
        }
        if about is not None and about.preset == WARP:
            made[WARP] = open_run(arguments.run, body_frame)
        elif about is not None:
            made[about.preset] = GanPerformer(arguments.run, body_frame)
        return made

    parts: list[Part] = []
    with Progress("evaluating", "performer") as progress:
        strips, rows = _Strips("truth"), {}
        poses = Poses.of(pool, truth, numbers)
        for name, one in performers(truth).items():
            rows[name] = reconstruction(one, truth, numbers, poses, strips.on_picture(name))
            progress(len(rows), 6)
        title = f"{len(numbers)} frames it never saw"
        parts.append(Part(title, rows, strips.picture(), strips.film(truth)))
        if arguments.source:
            source = find_target(arguments.source, Path("."))
            parts.append(_as_stranger(pool, source, performers(source)))
    for part in parts:
        _print(part)
    figures = {
        "title": target.dataset.manifest.title,
        "measured_on": truth.dataset.manifest.title,
        "frames": len(numbers),
        **_described(arguments.run, about),
        "normalised": arguments.normalise,
        "rows": _listed(parts[0].rows),
        "transfer": _listed(parts[1].rows) if len(parts) > 1 else [],
    }
    _write(arguments, figures, parts)
    return 0


def _described(run: Path, about: Trained | None) -> dict[str, Any]:
    """What a run is, with the SHA-256 of its weights; nothing of a dataset."""
    if about is None:
        return {"preset": None, "sha256": None}
    weights = (run / (MENDING_NAME if about.preset == WARP else WEIGHTS_NAME)).read_bytes()
    return {
        "preset": about.preset,
        "size": about.size,
        "condition": about.ingredients.to_json(),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }


def _as_stranger(pool: Any, source: Target, performers: dict[str, Performer]) -> Part:
    numbers = _middle(source)
    strips, rows = _Strips("source"), {}
    poses = Poses.of(pool, source, numbers)
    for name, one in performers.items():
        if name != "plate":
            rows[name] = transfer(one, source, numbers, poses, strips.on_picture(name))
    return Part(
        f"{source.dataset.manifest.title} shown as them",
        rows,
        strips.picture(),
        strips.film(source),
    )


def _middle(target: Target) -> list[int]:
    count = len(target.pairs)
    first = max(0, (count - MOST) // 2)
    return list(range(first, min(count, first + MOST)))


def _listed(rows: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    return [{"performer": name, **figures} for name, figures in rows.items()]


def _print(part: Part) -> None:
    names = [name for name in SHOWN if any(name in row for row in part.rows.values())]
    print(f"\n{part.title}")
    print(" " * 10 + "".join(f"{name:>15}" for name in names))
    for performer, row in part.rows.items():
        print(f"{performer:10}" + "".join(f"{row.get(name, float('nan')):15.3f}" for name in names))


def _outs(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """Where the figures and the page go."""
    as_json = arguments.json or arguments.run / "evaluation.json"
    as_page = arguments.html or arguments.run / "evaluation.html"
    return as_json, as_page


def _write(arguments: argparse.Namespace, figures: dict[str, Any], parts: list[Part]) -> None:
    as_json, as_page = _outs(arguments)
    write_whole(as_json, json.dumps(figures, indent=1).encode())
    write_page(as_page, figures, parts, arguments.run / "curves.png")
    print(f"\n{as_page} shows the pictures.")


def _small(rgb: Rgb) -> Rgb:
    """All of one height, so that they fit beside each other."""
    width = max(1, round(rgb.shape[1] * SIDE / rgb.shape[0]))
    return np.asarray(cv2.resize(rgb, (width, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
