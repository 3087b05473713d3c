"""The row "a dancer among spectators": whose mask a network and the choice of the dancer give.

Scenes of `crowd_scenes` are looked at in the three ways that the program has: picture by picture
(`run.py segment`), live, and as a clip that is known as a whole (`run.py capture`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.video import read_frames
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Labels, Rgb
from inference.pool import NetworkPool
from training.network.crowd_list import PLACES, SCENES
from training.network.crowd_scenes import FPS, FRAMES, Mask, Shown, Sprite, frames
from training.network.evaluation import Material, Predict, Row, photos
from training.network.metrics import iou
from training.network.sources import read_mask, read_photo
from training.network.teacher import person_probability

CROWD = "crowd"
"""The row's name beside those of `evaluation.ROWS`."""
CUT_ROWS = 400
"""Dancers are cut out of frames so high, pixels."""
EDGE = 11
"""Pixels on both sides of the teacher's outline within which colours decide who is cut out."""
RIGHT = 0.5
"""From this overlap on it is the dancer who was followed, and well."""
MINE = 0.5
"""A mask of which less is the dancer's is somebody else's."""
EVERY_PICTURE = 4
"""Every so many frames are looked at picture by picture."""
SEED = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well a frame's dancer was found."""

    iou: float
    kind: str
    """"right", "poor" (the dancer's mask, but a bad one), "wrong" (somebody else's), "nobody"."""


def judged(labels: Labels, dancer: Mask) -> Verdict:
    """Compare a label map with the dancer's true pixels."""
    found = labels > 0
    overlap = iou(found, dancer)
    if overlap >= RIGHT:
        return Verdict(overlap, "right")
    if not found.any():
        return Verdict(overlap, "nobody")
    mine = float(dancer[found].mean())
    return Verdict(overlap, "poor" if mine >= MINE else "wrong")


def crowd(pool: NetworkPool, material: Material) -> Row:
    """Mean IoU of the dancer's mask over all frames of all scenes, in three ways; how often it was
    somebody else's."""
    ways = {"picture": _picture_by_picture, "live": _live, "whole": _whole}
    verdicts: dict[str, list[Verdict]] = {way: [] for way in ways}
    by_scene: dict[str, dict[str, float]] = {}
    for number in range(len(SCENES)):
        shown = scene_frames(material, number)
        for way, follow in ways.items():
            these = follow(pool, shown)
            verdicts[way] += these
            by_scene.setdefault(SCENES[number].name, {})[way] = _mean_iou(these)
    row: Row = {"scenes": len(SCENES), "frames": len(verdicts["live"])}
    for way, these in verdicts.items():
        row[f"{way}_iou"] = _mean_iou(these)
        for kind in ("wrong", "poor", "nobody"):
            row[f"{way}_{kind}"] = float(np.mean([one.kind == kind for one in these]))
    return row | {"by_scene": by_scene}


def files(material: Material) -> list[Path]:
    """Everything that the scenes are made of."""
    clips = {material.folder / "videos" / scene.clip for scene in SCENES}
    places = {material.folder / place for place in PLACES.values()}
    return sorted(clips | places) + [file for pair in photos(material) for file in pair]


def scene_frames(material: Material, number: int) -> list[Shown]:
    """All frames of a scene of `SCENES`."""
    scene = SCENES[number]
    people = _spectators(material)
    first = sum(len(one.crowd) for one in SCENES[:number])
    these = [people[(first + place) % len(people)] for place in range(len(scene.crowd))]
    dancer = _dancer(material, scene.clip, scene.begins)
    place = _place(material.folder / PLACES[scene.place])
    return list(frames(scene, dancer, these, place, SEED + number))


def _picture_by_picture(pool: NetworkPool, shown: Sequence[Shown]) -> list[Verdict]:
    return [
        judged(Analyzer(pool).analyse(one.rgb, 0.0).labels, one.dancer)
        for one in shown[::EVERY_PICTURE]
    ]


def _live(pool: NetworkPool, shown: Sequence[Shown]) -> list[Verdict]:
    analyzer = Analyzer(pool)
    return [
        judged(analyzer.analyse(one.rgb, number / FPS).labels, one.dancer)
        for number, one in enumerate(shown)
    ]


def _whole(pool: NetworkPool, shown: Sequence[Shown]) -> list[Verdict]:
    analyzer = Analyzer(pool, AnalyzerOptions(second_pass=True))
    clip = [(one.rgb, number / FPS) for number, one in enumerate(shown)]
    analyzer.know(clip, len(clip))
    analysed = (analysis for _, _, analysis in analyzer.analyse_all(clip))
    return [judged(one.labels, true.dancer) for one, true in zip(analysed, shown, strict=True)]


def _mean_iou(verdicts: Iterable[Verdict]) -> float:
    return float(np.mean([one.iou for one in verdicts]))


@lru_cache(maxsize=1)
def _spectators(material: Material) -> list[Sprite]:
    """Everybody of the measured street photos, as people outlined them."""
    return [_cut(read_photo(photo), read_mask(mask) > 0) for photo, mask in photos(material)]


@lru_cache(maxsize=8)
def _dancer(material: Material, clip: str, begins: float) -> list[Sprite]:
    """The dancer of a clip, `FRAMES` times, `FPS` a second."""
    wanted = begins + np.arange(FRAMES) / FPS
    sprites: list[Sprite] = []
    frame: tuple[Rgb, float] | None = None
    cut: Sprite | None = None
    for rgb, time_s in read_frames(material.folder / "videos" / clip):
        while frame is not None and len(sprites) < FRAMES and wanted[len(sprites)] < time_s:
            cut = cut or _cut_dancer(frame[0], material.reference)
            sprites.append(cut)
        frame, cut = (rgb, time_s), None
        if len(sprites) == FRAMES:
            break
    # All of one size, or somebody who crouches would be enlarged.
    height = float(np.percentile([sprite.height for sprite in sprites], 75))
    return [Sprite(one.rgb, one.alpha, height) for one in sprites]


def _cut_dancer(rgb: Rgb, teacher: Predict) -> Sprite:
    scale = CUT_ROWS / rgb.shape[0]
    rgb = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    person = (person_probability(teacher(rgb)) > 0.5).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(person)
    rows = slice(max(0, top - 2 * EDGE), top + height + 2 * EDGE)
    near = rows, slice(max(0, left - 2 * EDGE), left + width + 2 * EDGE)
    return _cut(rgb[near], _by_colour(np.ascontiguousarray(rgb[near]), person[near]))


def _by_colour(rgb: Rgb, person: NDArray[np.uint8]) -> Mask:
    """A mask whose outline is where the colours change.

    Rother, Kolmogorov, Blake, "GrabCut" (ACM Transactions on Graphics, 2004).
    """
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE + 1, 2 * EDGE + 1))
    marks = np.full(person.shape, cv2.GC_BGD, np.uint8)
    marks[cv2.dilate(person, near) > 0] = cv2.GC_PR_BGD
    marks[person > 0] = cv2.GC_PR_FGD
    marks[cv2.erode(person, near) > 0] = cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    if (marks == cv2.GC_FGD).any():
        cv2.grabCut(rgb, marks, (0, 0, 0, 0), *models, 1, cv2.GC_INIT_WITH_MASK)
    mine = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.uint8)
    count, pieces, measured, _ = cv2.connectedComponentsWithStats(mine)
    if count <= 2:
        return np.asarray(mine > 0)
    return np.asarray(pieces == 1 + int(measured[1:, cv2.CC_STAT_AREA].argmax()))


def _cut(rgb: Rgb, mask: Mask) -> Sprite:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    box = np.s_[top : top + height, left : left + width]
    edge = cv2.GaussianBlur(np.pad(mask[box].astype(np.float32), 2), (3, 3), 0.8)
    colours = np.pad(rgb[box], ((2, 2), (2, 2), (0, 0)), mode="edge")
    return Sprite(colours, np.asarray(edge, np.float32), float(height))


def _place(path: Path) -> Rgb:
    if path.suffix in (".avi", ".mp4", ".mkv"):
        return next(iter(read_frames(path)))[0]
    return read_photo(path)
