"""Teachers of key points: MoveNet MultiPose finds everybody, MoveNet Thunder looks again at one.

Pictures are uint8 `[H, W, 3]` RGB; key points `[17, 3]`: x, y in pixels of the picture, score 0..1.
What is decoded, and how, is written in the publisher's graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.analysis import Person
from inference.arrays import Rgb
from inference.teachers import find_teacher
from training.network.metrics import box_iou
from training.network.movenet import MoveNet
from training.network.student_network import normalised
from training.network.tfjs import read_graph

SIDES = (256, 512)
"""Longer sides at which everybody is looked for, pixels: the larger loses who is close, the smaller
who is far away."""
FOUND = 0.15
"""Score from which MultiPose's people are looked at again."""
SURE = 0.25
"""Mean score that Thunder must give somebody."""
SEEN = 0.2
"""Score of a key point from which it counts as seen."""

_THUNDER_SIDE = 256
_STRIDE = 4
_MOST = 6
_ROOM = 1.25
"""Side of the square that Thunder looks at, to the longer side of the person's box."""
_CROWDED = 0.5
"""Boxes that overlap more than this are one person's."""
_SAME = 0.08
"""Key points nearer than this to somebody else's, as a share of the box, are theirs."""
_FROM_CENTRE = "truediv_2_recip"
"""Name of Thunder's weights of where in the picture a person's centre is."""
_FAR = 1.8
"""Cells. Thunder divides a score map by the distance from where it is expected, and this."""

Points = NDArray[np.float32]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody."""

    keypoints: Points
    box: Box
    """x, y, width, height."""
    score: float


class MultiPose:
    """Finds up to six people; `ModelError` when its files are not here."""

    def __init__(self) -> None:
        graph = read_graph(find_teacher("movenet-multipose"))
        self._network = MoveNet(graph.convolutions).eval()

    def people(self, rgb: Rgb, side: int) -> list[Found]:
        """Whom it finds with the picture's longer side made `side` pixels, the surest first."""
        height, width = rgb.shape[:2]
        factor = side / max(height, width)
        rows, columns = round(height * factor), round(width * factor)
        view = np.zeros((-(-rows // 32) * 32, -(-columns // 32) * 32, 3), np.uint8)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        view[:rows, :columns] = cv2.resize(rgb, (columns, rows), interpolation=how)
        found = [_moved(one, 1 / factor) for one in _decode_people(_heads(self._network, view))]
        return sorted(found, key=lambda one: -one.score)


class Thunder:
    """Looks at one person closely; `ModelError` when its files are not here."""

    def __init__(self) -> None:
        graph = read_graph(find_teacher("movenet-thunder"))
        self._network = MoveNet(graph.convolutions).eval()
        (weights,) = (v for name, v in graph.constants.items() if name.endswith(_FROM_CENTRE))
        self._from_centre = np.asarray(weights[..., 0], np.float32)

    def predict(self, rgb: Rgb, box: Box) -> Points:
        """The key points of whom a box holds."""
        half = max(box[2:]) / 2 * _ROOM
        corner = np.array([box[0] + box[2] / 2 - half, box[1] + box[3] / 2 - half])
        scale = _THUNDER_SIDE / (2 * half)
        matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
        how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        view = cv2.warpAffine(rgb, matrix, (_THUNDER_SIDE, _THUNDER_SIDE), flags=how)
        points = self._decode(_heads(self._network, np.asarray(view, np.uint8)))
        points[:, :2] = points[:, :2] / scale + corner
        return points

    def again(self, rgb: Rgb, person: Person) -> Points:
        """Better key points of somebody who was found; theirs where it is not sure of its own."""
        points = self.predict(rgb, person.box)
        return points if points[:, 2].mean() >= SURE else person.keypoints

    def _decode(self, heads: dict[str, Points]) -> Points:
        centre = _sigmoid(heads["center"][0]) * self._from_centre
        row, column = np.unravel_index(int(centre.argmax()), centre.shape)
        expected = heads["kpt_regress"][:, row, column].reshape(17, 2) + np.array([row, column])
        heat = _sigmoid(heads["kpt_heatmap"])
        rows, columns = np.mgrid[: heat.shape[1], : heat.shape[2]].astype(np.float32)
        away = np.hypot(
            rows - expected[:, :1, None], columns - expected[:, 1:, None], dtype=np.float32
        )
        return _refined(heads, heat, heat / (away + _FAR))


def everybody(rgb: Rgb, finder: MultiPose, closer: Thunder | None) -> list[Found]:
    """Everybody, the surest first: found at several sizes, then each looked at again.

    Without `closer` MultiPose's own key points are kept.
    """
    seen = [one for side in SIDES for one in finder.people(rgb, side) if one.score > FOUND]
    apart: list[Found] = []
    for one in sorted(seen, key=lambda one: -one.score):
        if all(box_iou(one.box, other.box) <= _CROWDED for other in apart):
            apart.append(one)
    if closer is not None:
        apart = [_looked_at(rgb, one, closer) for one in apart]
    kept: list[Found] = []
    for one in sorted(apart, key=lambda one: -one.score):
        if one.score < SURE or (one.keypoints[:, 2] > SEEN).sum() < 3:
            continue
        near = _SAME * max(one.box[2:])
        if all(_apart(one.keypoints, other.keypoints) >= near for other in kept):
            kept.append(one)
    return kept


def _looked_at(rgb: Rgb, one: Found, closer: Thunder) -> Found:
    points = closer.predict(rgb, one.box)
    return Found(points, one.box, float(points[:, 2].mean()))


def _heads(network: MoveNet, view: Rgb) -> dict[str, Points]:
    with torch.inference_mode():
        heads = network(normalised(torch.from_numpy(view[None])))
    return {name: head[0].numpy() for name, head in heads.items()}


def _decode_people(heads: dict[str, Points]) -> list[Found]:
    """MultiPose's people in pixels of its input."""
    centre, heat = _sigmoid(heads["center"][0]), _sigmoid(heads["kpt_heatmap"])
    peaks = np.where(centre >= cv2.dilate(centre, np.ones((5, 5), np.uint8)), centre, 0)
    shape = np.array(centre.shape, np.float32)
    rows, columns = np.mgrid[: centre.shape[0], : centre.shape[1]].astype(np.float32)
    found = []
    for place in np.argsort(-peaks, axis=None)[:_MOST]:
        row, column = np.unravel_index(int(place), centre.shape)
        half = np.maximum(heads["box_scale"][:, row, column], 0) / 2
        middle = heads["box_offset"][:, row, column] + np.array([row, column])
        low, high = np.clip(middle - half, 0, shape), np.clip(middle + half, 0, shape)
        expected = heads["kpt_regress"][:, row, column].reshape(17, 2) + np.array([row, column])
        away = (rows - expected[:, :1, None]) ** 2 + (columns - expected[:, 1:, None]) ** 2
        inside = (rows >= low[0]) & (rows < high[0]) & (columns >= low[1]) & (columns < high[1])
        near = heat * np.exp(-away / (0.3 * shape.min())) * inside
        points = _refined(heads, near, near)
        points[points[:, 2] <= 0.127, 2] = 0
        seen = points[:, 2] > 0
        score = float(centre[row, column] * points[seen, 2].mean()) if seen.any() else 0.0
        (y, x), (tall, wide) = low * _STRIDE, (high - low) * _STRIDE
        found.append(Found(points, (float(x), float(y), float(wide), float(tall)), score))
    return found


def _refined(heads: dict[str, Points], heat: Points, ranked: Points) -> Points:
    """Each key point at the cell that `ranked` has highest, its score from `heat`."""
    best = ranked.reshape(17, -1).argmax(1)
    row, column = np.unravel_index(best, ranked.shape[1:])
    each = np.arange(17)
    offsets = heads["kpt_offset"].reshape(17, 2, *heat.shape[1:])[each, :, row, column]
    return np.stack(
        [
            (column + offsets[:, 1]) * _STRIDE,
            (row + offsets[:, 0]) * _STRIDE,
            heat[each, row, column],
        ],
        axis=1,
    ).astype(np.float32)


def _sigmoid(logits: Points) -> Points:
    return np.asarray(0.5 * (1 + np.tanh(logits / 2)), np.float32)


def _moved(one: Found, factor: float) -> Found:
    points = one.keypoints.copy()
    points[:, :2] *= factor
    x, y, width, height = (side * factor for side in one.box)
    return Found(points, (x, y, width, height), one.score)


def _apart(one: Points, other: Points) -> float:
    """Median distance of two people's key points, pixels."""
    return float(np.median(np.hypot(*(one - other)[:, :2].T)))
