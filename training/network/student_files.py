"""A student on disk: its weights in safetensors, and what lies beside a network of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from capture.files import write_whole
from training.errors import TrainingError
from training.network.student import FORMER_NAMES, Student
from training.network.trunk_student import FROZEN, new_student
from training.run_folder import VERSION


def save_student(student: Student, path: Path) -> None:
    """What it has learnt, in fp16, with the preset's name, as safetensors."""
    tensors = {
        name: value.half() if value.is_floating_point() else value
        for name, value in student.state_dict().items()
        if not name.startswith(FROZEN)
    }
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    write_whole(path, save(contiguous, {"preset": student.preset.name, "version": str(VERSION)}))


def load_student(path: Path) -> Student:
    """A student with the weights of a file; `TrainingError` when it cannot be.

    Raises `ModelError` when the trunk it stands upon is not here.
    """
    try:
        tensors: dict[str, Tensor] = load_file(path)
        student = new_student(_preset_of(path))
        learnt = {name: value.float() for name, value in tensors.items()}
        frozen = {k: v for k, v in student.state_dict().items() if k.startswith(FROZEN)}
        student.load_state_dict(frozen | learnt)
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise TrainingError(f"{path} holds no student of this version: {error}") from error
    return student


def _preset_of(path: Path) -> str:
    with safe_open(path, "pt") as file:
        name = str((file.metadata() or {})["preset"])
    return FORMER_NAMES.get(name, name)


def metadata(path: Path) -> dict[str, Any]:
    """What lies beside a network of ours; empty when there is none."""
    beside = path.with_suffix(".json")
    try:
        found: dict[str, Any] = json.loads(beside.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{beside} cannot be read: {error}.") from error
    return found
