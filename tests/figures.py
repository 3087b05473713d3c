"""A drawn-from-numbers person for tests that must know exactly where everything is."""

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Person
from inference.body import KEYPOINT_NAMES

_PLACES = {
    "nose": (0.0, -0.15), "eye": (0.027, -0.173), "ear": (0.053, -0.16), "shoulder": (0.113, 0.0),
    "elbow": (0.147, 0.167), "wrist": (0.153, 0.317), "hip": (0.073, 0.287), "knee": (0.08, 0.527),
    "ankle": (0.08, 0.767),
}  # fmt: skip
"""Right of and below the middle of the shoulders, in body heights, of the left side."""


def standing(
    x: float = 320.0, y: float = 200.0, height: float = 300.0, score: float = 0.9
) -> NDArray[np.float32]:
    """Key points of somebody who faces us with hanging arms.

    `x`, `y` is the middle between the shoulders; left is theirs, so on the right of the picture.
    """
    keypoints = np.zeros((17, 3), np.float32)
    for index, name in enumerate(KEYPOINT_NAMES):
        right, down = _PLACES[name.split("_")[-1]]
        side = -1 if name.startswith("right") else 1
        keypoints[index] = x + side * right * height, y + down * height, score
    return keypoints


def number(name: str) -> int:
    """Index of a key point."""
    return KEYPOINT_NAMES.index(name)


def person(keypoints: NDArray[np.float32]) -> Person:
    """A person as the decoder would report them."""
    seen = keypoints[keypoints[:, 2] >= 0.3, :2] if (keypoints[:, 2] >= 0.3).any() else keypoints
    left, top = seen[:, :2].min(axis=0)
    right, bottom = seen[:, :2].max(axis=0)
    box = (float(left), float(top), float(right - left), float(bottom - top))
    return Person(keypoints, float(keypoints[:, 2].mean()), box)
