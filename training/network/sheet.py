"""Pictures in a student's run: what it sees beside the teacher, at the end and as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.files import write_whole
from inference.arrays import Labels, Rgb
from inference.body import PALETTE
from inference.personlab import decode_people
from training.learning_pictures import LearningPictures, chosen
from training.network.labelled import MAYBE, UNKNOWN, Labelled, Packed
from training.network.student import Student
from training.network.student_network import StudentNetwork
from training.network.teacher import part_labels, person_probability

SIDE = 200
"""Of a picture on the sheet, pixels."""
ROWS = 8
SEEN = 0.3

Picture = NDArray[np.uint8]


class SeenPictures:
    """What the student sees in some pictures as it learns, beside what it should see."""

    def __init__(self, run: Path, items: Sequence[Packed]) -> None:
        """`items`: held-out pictures; some of them are shown."""
        self._items = [items[number].labelled() for number in chosen(len(items))]
        self._pictures = LearningPictures(run)
        self._pictures.write_true([_cut(_wanted(item), item) for item in self._items])

    def due(self, seconds: float) -> bool:
        """Whether it is time for another; `seconds`: of training so far."""
        return self._pictures.due(seconds)

    def show(self, seconds: float, student: Student) -> None:
        """Write what it sees now."""
        network = StudentNetwork(student)
        seen = [_cut(_seen(network, item.rgb), item) for item in self._items]
        self._pictures.write(seconds, seen)


def write_sheet(network: StudentNetwork, items: Sequence[Packed], path: Path) -> None:
    """Rows of photo, labels (teacher's parts on what is known of people), student."""
    step = max(1, len(items) // ROWS)
    rows = [_row(network, packed.labelled()) for packed in items[::step][:ROWS]]
    _write(np.vstack(rows), path)


def _row(network: StudentNetwork, item: Labelled) -> Picture:
    pictures = (item.rgb, _wanted(item), _seen(network, item.rgb))
    return np.hstack([_square(picture) for picture in pictures])


def _wanted(item: Labelled) -> Picture:
    """What is known about a picture."""
    picture = _coloured(item.rgb, np.where(item.people > 0, item.parts, 0), item.people)
    for points in item.keypoints:
        _dots(picture, points)
    return picture


def _seen(network: StudentNetwork, rgb: Rgb) -> Picture:
    """What the student says about it."""
    heads = network.heads(rgb)
    found = np.where(person_probability(heads) >= 0.5, part_labels(heads), 0).astype(np.uint8)
    picture = _coloured(rgb, found, found)
    for person in decode_people(heads):
        _dots(picture, person.keypoints)
    return picture


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


def _cut(picture: Picture, item: Labelled) -> Picture:
    """The largest square of a picture that has its people in the middle, as far as it goes."""
    height, width = picture.shape[:2]
    side = min(height, width)
    places = np.argwhere((item.people > 0) & (item.people < MAYBE))
    middle = places.mean(axis=0) if len(places) else np.array([height, width]) / 2
    top, left = np.clip(middle - side / 2, 0, [height - side, width - side]).astype(int)
    return picture[top : top + side, left : left + side]


def _square(picture: Picture) -> Picture:
    factor = SIDE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[: small.shape[0], : small.shape[1]] = small[:SIDE, :SIDE]
    return square


def _write(picture: Picture, path: Path) -> None:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    write_whole(path, data.tobytes())
