"""How like the truth a performer is, beside the clean plate and the nearest poses.

The dancer's own last frames, which nothing learnt from, are performed as a source would be. True
frame and picture are cut to the true dancer's box and a tenth more, and resized to 256x256.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.analysis import Analysis, Labels, Person, Rgb
from training.picture_metrics import ssim
from transfer.performer import Performer
from transfer.target import Target

SIDE = 256
MARGIN = 0.1
"""Around the dancer's box, of its sides."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one performer, means over the frames."""

    ssim: float
    error: float
    """Mean absolute difference, 0..255."""
    milliseconds: float
    """Median time of a picture, without the analysis."""

    def to_json(self) -> dict[str, float]:
        """Rounded."""
        return {
            "ssim": round(self.ssim, 4),
            "error": round(self.error, 2),
            "ms": round(self.milliseconds, 2),
        }


class PlateOnly:
    """The baseline that shows nobody."""

    def __init__(self, plate: Rgb) -> None:
        self._plate = plate

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return self._plate.shape[1], self._plate.shape[0]

    def perform(self, rgb: Rgb, analysis: Analysis, time_s: float) -> Rgb:
        """The plate."""
        return self._plate

    def reset(self) -> None:
        """Nothing to forget."""


def score(
    performer: Performer,
    target: Target,
    numbers: Sequence[int],
    look: Callable[[int, Rgb, Rgb], None] = lambda number, true, made: None,
) -> Score:
    """A performer of the target on its own frames `numbers`; `look` gets both cut pictures."""
    likeness, errors, took = [], [], []
    for number in numbers:
        labels, true = target.labels(number), target.frame(number)
        analysis = _analysis(target, number, labels)
        began = time.perf_counter()
        made = performer.perform(true, analysis, float(target.seconds[number]))
        took.append((time.perf_counter() - began) * 1000)
        if not (labels > 0).any():
            continue
        ours, theirs = cut(made, labels), cut(true, labels)
        likeness.append(float(ssim(_tensor(ours), _tensor(theirs))))
        errors.append(float(np.abs(ours.astype(int) - theirs).mean()))
        look(number, theirs, ours)
    return Score(float(np.mean(likeness)), float(np.mean(errors)), float(np.median(took)))


def cut(rgb: Rgb, labels: Labels) -> Rgb:
    """The dancer's box and a margin, as large as is measured."""
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    more_x, more_y = round(width * MARGIN), round(height * MARGIN)
    part = rgb[max(0, y - more_y) : y + height + more_y, max(0, x - more_x) : x + width + more_x]
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _analysis(target: Target, number: int, labels: Labels) -> Analysis:
    keypoints: NDArray[np.float32] = target.keypoints[number]
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    person = Person(keypoints, 1.0, (float(x), float(y), float(width), float(height)))
    return Analysis(labels, person, smoothed=keypoints)


def _tensor(rgb: Rgb) -> torch.Tensor:
    return torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255


def table(scores: dict[str, Score]) -> list[dict[str, Any]]:
    """A row a performer."""
    return [{"performer": name, **one.to_json()} for name, one in scores.items()]
