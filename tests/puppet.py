"""A dancer of coloured limbs, whose picture in every pose is known."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import cv2
import numpy as np

from inference.arrays import Keypoints, Labels, Rgb
from transfer.target.pieces import BONES, ENDS, LABELS, Piece

SIZE = 400, 500
"""Width and height of the picture."""
GREY = 128
COLOURS = {piece: (60 + 13 * piece, 250 - 15 * piece, 40 + (97 * piece) % 200) for piece in Piece}
MARK = (255, 255, 255)
"""A dot in the middle of each limb."""
STANDING = np.array(
    [(200, 70), (206, 64), (194, 64), (213, 68), (187, 68), (230, 120), (170, 120), (250, 185),
     (150, 185), (262, 245), (138, 245), (220, 250), (180, 250), (224, 335), (176, 335), (226, 425),
     (174, 425)], np.float32,
)  # fmt: skip


def pose(**moved: tuple[float, float]) -> Keypoints:
    """Standing, but some key points (`p7=(x, y)`) elsewhere, `[17, 3]`."""
    points = STANDING.copy()
    for name, place in moved.items():
        points[int(name[1:])] = place
    return np.hstack([points, np.ones((17, 1), np.float32)])


def places(keypoints: Keypoints) -> dict[Piece, tuple[np.ndarray, np.ndarray]]:
    """Both ends of limbs, hands and feet."""
    xy = keypoints[:, :2]
    ends = {piece: (xy[a], xy[b]) for piece, (a, b) in BONES.items()}
    for piece, limb in ENDS.items():
        first, last = ends[limb]
        way = (last - first) / np.hypot(*(last - first))
        ends[piece] = last + 4 * way, last + 22 * way
    return ends


def draw(keypoints: Keypoints, marked: bool = True) -> tuple[Rgb, Labels]:
    """The puppet in a pose and its label map."""
    width, height = SIZE
    rgb = np.full((height, width, 3), GREY, np.uint8)
    labels = np.zeros((height, width), np.uint8)

    def shape(piece: Piece, paint: object) -> None:
        for picture, value in ((rgb, COLOURS[piece]), (labels, LABELS[piece][0])):
            paint(picture, value)  # type: ignore[operator]

    xy = keypoints[:, :2]
    trunk = np.rint(xy[[5, 6, 12, 11]]).astype(np.int32)
    shape(Piece.TRUNK, lambda picture, value: cv2.fillPoly(picture, [trunk], value))
    head = tuple(map(int, xy[0]))
    shape(Piece.HEAD, lambda picture, value: cv2.circle(picture, head, 32, value, -1))
    ends = places(keypoints)
    for piece, (first, last) in ends.items():
        a, b = (tuple(map(int, np.rint(end))) for end in (first, last))
        thick = 14 if piece in ENDS else 26
        shape(piece, lambda picture, value, a=a, b=b, t=thick: cv2.line(picture, a, b, value, t))
    if marked:
        for piece in BONES:
            centre = tuple(map(int, np.rint(np.mean(ends[piece], 0))))
            cv2.circle(rgb, centre, 5, MARK, -1)
    return rgb, labels


class Puppet:
    """As a `Target`."""

    def __init__(self, poses: Sequence[Keypoints], title: str = "puppet") -> None:
        self.keypoints = np.stack(poses)
        self.size = SIZE
        self.plate = np.full((SIZE[1], SIZE[0], 3), GREY, np.uint8)
        self.dataset = SimpleNamespace(manifest=SimpleNamespace(title=title))
        self.pairs = list(range(len(poses)))
        self.seconds = np.arange(len(poses)) / 30

    def frame(self, number: int) -> Rgb:
        return draw(self.keypoints[number])[0]

    def labels(self, number: int) -> Labels:
        return draw(self.keypoints[number])[1]
