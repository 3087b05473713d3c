"""Pictures in a run's folder: how the losses fell, and what the student sees beside the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.files import write_whole
from inference.analysis import Labels, Rgb
from inference.body import PALETTE
from inference.personlab import decode_people
from training.labelled import MAYBE, UNKNOWN, Labelled, Packed
from training.student_network import StudentNetwork
from training.teacher import part_labels, person_probability

SIDE = 200
"""Of a picture on the sheet, pixels."""
ROWS = 8
SEEN = 0.3

_WIDTH, _HEIGHT, _MARGIN = 900, 420, 48
_COLOURS = [(110, 64, 170), (255, 94, 99), (26, 199, 194), (255, 140, 56), (47, 150, 224),
            (96, 200, 96), (120, 120, 120), (210, 62, 167)]  # fmt: skip

Picture = NDArray[np.uint8]


def write_sheet(network: StudentNetwork, items: Sequence[Packed], path: Path) -> None:
    """Rows of photo, labels (teacher's parts on what is known of people), student."""
    step = max(1, len(items) // ROWS)
    rows = [_row(network, packed.labelled()) for packed in items[::step][:ROWS]]
    _write(np.vstack(rows), path)


def _row(network: StudentNetwork, item: Labelled) -> Picture:
    heads = network.heads(item.rgb)
    theirs = _coloured(item.rgb, np.where(item.people > 0, item.parts, 0), item.people)
    found = np.where(person_probability(heads) >= 0.5, part_labels(heads), 0).astype(np.uint8)
    ours = _coloured(item.rgb, found, found)
    for points in item.keypoints:
        _dots(theirs, points)
    for person in decode_people(heads):
        _dots(ours, person.keypoints)
    return np.hstack([_square(picture) for picture in (item.rgb, theirs, ours)])


def _coloured(rgb: Rgb, parts: Labels, people: Labels) -> Picture:
    """Parts in BodyPix's colours over a dimmed picture; grey where nobody knows."""
    colours = PALETTE[np.where(parts < len(PALETTE), parts, 0)]
    colours[(people > 0) & (people < MAYBE) & (parts == UNKNOWN)] = 255
    colours[people >= MAYBE] = 110
    return np.asarray(rgb * 0.4 + colours * 0.6, np.uint8)


def _dots(picture: Picture, points: NDArray[np.float32]) -> None:
    for x, y, score in points:
        if score >= SEEN:
            cv2.circle(picture, (round(float(x)), round(float(y))), 3, (255, 255, 255), -1)


def _square(picture: Picture) -> Picture:
    factor = SIDE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[: small.shape[0], : small.shape[1]] = small[:SIDE, :SIDE]
    return square


def write_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Losses (each as a share of its first value) and held-out accuracy over the minutes."""
    canvas = np.full((_HEIGHT, 2 * _WIDTH, 3), 255, np.uint8)
    if history:
        minutes = [line["seconds"] / 60 for line in history]
        for left, key in ((0, "losses"), (_WIDTH, "held_out")):
            for number, name in enumerate(history[0][key]):
                values = [float(line[key].get(name, np.nan)) for line in history]
                shares = [v / values[0] for v in values] if key == "losses" else values
                _curve(canvas, left, number, minutes, shares, f"{name} {values[-1]:.3f}")
    _write(canvas, path)


def _curve(
    canvas: Picture, left: int, number: int, xs: list[float], ys: list[float], title: str
) -> None:
    """One line on one of the two charts: y from 0 to 1.2, x from 0 to the last minute."""
    colour = _COLOURS[number % len(_COLOURS)]
    wide, high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    x = np.array(xs) / max(xs[-1], 1e-9) * wide + left + _MARGIN
    y = _HEIGHT - _MARGIN - np.clip(ys, 0, 1.2) / 1.2 * high
    points = np.rint(np.stack([x, y], -1)[np.isfinite(y)]).astype(np.int32)
    cv2.polylines(canvas, [points], False, colour, 2, cv2.LINE_AA)
    place = (left + _WIDTH - 260, _MARGIN + 20 * number)
    cv2.putText(canvas, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    corner = (left + _MARGIN, _HEIGHT - _MARGIN)
    cv2.rectangle(canvas, corner, (corner[0] + wide, _MARGIN), (210, 210, 210), 1)
    last = f"{xs[-1]:.0f} min"
    place = (corner[0] + wide - 50, corner[1] + 20)
    cv2.putText(canvas, last, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (90, 90, 90), 1, cv2.LINE_AA)


def _write(picture: Picture, path: Path) -> None:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    write_whole(path, data.tobytes())
