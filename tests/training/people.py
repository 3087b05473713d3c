"""Drawn people for tests of labels and targets: joints that are known exactly."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.body import SKELETON
from training.network.labelled import Labelled

STANDING = np.array(
    [(50, 12), (53, 9), (47, 9), (57, 11), (43, 11), (62, 28), (38, 28), (70, 45), (30, 45),
     (74, 62), (26, 62), (58, 64), (42, 64), (60, 88), (40, 88), (61, 112), (39, 112)],
    np.float32,
)  # fmt: skip
"""Key points of somebody 120 pixels high, x and y in COCO's order."""


def at(x: float, y: float, size: float = 1.0) -> NDArray[np.float32]:
    """Key points `[17, 3]` of somebody standing with the top left corner at (x, y)."""
    points = np.ones((17, 3), np.float32)
    points[:, :2] = STANDING * size + (x, y)
    return points


def picture(people: list[NDArray[np.float32]], size: tuple[int, int] = (320, 256)) -> Labelled:
    """Stick people in red on blue, with all labels; part 13 (torso) everywhere."""
    width, height = size
    owners = np.zeros((height, width), np.uint8)
    for number, points in enumerate(people):
        places = [(round(float(x)), round(float(y))) for x, y, _ in points]
        for first, second in SKELETON:
            cv2.line(owners, places[first], places[second], number + 1, 9)
    rgb = np.where(owners[..., None] > 0, (220, 30, 30), (30, 30, 220)).astype(np.uint8)
    parts = np.where(owners > 0, 13, 0).astype(np.uint8)
    keypoints = np.asarray(people, np.float32).reshape(-1, 17, 3)
    return Labelled(rgb, owners, parts, keypoints)
