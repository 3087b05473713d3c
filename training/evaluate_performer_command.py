"""`run.py evaluate`: a trained performer beside the clean plate and the nearest poses."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from capture.files import write_whole
from inference.analysis import Rgb
from training.evaluate_performer import PlateOnly, score, table
from training.train_command import split
from transfer.gan import GanPerformer
from transfer.knn import KnnPerformer
from transfer.performer import Performer
from transfer.target import find_target
from transfer.trained import Trained
from transfer.trained_files import WEIGHTS_NAME

COLUMNS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--dataset", required=True, metavar="DATASET", help="the one it learnt")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures here")
    parser.add_argument("--pictures", type=Path, metavar="F.png", help="write a filmstrip here")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    about, _ = Trained.load(arguments.run)
    for path in (arguments.json, arguments.pictures):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    target = find_target(arguments.dataset, Path("."))
    learnt, held_out = split(target)
    strips: dict[str, list[Rgb]] = {}

    def looking(name: str) -> Any:
        def look(number: int, true: Rgb, made: Rgb) -> None:
            if name == "plate":
                strips.setdefault("truth", []).append(true)
            strips.setdefault(name, []).append(made)

        return look

    performers: dict[str, Performer] = {
        "plate": PlateOnly(target.plate),
        "knn": KnnPerformer(target, target.stage, learnt),
        about.preset: GanPerformer(arguments.run, target.stage),
    }
    rows = table(
        {name: score(one, target, held_out, looking(name)) for name, one in performers.items()}
    )
    print(f"{'':12} {'SSIM':>7} {'error':>7} {'ms':>7}   (last {len(held_out)} frames)")
    for row in rows:
        print(f"{row['performer']:12} {row['ssim']:7.3f} {row['error']:7.1f} {row['ms']:7.1f}")
    if arguments.json is not None:
        weights = (arguments.run / WEIGHTS_NAME).read_bytes()
        figures = {
            "dataset": target.dataset.manifest.title,
            "frames": len(held_out),
            "preset": about.preset,
            "size": about.size,
            "sha256": hashlib.sha256(weights).hexdigest(),
            "rows": rows,
        }
        write_whole(arguments.json, json.dumps(figures, indent=1).encode())
    if arguments.pictures is not None:
        _write_strip(strips, arguments.pictures)
    return 0


def _write_strip(strips: dict[str, list[Rgb]], path: Path) -> None:
    """A row each: truth, plate, nearest poses, generator."""
    step = max(1, len(strips["truth"]) // COLUMNS)
    rows = [np.hstack(pictures[::step][:COLUMNS]) for pictures in strips.values()]
    _, data = cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    write_whole(path, data.tobytes())
