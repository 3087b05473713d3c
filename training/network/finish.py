"""The end of a run: the int8 TFLite file, checked, described, and put where the page finds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture.files import make_folder, write_whole
from inference import zoo
from inference.body import KEYPOINT_NAMES, LABEL_NAMES
from inference.network import Network
from inference.runtime import Device
from training.errors import TrainingError
from training.network.augment import Augmenter
from training.network.batches import weights_of
from training.network.export_tflite import compile_for_edge_tpu, export
from training.network.held_out import held_out_accuracy
from training.network.labelled import Packed
from training.network.student import BODY_STRIDE, POSE_STRIDE, Student
from training.network.student_network import StudentNetwork

CALIBRATION_PICTURES = 200
MOST_LOST = 0.01
"""Held-out IoU or PCK that quantising may cost before it is said aloud."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a run."""

    path: Path
    accuracy: dict[str, float]
    """Of the int8 file, on the held-out pictures."""
    sentences: list[str]


def finish(
    student: Student,
    learnt: Sequence[Packed],
    held_out: Sequence[Packed],
    checksums: Sequence[str],
    about: dict[str, Any],
    target: Path,
) -> Finished:
    """Write `target` (ends in `.tflite`), and beside it its metadata and float weights.

    Args:
        student: the one to export.
        learnt: what it learnt from; ranges of activations are measured on some of it.
        held_out: what int8 and float are compared on.
        checksums: SHA-256 of the training files.
        about: how it was trained, for the metadata.
        target: where to.

    Raises:
        TrainingError: the exporter's packages are missing, or the network breaks its rules.
    """
    random = np.random.default_rng(0)
    augmenter = Augmenter(learnt, weights_of(learnt), student.preset.input_size)
    export(student, [augmenter.draw(random).rgb for _ in range(CALIBRATION_PICTURES)], target)
    network = Network.open(target, Device("cpu"))
    int8 = held_out_accuracy(lambda rgb: network.infer(rgb)[0], held_out)
    real = held_out_accuracy(StudentNetwork(student).heads, held_out)
    sentences = [
        f"int8 loses {real[name] - int8[name]:.3f} of {name} ({real[name]:.3f} in float)."
        for name in real
        if real[name] - int8[name] > MOST_LOST
    ]
    sentences.append(compile_for_edge_tpu(target))
    metadata = {
        "labels": list(LABEL_NAMES),
        "keypoints": list(KEYPOINT_NAMES),
        "input_size": list(student.preset.input_size),
        "pose_stride": POSE_STRIDE,
        "body_stride": BODY_STRIDE,
        "sha256": network.info.sha256,
        "held_out": {"int8": int8, "float": real},
        "training": {**about, "files": list(checksums)},
    }
    write_whole(target.with_suffix(".json"), json.dumps(metadata, indent=1).encode())
    return Finished(target, int8, sentences)


def checked_name(name: str) -> str:
    """A name that a network of one's own may have; `TrainingError` for any other."""
    if name in zoo.reserved_names() or not name.strip(". ") or Path(name).name != name:
        raise TrainingError(f"A network cannot be called {name!r}: give another --name.")
    return name


def install(path: Path, name: str) -> Path:
    """Copy a network and its metadata to where `run.py models` and the page find it."""
    folder = zoo.own_folder()
    make_folder(folder)
    for ending in (".json", ".tflite"):
        write_whole(folder / f"{name}{ending}", path.with_suffix(ending).read_bytes())
    compiled = path.with_name(f"{path.stem}_edgetpu.tflite")
    compiled_name = f"{name}_edgetpu.tflite"
    if compiled.is_file():
        write_whole(folder / compiled_name, compiled.read_bytes())
    return folder / f"{name}.tflite"
