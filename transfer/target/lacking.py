"""What a dataset still lacks for a good double, in plain words, and how to get it.

A double is made of what the camera saw: a back that it never saw cannot be shown, a face that was
forty pixels high stays blurred, a pose that was never taken is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from capture.coverage import BINS, CONFIDENT, NEAR_FACE, Coverage, face_height
from capture.dataset import Dataset
from transfer.target.unseen_parts import UnseenParts

LOOKED_AT = 400
"""Pairs, evenly over the time: their label maps are read."""
LEAST_SECONDS = 1.0
"""Of a side of the body, below which it is lacking: it turns a few ways in that time."""
POSES = 6
"""Named at once at the most, the most useful first."""

SIDES = {
    "facing front": ("Hardly seen from the front.", "Face the camera"),
    "facing back": ("Hardly seen from behind.", "Turn your back to the camera"),
    "facing left": ("Your left side is hardly seen.", "Turn to your right"),
    "facing right": ("Your right side is hardly seen.", "Turn to your left"),
}
"""Bin of `capture.coverage` -> what is lacking, what to do. Whoever faces the left of the picture
shows the camera their own left side."""


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that a dataset lacks."""

    name: str
    """A bin of `capture.coverage.BINS`: the capture page watches for it."""
    text: str
    """What is lacking, a sentence."""
    do: str
    """What to do before the camera."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """All that a dataset lacks, the most important first."""

    lacks: tuple[Lack, ...]
    never_seen: str
    """Which limbs were never in the picture, a sentence; empty: all were."""
    fraction: float
    """Share of the poses of `capture.coverage` that were seen, 0..1."""


def lacking(dataset: Dataset) -> Lacking:
    """Look at a dataset's mended poses and label maps; a second for a long one.

    Raises `DatasetError` when a label map is damaged.
    """
    shown = [pair for pair in dataset.used if pair.mended() is not None]
    step = max(1.0, len(shown) / LOOKED_AT)
    chosen = [shown[int(place * step)] for place in range(int(len(shown) / step))]
    if not chosen:
        return Lacking((), "", 0.0)
    coverage, faces, counts, keypoints = Coverage(), [0], [], []
    for pair in chosen:
        labels, points = dataset.labels(pair.index), pair.mended()
        assert points is not None
        coverage.add(points, labels)
        keypoints.append(points)
        counts.append(np.bincount(labels.ravel(), minlength=256))
        if points[0, 2] >= CONFIDENT:
            faces.append(face_height(labels))
    unseen = UnseenParts.of_counts(counts, np.stack(keypoints))
    each = step / max(dataset.manifest.frame.fps, 1.0)
    seconds = {name: frames * each for name, frames in coverage.frames.items()}
    face = int(np.quantile(faces, 0.95))
    lacks = (*_sides(seconds), *_face(face), *_poses(coverage))
    return Lacking(lacks, unseen.sentence("This dancer"), round(coverage.fraction, 3))


def wanted(names: Iterable[str]) -> list[dict[str, str]]:
    """What the capture page asks for: `{"name", "do"}` of those that are known, in a good order."""
    asked = set(names)
    return [{"name": name, "do": _doing(what)} for name, what in BINS.items() if name in asked]


def _sides(seconds: dict[str, float]) -> list[Lack]:
    return [
        Lack(name, text, do) for name, (text, do) in SIDES.items() if seconds[name] < LEAST_SECONDS
    ]


def _face(pixels: int) -> list[Lack]:
    if pixels >= NEAR_FACE:
        return []
    text = "The face is never near: it is hardly seen."
    if pixels:
        text = f"The face is never near: {pixels} pixels high, {NEAR_FACE} show it well."
    return [Lack("face near", text, _doing(BINS["face near"]))]


def _poses(coverage: Coverage) -> list[Lack]:
    lacks = [
        Lack(name, f"Not seen: {advice}.", _doing(advice))
        for name, advice in BINS.items()
        if name not in coverage.seen and name not in SIDES and name != "face near"
    ]
    return lacks[:POSES]


def _doing(advice: str) -> str:
    return advice[0].upper() + advice[1:]
