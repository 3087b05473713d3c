"""`run.py evaluate-model`: every row of the built-in network's table, beside BodyPix."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from capture.files import check_writable, write_whole
from capture.progress import Progress
from inference import zoo
from inference.analysis import Heads
from inference.analyzer import Analyzer
from inference.arrays import Rgb
from inference.network import DEFAULT_LONG_SIDE, Network
from inference.pool import NetworkPool
from inference.runtime import Device
from training.errors import TrainingError
from training.network.crowd import CROWD, crowd
from training.network.crowd import files as crowd_files
from training.network.evaluation import ROWS, Material, Predict, Row, clip_frames, masks
from training.network.model_card import check_card, fill
from training.network.sources import checksum
from training.network.student_files import load_student, metadata
from training.network.student_network import StudentNetwork
from training.network.teacher import REFERENCE_LONG_SIDES, Teacher

SPEED, QUANTISATION = "speed", "int8 against float"
SPEED_CLIP = "booth/sorry.mkv"
SPEED_ROUNDS = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--model", default="", metavar="NAME|PATH|RUN", help="default: the one in use"
    )
    parser.add_argument("--beside", default="", metavar="NAME", help="measure this one as well")
    parser.add_argument("--teacher", nargs="+", default=["bodypix-075"], metavar="NAME")
    parser.add_argument("--data", type=Path, default=None, metavar="FOLDER", help="of real data")
    parser.add_argument("--json", type=Path, default=None, metavar="F")
    parser.add_argument(
        "--card",
        type=Path,
        metavar="F.md",
        help="put the figures into a model card (with --beside)",
    )
    parser.add_argument(
        "--only", nargs="+", choices=(*ROWS, CROWD, SPEED, QUANTISATION), metavar="ROW"
    )
    parser.add_argument("--long-side", type=int, default=DEFAULT_LONG_SIDE, metavar="N")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    material = _material(arguments)
    for path in filter(None, (arguments.json, arguments.card)):
        check_writable(path)
    if arguments.card:
        check_card(arguments.card, 2 if arguments.beside else 1)
    names = [arguments.model or zoo.default_model().name]
    if arguments.beside:
        names.append(arguments.beside)
    paths = [zoo.find_model(name) for name in names]
    wanted = arguments.only or [*ROWS, CROWD, SPEED, QUANTISATION]
    report: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "models": {},
    }
    for path in paths:
        report["models"][zoo.name_of(path)] = _measure(path, wanted, material, arguments)
    if SPEED in wanted:
        for name, row in _speeds(paths, material, arguments.long_side).items():
            report["models"][name]["rows"][SPEED] = row
            print(_line(name, SPEED, row))
    if arguments.json:
        write_whole(arguments.json, json.dumps(report, indent=2).encode())
    if arguments.card:
        fill(arguments.card, report)
    return 0


def _material(arguments: argparse.Namespace) -> Material:
    folder = arguments.data
    if folder is None:
        shared = os.environ.get("UNDERSTUDY_SHARED")
        if not shared:
            raise TrainingError("Name the folder of real data with --data, or UNDERSTUDY_SHARED.")
        folder = Path(shared) / "data"
    for needed in ("people", "sports", "coco_person", "videos"):
        if not (folder / needed).is_dir():
            raise TrainingError(f"{folder} lacks {needed}/: see docs/model-card.md for the data.")
    teachers = [zoo.find_model(name) for name in arguments.teacher]
    reference = Teacher(teachers, REFERENCE_LONG_SIDES)
    return Material(folder, _kept(reference.heads), Teacher(teachers).heads)


def _kept(predict: Predict) -> Predict:
    """The reference looks at the same frames for every network: it need do so once only."""
    known: dict[bytes, Heads] = {}

    def kept(rgb: Rgb) -> Heads:
        key = hashlib.sha256(rgb.tobytes()).digest()
        if key not in known:
            known[key] = predict(rgb)
        return known[key]

    return kept


def _measure(
    path: Path, wanted: Sequence[str], material: Material, arguments: argparse.Namespace
) -> dict[str, Any]:
    network = Network.open(path, Device("cpu"), arguments.long_side, threads=2)
    info = network.info
    learnt = set(metadata(path).get("training", {}).get("files", []))
    rows: dict[str, Row] = {}
    with Progress(info.name, "row") as progress:
        for number, name in enumerate(row for row in wanted if row in (*ROWS, CROWD)):
            files = crowd_files if name == CROWD else ROWS[name][1]
            if learnt and any(checksum(file) in learnt for file in files(material)):
                progress.note(f"{info.name} was trained on files of the row {name}: not measured.")
                continue
            if name == CROWD:
                rows[name] = _crowd(path, material, arguments.long_side)
            else:
                rows[name] = ROWS[name][0](lambda rgb: network.infer(rgb)[0], material)
            progress.note(_line(info.name, name, rows[name]))
            progress(number + 1, len(wanted))
    if QUANTISATION in wanted and (row := _quantisation(path, material, rows)) is not None:
        rows[QUANTISATION] = row
        print(_line(info.name, QUANTISATION, row))
    size = info.fixed_size or f"long side {arguments.long_side}"
    return {"file": path.name, "sha256": info.sha256, "input": size, "rows": rows}


def _crowd(path: Path, material: Material, long_side: int) -> Row:
    pool = NetworkPool.open(str(path), "cpu", long_side)
    try:
        return crowd(pool, material)
    finally:
        pool.close()


def _quantisation(path: Path, material: Material, rows: dict[str, Row]) -> Row | None:
    """IoU lost from the float network to the int8 file; None when there are no float weights."""
    weights = path.with_suffix(".safetensors")
    if not weights.is_file() or "masks" not in rows:
        return None
    size = tuple(metadata(path)["input_size"])
    ours = masks(StudentNetwork(load_student(weights), size).heads, material)["person_iou"]
    return {"float_iou": ours, "loss": ours - rows["masks"]["person_iou"]}


def _speeds(paths: Sequence[Path], material: Material, long_side: int) -> dict[str, Row]:
    """Whole analyses of 640x480 frames on one thread, the networks taking turns."""
    frames = clip_frames(material, SPEED_CLIP)
    pools = [NetworkPool.open(str(path), "cpu", long_side, threads=1) for path in paths]
    analysers = [Analyzer(pool) for pool in pools]
    times: list[list[float]] = [[] for _ in paths]
    invokes: list[list[float]] = [[] for _ in paths]
    for number in range(SPEED_ROUNDS + 5):
        for which, analyser in enumerate(analysers):
            began = time.perf_counter()
            analysis = analyser.analyse(frames[number % len(frames)], number / 30)
            if number >= 5:
                times[which].append((time.perf_counter() - began) * 1e3)
                invokes[which].append(analysis.timings["invoke"])
    for pool in pools:
        pool.close()
    names = [zoo.name_of(path) for path in paths]
    return {
        name: {
            "frames": len(whole),
            "analysis_ms": float(np.median(whole)),
            "invoke_ms": float(np.median(invoke)),
        }
        for name, whole, invoke in zip(names, times, invokes, strict=True)
    }


def _line(name: str, row: str, values: Row) -> str:
    told = ", ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in values.items()
        if not isinstance(value, dict)
    )
    return f"{name} | {row}: {told}"
