"""People as COCO annotates them: boxes, masks as polygons or run lengths, 17 key points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels
from training.errors import TrainingError
from training.network.labelled import MAYBE, UNKNOWN

PERSON = 1
"""COCO's category id of people."""


def read_annotations(content: dict[str, Any], path: Path) -> dict[str, list[dict[str, Any]]]:
    """The people of each picture, by its file name; `TrainingError` when the file is odd."""
    try:
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        people: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
        for one in content["annotations"]:
            if one.get("category_id", PERSON) == PERSON:
                people[names[one["image_id"]]].append(one)
    except (KeyError, TypeError) as error:
        raise TrainingError(f"{path} is not in COCO's form: {error!r} is missing.") from error
    return people


def people_of(
    annotations: list[dict[str, Any]], shape: tuple[int, int], name: str
) -> tuple[Labels, NDArray[np.float32]]:
    """`people` uint8 `[H, W]` (0, n-th person, `UNKNOWN` for crowds) and key points `[n, 17, 3]`.

    Raises:
        TrainingError: key points outside of the picture, or a mask of another size.
    """
    people = np.zeros(shape, np.uint8)
    keypoints: list[NDArray[np.float32]] = []
    # The smaller lies in front, as a rule.
    for one in sorted(annotations, key=lambda one: -float(one.get("area", 0))):
        try:
            mask = mask_of(one["segmentation"], shape)
            points = np.array(one.get("keypoints", [0] * 51), np.float32).reshape(17, 3)
        except (KeyError, ValueError, TypeError) as error:
            raise TrainingError(f"The annotations of {name} cannot be read: {error}.") from error
        if one.get("iscrowd"):
            people[mask] = UNKNOWN
            continue
        known = points[:, 2] > 0
        if (points[known, :2] < 0).any() or (points[known, :2] > shape[::-1]).any():
            raise TrainingError(f"{name} has key points outside of the picture.")
        if len(keypoints) < MAYBE - 1:
            points[:, 2] = known
            keypoints.append(points)
            people[mask] = len(keypoints)
    return people, np.asarray(keypoints, np.float32).reshape(-1, 17, 3)


def mask_of(segmentation: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask `[H, W]` from polygons or run lengths (pycocotools' `maskApi.c` has the format)."""
    if isinstance(segmentation, dict):
        if tuple(segmentation["size"]) != shape:
            height, width = segmentation["size"]
            raise ValueError(f"a mask is {width}x{height}, the picture {shape[1]}x{shape[0]}")
        counts = segmentation["counts"]
        runs = _uncompressed(counts) if isinstance(counts, str) else [int(run) for run in counts]
        values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        if len(values) != shape[0] * shape[1]:
            raise ValueError("a mask's run lengths do not fill the picture")
        return values.reshape(shape, order="F")
    # Drawn four times as large: OpenCV fills the pixels along the outline as well.
    large = np.zeros((4 * shape[0], 4 * shape[1]), np.uint8)
    for polygon in segmentation:
        cv2.fillPoly(large, [np.rint(np.reshape(polygon, (-1, 2)) * 4).astype(np.int32)], 1)
    return large[2::4, 2::4].astype(np.bool_)


def _uncompressed(text: str) -> list[int]:
    """COCO's run lengths: five bits a character from 48 on, differences to the run before last."""
    runs: list[int] = []
    position = 0
    while position < len(text):
        value = shift = 0
        more = True
        while more:
            bits = ord(text[position]) - 48
            value |= (bits & 31) << shift
            more = bool(bits & 32)
            position += 1
            shift += 5
            if not more and bits & 16:
                value |= -1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs


def marked_people(
    annotations: list[dict[str, Any]], shape: tuple[int, int], name: str
) -> tuple[Labels, NDArray[np.float32]]:
    """Key points of everybody, and the outlines of those whom a human drew.

    Returns:
        uint8 `[H, W]`: n inside of the outline of the n-th person, else 0; and `[n, 17, 3]`, key
        points of which 1 are known and 0 not.

    Raises:
        TrainingError: they cannot be read.
    """
    drawn = np.zeros(shape, np.uint8)
    keypoints: list[NDArray[np.float32]] = []
    for one in sorted(annotations, key=lambda one: -float(one.get("area", 0))):
        if one.get("iscrowd") or len(keypoints) >= MAYBE - 2:
            continue
        try:
            points = np.array(one["keypoints"], np.float32).reshape(17, 3)
            outline = mask_of(one["segmentation"], shape) if "segmentation" in one else None
        except (KeyError, ValueError, TypeError) as error:
            raise TrainingError(f"The annotations of {name} cannot be read: {error}.") from error
        points[:, 2] = (points[:, 2] > 0) & np.isfinite(points[:, :2]).all(axis=1)
        keypoints.append(np.nan_to_num(points))
        if outline is not None:
            drawn[outline] = len(keypoints)
    return drawn, np.asarray(keypoints, np.float32).reshape(-1, 17, 3)
