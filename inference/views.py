"""The views: what the page shows of a frame and its Analysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from inference.analysis import Analysis
from inference.anonymise import hide_faces
from inference.arrays import Labels
from inference.drawing import (
    NEUTRAL_CHROMA,
    PART_COLOURS,
    Plane,
    Planes,
    as_plane,
    blend,
    blur_background,
    halve,
    person_region,
    pixelate_person,
    soft_mask,
)
from inference.errors import UnderstudyError
from inference.skeleton import draw_skeleton

__all__ = ["VIEWS", "Planes", "View", "ViewOptions", "compose"]


@dataclass(frozen=True, slots=True)
class View:
    """One way to show a frame."""

    name: str
    """What settings and messages call it."""
    title: str
    """What people read."""


VIEWS: tuple[View, ...] = (
    View("camera", "Camera"),
    View("parts", "Body parts"),
    View("cutout", "Cut out"),
    View("darken", "Background darkened"),
    View("blur", "Background blurred"),
    View("pixelate", "Person pixelated"),
    View("face_blur", "Face blurred"),
    View("skeleton", "Skeleton"),
    View("parts_skeleton", "Body parts and skeleton"),
)
"""Every view, in the order in which the page offers them."""


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What is to be shown. Mirroring is the page's business (CSS)."""

    view: str = "parts"
    """The `name` of one of `VIEWS`."""
    opacity: float = 0.7
    """0..1: how much of the camera's picture the colours of the parts cover."""


def compose(planes: Planes, analysis: Analysis, options: ViewOptions) -> Planes:
    """Draw one view.

    Args:
        planes: the frame; never changed.
        analysis: what was seen in that very frame. Its labels may lack the last row or column
            where the frame was padded to even sides.
        options: which view.

    Returns:
        A new picture of the same size.

    Raises:
        UnderstudyError: there is no view of that name, or the labels are of another frame.
    """
    draw = _DRAW.get(options.view)
    if draw is None:
        raise UnderstudyError(
            f"There is no view {options.view!r}: choose one of {', '.join(_DRAW)}."
        )
    picture = planes.copy()
    draw(picture, _fitting(analysis, planes.size), options)
    return picture


def _fitting(analysis: Analysis, size: tuple[int, int]) -> Analysis:
    """The same with labels padded where the frame was padded to even sides."""
    labels = analysis.labels
    rows, columns = size[1] - labels.shape[0], size[0] - labels.shape[1]
    if rows == columns == 0:
        return analysis
    if not (0 <= rows <= 1 and 0 <= columns <= 1):
        raise UnderstudyError(
            f"Labels of {labels.shape[1]}x{labels.shape[0]} do not belong to a picture of "
            f"{size[0]}x{size[1]}: compose a frame with its own analysis."
        )
    return replace(analysis, labels=np.pad(labels, ((0, rows), (0, columns)), mode="edge"))


def _camera(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    """The frame as it is."""


def _parts(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    radius = _edge(picture)
    region = person_region(analysis.labels, 2 * radius)
    if region is None:
        return
    labels = region.of(analysis.labels)
    opacity = float(np.clip(options.opacity, 0.0, 1.0))
    mask = as_plane(cv2.convertScaleAbs(soft_mask(labels, radius), alpha=opacity))
    # Under the outer half of the soft edge lies the colour of a part next to it, not black.
    spread = cv2.dilate(labels, np.ones((4 * radius + 1, 4 * radius + 1), np.uint8))
    cv2.copyTo(labels, labels, spread)
    small = spread[::2, ::2]
    for plane, ids, table, cover in zip(
        region.of_all(picture), (spread, small, small), PART_COLOURS, _masks(mask), strict=True
    ):
        plane[:] = blend(plane, as_plane(cv2.LUT(ids, table)), cover)


def _cutout(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    original = picture.copy()
    for plane, value in zip(picture.channels(), _BACKDROP, strict=True):
        plane[:] = value
    _put_person_back(picture, original, analysis.labels)


def _darken(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    original = picture.copy()
    for plane, table in zip(picture.channels(), (_DIM_LUMA, _DIM_CHROMA, _DIM_CHROMA), strict=True):
        cv2.LUT(plane, table, dst=plane)
    _put_person_back(picture, original, analysis.labels)


def _blur(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    original = picture.copy()
    blur_background(picture, analysis.labels, _BLUR_STRENGTH)
    _put_person_back(picture, original, analysis.labels)


def _pixelate(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    pixelate_person(picture, analysis.labels, _CELLS_HIGH)


def _face_blur(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    hide_faces(picture, analysis)


def _skeleton(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    if analysis.person is not None:
        smoothed = analysis.smoothed
        draw_skeleton(picture, analysis.person.keypoints if smoothed is None else smoothed)


def _parts_skeleton(picture: Planes, analysis: Analysis, options: ViewOptions) -> None:
    _parts(picture, analysis, options)
    _skeleton(picture, analysis, options)


def _put_person_back(picture: Planes, original: Planes, labels: Labels) -> None:
    """Lay the person over what has been made of the background, with a soft edge."""
    radius = _edge(picture)
    region = person_region(labels, 2 * radius)
    if region is None:
        return
    mask = soft_mask(region.of(labels), radius)
    for below, above, cover in zip(
        region.of_all(picture), region.of_all(original), _masks(mask), strict=True
    ):
        below[:] = blend(below, above, cover)


def _edge(picture: Planes) -> int:
    """Half the width of a soft edge in pixels."""
    return max(round(min(picture.size) / 480), 1)


def _masks(mask: Plane) -> tuple[Plane, Plane, Plane]:
    """A mask for Y, and the same for U and V."""
    small = halve(mask)
    return mask, small, small


_BACKDROP = (180, NEUTRAL_CHROMA, NEUTRAL_CHROMA)
"""Studio grey, lighter than dark clothes and darker than white ones."""

_DIM_LUMA = np.rint(16 + (np.arange(256) - 16) * 0.3).clip(16, 235).astype(np.uint8)
_DIM_CHROMA = np.rint(NEUTRAL_CHROMA + (np.arange(256) - NEUTRAL_CHROMA) * 0.4).astype(np.uint8)

_BLUR_STRENGTH = 0.022
"""Sigma of the background's blur in picture heights."""

_CELLS_HIGH = 40
"""Squares of the pixelated person in the height of the picture."""

_DRAW: dict[str, Callable[[Planes, Analysis, ViewOptions], None]] = {
    "camera": _camera,
    "parts": _parts,
    "cutout": _cutout,
    "darken": _darken,
    "blur": _blur,
    "pixelate": _pixelate,
    "face_blur": _face_blur,
    "skeleton": _skeleton,
    "parts_skeleton": _parts_skeleton,
}
"""How each view is drawn, in place, on a copy of the frame."""
