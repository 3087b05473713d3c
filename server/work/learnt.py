"""What a run's folder holds by now: by the kind of training that made it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from inference import zoo
from server.work.training_record import Kind
from transfer.performers.trained_files import (
    INT8_NAME,
    MENDING_INT8_NAME,
    MENDING_NAME,
    ONNX_NAME,
    PERFORMER_NAME,
    PLATE_NAME,
    THUMBNAIL_NAME,
    WEIGHTS_NAME,
    has_weights,
)
from transfer.target.references import FILE_NAME as REFERENCES_NAME

EVALUATION_NAME = "evaluation.json"
PICTURES_NAME = "pictures"
EXPORTS = {"int8": "tflite", "onnx": "onnx"}
"""Names of a performer's downloads that are made when asked for, and of `run.py export-model`'s
formats."""
_STUDENT_WEIGHTS = "student.safetensors"
_CHECKPOINT = "checkpoint.pt"
_DOWNLOADS: dict[Kind, dict[str, tuple[str, ...]]] = {
    "performer": {
        "weights": (WEIGHTS_NAME, MENDING_NAME),
        "int8": (INT8_NAME, MENDING_INT8_NAME),
        "onnx": (ONNX_NAME,),
    },
    "network": {"tflite": (zoo.RUN_FILE,)},
}
"""One of these files must be there."""
_FURTHER: dict[Kind, tuple[str, ...]] = {
    "performer": (PERFORMER_NAME, PLATE_NAME, THUMBNAIL_NAME, REFERENCES_NAME),
    "network": ("student.json", "student_edgetpu.tflite", _STUDENT_WEIGHTS),
}
"""What goes with them: all that is needed elsewhere."""


def has_learnt(run: Path, kind: Kind) -> bool:
    """Whether anything has come of it yet."""
    return has_weights(run) if kind == "performer" else (run / _STUDENT_WEIGHTS).is_file()


def is_finished(run: Path) -> bool:
    """Whether a network's file was made of the last state that it learnt."""
    try:
        made, saved = ((run / name).stat().st_mtime for name in (zoo.RUN_FILE, _CHECKPOINT))
    except OSError:
        return False
    return made >= saved


def pictures(run: Path) -> list[str]:
    """Names of the pictures it made as it learnt: seconds, rising."""
    names = (path.stem for path in (run / PICTURES_NAME).glob("*.jpg"))
    return sorted(name for name in names if name.isdigit())


def scores(run: Path) -> list[dict[str, Any]] | None:
    """What was measured on pictures that it never saw; None when nothing was."""
    try:
        rows: list[dict[str, Any]] = json.loads((run / EVALUATION_NAME).read_bytes())["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rows


def downloads(run: Path, kind: Kind) -> dict[str, list[str]]:
    """Files of each download that there is, by its name."""
    found = {
        name: [file for file in files if (run / file).is_file()]
        for name, files in _DOWNLOADS[kind].items()
    }
    more = [file for file in _FURTHER[kind] if (run / file).is_file()]
    return {name: files + more for name, files in found.items() if files}


def can_be_made(run: Path, kind: Kind) -> list[str]:
    """Downloads that `run.py export-model` makes of it."""
    if kind == "network":
        return []
    return [name for name in EXPORTS if name != "onnx" or (run / WEIGHTS_NAME).is_file()]


def network_name(title: str, preset: str, taken: set[str]) -> str:
    """A name that a person recognises, and nobody else has: `juggling-in-the-park-fast`."""
    words = re.sub(r"[\W_]+", "-", title.lower())[:40].strip("-") or "scene"
    name = first = f"{words}-{preset}"
    number = 2
    while name in taken:
        name, number = f"{first}-{number}", number + 1
    return name
