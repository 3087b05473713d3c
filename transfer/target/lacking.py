"""What a dataset still lacks for a good double, in plain words, and how to get it.

A double is made of what the camera saw: a back that it never saw cannot be shown, a face that was
forty pixels high stays blurred, a pose that was never taken is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capture.coverage import BINS, CONFIDENT, NEAR_FACE, Coverage, face_height
from capture.dataset import Dataset
from capture.manifest import clean_title
from transfer.target.unseen_parts import UnseenParts

LOOKED_AT = 400
"""Pairs, evenly over the time: their label maps are read."""
LEAST_SECONDS = 1.0
"""Of a side of the body, below which it is lacking: it turns a few ways in that time."""
MORE_LENGTH = 100
"""Of a title that a page gives a recording, characters."""
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


def more_of(title: str) -> str:
    """The title of what is captured because the dataset of this title lacks it."""
    return clean_title(f"More of “{title}”"[:MORE_LENGTH])


def lacking(datasets: Sequence[Dataset]) -> Lacking:
    """Look at mended poses and label maps; a second for a long dataset.

    Args:
        datasets: of one person, which are trained together: what one lacks another may have.

    Raises:
        DatasetError: a label map is damaged.
    """
    looks = [look for one in datasets if (look := _Look.at(one)) is not None]
    if not looks:
        return Lacking((), "", 0.0)
    seconds = {name: sum(look.seconds[name] for look in looks) for name in BINS}
    seen = set[str]().union(*(look.coverage.seen for look in looks))
    counts = [one for look in looks for one in look.counts]
    unseen = UnseenParts.of_counts(counts, np.concatenate([look.keypoints for look in looks]))
    lacks = (*_sides(seconds), *_face(max(look.face for look in looks)), *_poses(seen))
    return Lacking(lacks, unseen.sentence("This dancer"), round(len(seen) / len(BINS), 3))


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen in one dataset."""

    coverage: Coverage
    seconds: dict[str, float]
    """Of each bin."""
    face: int
    """Height of the largest faces, pixels."""
    counts: list[NDArray[np.int64]]
    """Pixels of each label `[256]`, a frame."""
    keypoints: NDArray[np.float32]
    """`[frames, 17, 3]`, mended."""

    @classmethod
    def at(cls, dataset: Dataset) -> _Look | None:
        """None where nobody is seen."""
        shown = [pair for pair in dataset.used if pair.mended() is not None]
        step = max(1.0, len(shown) / LOOKED_AT)
        chosen = [shown[int(place * step)] for place in range(int(len(shown) / step))]
        if not chosen:
            return None
        coverage, faces, counts, keypoints = Coverage(), [0], [], []
        for pair in chosen:
            labels, points = dataset.labels(pair.index), pair.mended()
            assert points is not None
            coverage.add(points, labels)
            keypoints.append(points)
            counts.append(np.bincount(labels.ravel(), minlength=256))
            if points[0, 2] >= CONFIDENT:
                faces.append(face_height(labels))
        each = step / max(dataset.manifest.frame.fps, 1.0)
        seconds = {name: frames * each for name, frames in coverage.frames.items()}
        face = int(np.quantile(faces, 0.95))
        return cls(coverage, seconds, face, counts, np.stack(keypoints))


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


def _poses(seen: set[str]) -> list[Lack]:
    lacks = [
        Lack(name, f"Not seen: {advice}.", _doing(advice))
        for name, advice in BINS.items()
        if name not in seen and name not in SIDES and name != "face near"
    ]
    return lacks[:POSES]


def _doing(advice: str) -> str:
    return advice[0].upper() + advice[1:]
