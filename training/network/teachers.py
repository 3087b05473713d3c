"""Several teachers asked together: whom they see, and what they agree on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from inference import teachers as published
from inference import zoo
from inference.arrays import Labels, Rgb
from inference.errors import ModelError
from training.errors import TrainingError
from training.network.blazepose import BlazePose, where_they_agree
from training.network.labelling import TRUSTED, Joints
from training.network.mask_teachers import MaskTeacher, Selfie, U2Net, agreed
from training.network.pose_teachers import MultiPose, Thunder, everybody
from training.network.teacher import Teacher

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Teachers:
    """Who is asked; all but the teacher of parts may be missing."""

    parts: Teacher
    finder: MultiPose | None = None
    closer: Thunder | None = None
    doubter: BlazePose | None = None
    masks: tuple[MaskTeacher, ...] = ()

    def people(self, rgb: Rgb) -> Joints | None:
        """Everybody's key points `[n, 17, 3]`, third value 1 where known; None if nobody knows."""
        if self.finder is None:
            return None
        found = [one.keypoints for one in everybody(rgb, self.finder, self.closer)]
        if self.doubter is not None:
            found = [where_they_agree(one, self.doubter.predict(rgb, one)) for one in found]
        points = np.asarray(found, np.float32).reshape(-1, 17, 3)
        points[..., 2] = points[..., 2] >= TRUSTED
        return points

    def mask(self, rgb: Rgb) -> Labels | None:
        """Where all that know masks agree (0, 1, `UNKNOWN`); None when nobody knows."""
        return agreed([one.mask(rgb) for one in self.masks]) if self.masks else None


def here(names: Sequence[str]) -> list[str]:
    """Those of the names that are published teachers whose files are here and sound."""
    models = [model for name in names if (model := published.named(name)) is not None]
    return [model.name for model in models if published.problem_with_files(model) is None]


def open_teachers(names: Sequence[str], note: Callable[[str], None]) -> Teachers:
    """The teachers of these names: networks of the zoo know parts, the others what they know.

    A published teacher whose files are not here is left out, and `note` is told what that costs.

    Raises:
        TrainingError: nobody among them knows parts, or a teacher needs another one.
        ModelError: there is no teacher of that name.
    """
    known = [name for name in names if published.named(name) is not None]

    def opened(name: str, maker: Callable[[], T]) -> T | None:
        try:
            return maker() if name in known else None
        except ModelError as error:
            note(f"Without {name} fewer {_knows(name)} are learnt. {error}")
            return None

    parts = [zoo.find_model(name) for name in names if name not in known]
    if not parts:
        raise TrainingError(
            "No teacher of body parts is among them: name bodypix-075 as well after --teacher."
        )
    finder = opened("movenet-multipose", MultiPose)
    closer, doubter = opened("movenet-thunder", Thunder), opened("blazepose-heavy", BlazePose)
    if finder is None and (closer or doubter):
        raise TrainingError(
            "movenet-thunder and blazepose-heavy look at people whom movenet-multipose has found: "
            "name that as well after --teacher, and fetch it."
        )
    masks = (opened("u2net", U2Net), opened("selfie", Selfie))
    known_masks = tuple(one for one in masks if one is not None)
    return Teachers(Teacher(parts), finder, closer, doubter, known_masks)


def _knows(name: str) -> str:
    model = published.named(name)
    assert model is not None
    return {published.KEY_POINTS: "key points", published.MASK: "masks"}[model.knows]
