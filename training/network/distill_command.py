"""`run.py distill`: sources in, a run's folder with a trained student and its TFLite file out."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from capture.files import write_whole
from capture.progress import Progress
from inference import zoo
from training.curves import write_curves
from training.errors import TrainingError
from training.network import export_tflite
from training.network.distill import Training
from training.network.finish import checked_name, finish, install
from training.network.held_out import held_out_accuracy
from training.network.prepare import Prepared, prepare
from training.network.sheet import write_sheet
from training.network.sources import find_samples
from training.network.student import PRESETS, Student
from training.network.student_files import load_student, metadata, save_student
from training.network.student_network import StudentNetwork
from training.network.teachers import here, open_teachers
from training.network.trunk_student import new_student
from training.reporting import watched
from training.run_folder import RunFolder

TEACHERS = ("bodypix-075",)
BUILT_IN = "built-in"
NETWORKS = {
    "tiny": "understudy-tiny",
    "fast": "understudy-fast",
    "trunk": "understudy-default",
}
"""Those that come with the program, by preset."""
KEEP = 0.8
"""Of the start weights, unless asked for otherwise."""
LEAST_PICTURES = 10
"""From fewer nothing is learnt that holds for others."""
SCORES_NAME = "evaluation.json"
"""What the held-out pictures say of the start weights and of the finished file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("sources", nargs="+", type=Path, metavar="DATASET_OR_FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="fast")
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M")
    parser.add_argument(
        "--from", dest="start", default="none", metavar="RUN|built-in|none", help="start weights"
    )
    parser.add_argument(
        "--teacher",
        nargs="+",
        default=list(TEACHERS),
        metavar="NAME",
        help="bodypix-075 (default), and movenet-multipose, movenet-thunder, ... (see `models`)",
    )
    parser.add_argument("--holdout", type=float, default=0.1, metavar="SHARE")
    parser.add_argument(
        "--keep",
        type=float,
        default=None,
        metavar="SHARE",
        help="of the start weights, 0..1, so that nothing is forgotten (0.8 with --from)",
    )
    parser.add_argument("--learning-rate", type=float, default=None, metavar="RATE")
    parser.add_argument(
        "--name", help="the network's, for --model and the page (default: the run's folder)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--progress", choices=("bar", "json"), default="bar")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    export_tflite.require_packages()
    if not 0 <= arguments.holdout <= 0.5:
        raise TrainingError("--holdout is a share between 0 and 0.5.")
    if not 0 < arguments.minutes <= 60 * 24 * 14:
        raise TrainingError("--minutes is more than 0 and at most two weeks.")
    if arguments.keep is None:
        arguments.keep = 0.0 if arguments.start == "none" else KEEP
    if not 0 <= arguments.keep < 1:
        raise TrainingError("--keep is a share from 0 to less than 1.")
    if arguments.start != "none":
        weights_of(arguments.start, arguments.preset)
    run = RunFolder(arguments.out)
    name = checked_name(arguments.name or run.path.resolve().name)
    samples = find_samples(arguments.sources, arguments.holdout, print)
    run.open(_options(arguments))
    as_json = arguments.progress == "json"
    with Progress("labels", "picture", as_json) as progress:
        prepared = prepare(
            samples,
            run.path / "labels",
            lambda: open_teachers(arguments.teacher, progress.note),
            progress,
            here(arguments.teacher),
        )
        for sentence in prepared.left_out[:20]:
            progress.note(sentence)
    print(
        f"{len(prepared.learnt)} pictures to learn from, {len(prepared.held_out)} held out, "
        f"{len(prepared.left_out)} left out."
    )
    if len(prepared.learnt) < LEAST_PICTURES:
        raise TrainingError(
            f"{len(prepared.learnt)} pictures are too few, {LEAST_PICTURES} the least: record for "
            "longer, or learn from more datasets together."
        )
    training = _training(arguments, run)
    watched(
        lambda report, stop, note: training.run(
            prepared.learnt, prepared.held_out, report, stop, note
        ),
        as_json,
    )
    print(f"Trained {training.seconds / 60:.1f} min on {training.seen} pictures.")
    pictures = prepared.held_out or prepared.learnt
    student = training.result()
    # A run that was over already may be asked for with another `--keep`.
    save_student(student, run.path / "student.safetensors")
    before = _before(arguments, prepared)
    print(_held_out(before, measured(prepared, student)))
    write_sheet(StudentNetwork(student), pictures, run.path / "pictures.png")
    write_curves(run.history(), run.path / "curves.png")
    about = {
        "command": _command(sys.argv),
        "seed": arguments.seed,
        "minutes": round(training.seconds / 60, 1),
        "pictures_seen": training.seen,
        "from": arguments.start,
        "keep": arguments.keep,
        "preset": arguments.preset,
    }
    target = run.path / zoo.RUN_FILE
    checksums = sorted({*prepared.checksums, *learnt_before(arguments.start, arguments.preset)})
    finished = finish(student, prepared.learnt, prepared.held_out, checksums, about, target)
    for sentence in finished.sentences:
        print(sentence)
    rows = [{"network": "before", **before}, {"network": "now", **finished.accuracy}]
    write_whole(run.path / SCORES_NAME, json.dumps({"rows": rows}, indent=1).encode())
    install(finished.path, name)
    print(f"{target} is ready: `python run.py --model {name}`, or choose {name} on the page.")
    return 0


def _command(words: Sequence[str]) -> str:
    """What was typed, for the metadata that goes with the network: of folders and files elsewhere
    the name alone, for where they lie is nobody's business."""
    named = (Path(word).name if Path(word).is_absolute() else word for word in words)
    return "python " + " ".join(shlex.quote(word) for word in named)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "preset": arguments.preset,
        "sources": [str(path) for path in arguments.sources],
        "from": arguments.start,
        "minutes": arguments.minutes,
        "teacher": arguments.teacher,
        "holdout": arguments.holdout,
        "keep": arguments.keep,
        "learning_rate": arguments.learning_rate,
        "seed": arguments.seed,
    }


def _training(arguments: argparse.Namespace, run: RunFolder) -> Training:
    torch.manual_seed(arguments.seed)
    student = new_student(arguments.preset)
    if arguments.start != "none":
        student = load_student(weights_of(arguments.start, arguments.preset))
        if student.preset.name != arguments.preset:
            raise TrainingError(
                f"{arguments.start} is a {student.preset.name} network: add "
                f"`--preset {student.preset.name}`."
            )
    return Training(
        student,
        run,
        arguments.minutes,
        arguments.learning_rate,
        arguments.seed,
        keep=arguments.keep,
    )


def learnt_before(start: str, preset: str) -> list[str]:
    """SHA-256 of the files that the start weights have been trained on."""
    if start == "none":
        return []
    about = metadata(weights_of(start, preset).with_suffix(".json"))
    return [str(checksum) for checksum in about.get("training", {}).get("files", [])]


def weights_of(name: str, preset: str) -> Path:
    """File of the float weights of a run, or of a network that comes with the program."""
    if name == BUILT_IN:
        path = zoo.BUILT_IN_FOLDER / f"{NETWORKS[preset]}.safetensors"
        missing = f"{path} is missing: leave out `--from built-in`."
    else:
        path = Path(name) / "student.safetensors"
        missing = f"{name} is no run with weights: {path} is missing."
        if not Path(name).is_dir():
            missing = f"There is no run {name}: give the folder that a `distill` made."
    if not path.is_file():
        raise TrainingError(missing)
    return path


def measured(prepared: Prepared, student: Student) -> dict[str, float]:
    """How good a student is on the held-out pictures."""
    return held_out_accuracy(StudentNetwork(student).heads, prepared.held_out)


def _before(arguments: argparse.Namespace, prepared: Prepared) -> dict[str, float]:
    """How good the start weights are; empty where nothing was begun with or held out."""
    if arguments.start == "none":
        return {}
    return measured(prepared, load_student(weights_of(arguments.start, arguments.preset)))


def _held_out(before: dict[str, float], now: dict[str, float]) -> str:
    """What the held-out pictures say."""
    if not now:
        return "Nothing was held out to be measured."
    if not before:
        return f"Held out: {_figures(now)}."
    return f"Held out, before: {_figures(before)}; now: {_figures(now)}."


def _figures(accuracy: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in accuracy.items())
