"""A trained performer on disk: all that performing needs, without the dataset it was made from.

The files are those of `trained_files.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from capture.files import write_whole
from inference.arrays import Rgb
from transfer.errors import TransferError
from transfer.performers import condition
from transfer.performers.condition import PARTS, Ingredients
from transfer.performers.generator import GENERATORS, Generator
from transfer.performers.trained_files import (
    PERFORMER_NAME,
    PLATE_NAME,
    THUMBNAIL_NAME,
    WARP,
    check_run,
)
from transfer.target.normalisation import Anchored, BodyFrame, Line
from transfer.target.unseen_parts import UnseenParts

THUMBNAIL = 320
"""Pixels across."""
_BODY_FRAME_KEY = "stage"
"""What the file calls it, since its first version."""
_OLD_STAGES = ("face", "enhancer")
"""That generators of older versions may have, as their files name them."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a generator was made for."""

    title: str
    dataset: str
    """Id of the dataset."""
    preset: str
    size: int
    """Side of what the generator renders, pixels."""
    side: int
    """The same in pixels of the target's picture, usually."""
    body_frame: BodyFrame
    """Of the target."""
    ingredients: Ingredients
    unseen: UnseenParts = field(default_factory=UnseenParts)
    """Of the target's body."""
    condition_version: int = condition.VERSION
    networks: tuple[str, ...] = ()
    """Names of those that saw the datasets; empty in files of older versions."""

    def save(self, run: Path, plate: Rgb, dancer: Rgb) -> None:
        """Write it into a run's folder, with the clean plate and a picture of the dancer."""
        factor = THUMBNAIL / dancer.shape[1]
        small = cv2.resize(dancer, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        for name, picture in ((PLATE_NAME, plate), (THUMBNAIL_NAME, small)):
            _, data = cv2.imencode(Path(name).suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            write_whole(run / name, data.tobytes())
        stored = asdict(self)
        stored[_BODY_FRAME_KEY] = stored.pop("body_frame")
        write_whole(run / PERFORMER_NAME, json.dumps(stored, indent=1).encode())

    @classmethod
    def load(cls, run: Path) -> tuple[Trained, Rgb]:
        """With the clean plate; `TransferError` when it cannot be used."""
        check_run(run)
        try:
            data = json.loads((run / PERFORMER_NAME).read_bytes())
            if data["condition_version"] != condition.VERSION:
                raise TransferError(
                    f"{run.name} was trained by another version of this program: train it again "
                    "(`--from` may be the old run)."
                )
            if data["preset"] not in (*GENERATORS, WARP):
                raise _no_longer_played(run.name, f"the preset {data['preset']}")
            body_frame = _body_frame(data.pop(_BODY_FRAME_KEY))
            trained = cls(**{**data, "body_frame": body_frame,
                             "ingredients": Ingredients.from_json(data["ingredients"]),
                             "networks": tuple(map(str, data.get("networks", ()))),
                             "unseen": _unseen(dict(data.get("unseen", {})))})  # fmt: skip
            picture = cv2.imread(str(run / PLATE_NAME), cv2.IMREAD_COLOR)
            if picture is None:
                raise ValueError(f"{PLATE_NAME} is no picture")
        except (OSError, KeyError, TypeError, ValueError, RecursionError, cv2.error) as error:
            raise TransferError(f"{run} holds no performer that can be used: {error}") from error
        return trained, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def save_generator(generator: Generator, path: Path, half: bool = False) -> None:
    """Weights as safetensors, whole or not at all; `half`: in fp16, to be shipped."""
    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous()
        for name, value in generator.state_dict().items()
    }
    about = {"preset": generator.preset.name, "condition": str(condition.VERSION)}
    write_whole(path, save(tensors, about))


def load_generator(path: Path) -> Generator:
    """A generator with the weights of a file; `TransferError` when it cannot be."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
        if about.get("condition") != str(condition.VERSION):
            raise TransferError(
                f"{path} was trained with condition version {about.get('condition')}, this program "
                f"draws version {condition.VERSION}: train it again."
            )
        if about["preset"] not in GENERATORS:
            raise _no_longer_played(path, f"the preset {about['preset']}")
        for name in _OLD_STAGES:
            if about.get(name) == "True":
                raise _no_longer_played(path, f"--{name}")
        generator = Generator(GENERATORS[about["preset"]])
        generator.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise TransferError(f"{path} holds no generator of this version: {error}") from error
    return generator.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _no_longer_played(run: object, what: str) -> TransferError:
    return TransferError(
        f"{run} was trained with {what}, which this version no longer plays: train it again, or "
        "use the version that trained it."
    )


def _body_frame(data: dict[str, Any]) -> BodyFrame:
    shoulders, feet = (
        None if anchored is None else Anchored(Line(**anchored["far"]), Line(**anchored["near"]))
        for anchored in (data["shoulders"], data["feet"])
    )
    if shoulders is None:
        raise ValueError("it has no shoulders")
    lengths = tuple(float(length) for length in data.get("lengths", ()))
    return BodyFrame(float(data["centre"]), shoulders, feet, lengths)


def _unseen(data: dict[str, list[int]]) -> UnseenParts:
    unseen = UnseenParts(**{name: tuple(numbers) for name, numbers in data.items()})
    if not {*unseen.parts} <= {*range(1, PARTS)} or not {*unseen.keypoints} <= {*range(17)}:
        raise ValueError("there is no such part or key point")
    return unseen
