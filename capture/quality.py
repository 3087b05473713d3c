"""What may be wrong with a frame, as flags of a pair and as sentences for the dancer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from cv2.typing import MatLike

from inference.analysis import Analysis, Person
from inference.arrays import Labels, Rgb
from inference.body import FACE_LABELS
from inference.skeleton import MIN_SCORE, body_scale

SHARP = (0.315, 0.38)
"""Second over first differences of the person's picture, in the blurrier direction, at full and at
half size: less is blur. Undisturbed real clips lie above, the same blurred (Gaussian of 1/300 of
the height, or 1/60 of the width in a direction) below. Full size sees slight blur, half size blur
under the noise of a camera."""

DARK = 55.0
"""Mean brightness (0..255) of the scene around the person, of the person and of their face,
whichever is highest, below is dark: black clothes are not, nor are black bars beside the film."""

BAR = 24
"""Rows and columns along a border in which nothing is brighter are bars, not scene."""

NEAR, FAR = 1.0, 0.3
"""Share of the picture's height that a standing body should stay within."""

STANDING = 0.8
"""Height of a standing person over `body_scale`, which takes the largest of several estimates."""

MARGIN = 0.01
"""A key point so near to the frame's border, as a share of its size, may be cut off there."""

ALONE_SHARE = 0.3
"""Others count when their box is this large, compared with the dancer's."""

_SHRUNK = 480
"""Pixels of the longer side on which sharpness is measured."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured in one frame."""

    person: bool
    head: bool
    feet: bool
    cropped: bool
    """Some of the body is outside the picture."""
    height: float
    """About the person's height, were they standing, as a share of the frame's; above 1 when only a
    part of them can be in it."""
    brightness: float
    """0..255."""
    sharpness: float
    """Less than 1 is blurred, see `SHARP`; 0 without a person."""
    others: int

    @property
    def flags(self) -> list[str]:
        """The pair's flags, in a fixed order."""
        wrong = {
            "blur": self.person and self.sharpness < 1,
            "dark": self.brightness < DARK,
            "cropped": self.person and self.cropped,
            "many_people": self.others > 0,
            "nobody": not self.person,
            "near": self.person and self.height > NEAR,
            "far": self.person and self.height < FAR,
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]


def measure(rgb: Rgb, analysis: Analysis) -> Quality:
    """Measure a frame: under a millisecond at 640x480."""
    height, width = rgb.shape[:2]
    person = analysis.person
    brightness = _scene_brightness(rgb, analysis.labels)
    if person is None:
        return Quality(False, False, False, False, 0.0, brightness, 0.0, len(analysis.others))
    seen = person.keypoints[:, 2] >= MIN_SCORE
    inside = _inside(person, (width, height))
    head, feet = bool((seen & inside)[:5].any()), bool((seen & inside)[15:].all())
    own, sharpness = _brightness_and_sharpness(rgb, analysis.labels, person)
    return Quality(
        person=True,
        head=head,
        feet=feet,
        cropped=not (head and feet) or bool((seen & ~inside).any()),
        height=max(person.box[3], STANDING * body_scale(person.keypoints)) / height,
        brightness=max(brightness, own),
        sharpness=sharpness,
        others=sum(_area(one) >= ALONE_SHARE * _area(person) for one in analysis.others),
    )


def guide(quality: Quality) -> list[dict[str, Any]]:
    """The six checks beside the picture: `{"name", "ok", "text"}` each, always in this order."""
    flags = set(quality.flags)
    there = quality.person
    checks = {
        "person": (there, "I see you.", "Step in front of the camera."),
        "whole_body": (
            there and not quality.cropped,
            "Your whole body is in.",
            _what_is_cut(quality),
        ),
        "light": (
            "dark" not in flags,
            "Bright enough.",
            "It is too dark: put a light in front of you.",
        ),
        "sharpness": (
            there and "blur" not in flags,
            "The picture is sharp.",
            "The picture is blurred: focus or clean the camera, add light.",
        ),
        "alone": (
            quality.others == 0,
            "You are alone.",
            "Somebody else is in the picture: ask them to step aside.",
        ),
        "distance": (
            there and not flags & {"near", "far"},
            "The distance is right.",
            _where_to_go(quality),
        ),
    }
    return [
        {"name": name, "ok": bool(ok), "text": good if ok else bad}
        for name, (ok, good, bad) in checks.items()
    ]


def _what_is_cut(quality: Quality) -> str:
    if not quality.person:
        return "Nobody to check yet."
    if not quality.feet:
        return "Your feet are out of the picture: step back or tilt the camera down."
    if not quality.head:
        return "Your head is out of the picture: step back or tilt the camera up."
    return "Part of you is out of the picture: move to the middle or step back."


def _where_to_go(quality: Quality) -> str:
    if not quality.person:
        return "Nobody to check yet."
    return "Too near: step back." if quality.height > NEAR else "Too far: come nearer."


def _inside(person: Person, size: tuple[int, int]) -> np.ndarray:
    share = person.keypoints[:, :2] / np.array(size, np.float32)
    return np.asarray(((share >= MARGIN) & (share <= 1 - MARGIN)).all(axis=1))


def _area(person: Person) -> float:
    return person.box[2] * person.box[3]


def _scene_brightness(rgb: Rgb, labels: Labels) -> float:
    """Mean brightness of what is around the person, black bars left out."""
    green = np.ascontiguousarray(rgb[::8, ::8, 1])
    rows, columns = (np.flatnonzero(green.max(axis=axis) > BAR) for axis in (1, 0))
    if not len(rows):
        return float(green.mean())
    scene = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    around = green[scene][labels[::8, ::8][scene] == 0]
    return float((around if around.size else green[scene]).mean())


def _brightness_and_sharpness(rgb: Rgb, labels: Labels, person: Person) -> tuple[float, float]:
    """Brightness and sharpness of the dancer's own pixels."""
    step = max(1, round(max(rgb.shape[:2]) / _SHRUNK))
    x, y, width, height = person.box
    rows = slice(max(int(y), 0), int(y + height) + 1, step)
    columns = slice(max(int(x), 0), int(x + width) + 1, step)
    green = np.ascontiguousarray(rgb[rows, columns, 1])
    own = np.ascontiguousarray(labels[rows, columns])
    if min(green.shape) < 16 or cv2.countNonZero(own) < 64:
        return 0.0, 1.0
    half = green.shape[1] // 2, green.shape[0] // 2
    half_green = cv2.resize(green, half, interpolation=cv2.INTER_AREA)
    half_own = cv2.resize(own, half, interpolation=cv2.INTER_NEAREST)
    sharpness = min(
        _second_over_first(green, own) / SHARP[0],
        _second_over_first(half_green, half_own) / SHARP[1],
    )
    face = cv2.inRange(own, *FACE_LABELS)
    brightness = max(float(cv2.mean(green, mask)[0]) for mask in (own, face))
    return brightness, sharpness


def _second_over_first(grey: MatLike, mask: MatLike) -> float:
    """Differences within the mask (not 0), in the direction that has fewer second ones."""
    flat = float(cv2.countNonZero(mask))
    ratios = []
    for first, second in (((1, 0), (2, 0)), ((0, 1), (0, 2))):
        slopes = cv2.norm(cv2.Sobel(grey, cv2.CV_16S, *first), cv2.NORM_L1, mask)
        bends = cv2.norm(cv2.Sobel(grey, cv2.CV_16S, *second), cv2.NORM_L1, mask)
        ratios.append(bends / max(slopes, flat))
    return min(ratios)
