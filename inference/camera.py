"""How the camera itself moved from one frame to another: a shift, a turn and a zoom.

Places on a coarse grid are followed (Lucas and Kanade, "An Iterative Image Registration
Technique", IJCAI 1981, in pyramids as Bouguet has it); the similarity that most of them agree on
(RANSAC: Fischler and Bolles, 1981) is the camera's. Walls without anything on them have no say.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Rgb

ROWS, COLUMNS = 6, 8
"""Of the grid of places that are followed."""
LEAST_ROWS = 120
"""Frames are looked at in every n-th pixel: so many rows, or up to twice as many."""
WINDOW = 11
"""Side of what is followed around a place, in those pixels."""
TEXTURE = 1e-3
"""How much of a corner a place must be: OpenCV's least eigenvalue."""
SAME = 0.7
"""Pixels within which a place moved as the camera says."""
LEAST_PLACES = 8
"""So many must have been followed, and half of them must agree."""

Similarity = NDArray[np.float64]
"""`[2, 3]`: where a pixel of the earlier frame lies in the later one, as far as the camera goes."""

Grey = NDArray[np.uint8]


class Camera:
    """Follows the camera through a clip, frame by frame."""

    def __init__(self) -> None:
        self._before: Grey | None = None

    def reset(self) -> None:
        """Another clip begins."""
        self._before = None

    def step(self, rgb: Rgb, wanted: bool = True) -> Similarity | None:
        """How it moved since the frame before; None when that cannot be told, or is not `wanted`
        (then the frame is only remembered)."""
        before, self._before = self._before, small(rgb)
        if before is None or not wanted:
            return None
        return camera_between(before, self._before, rgb.shape[1])


def small(rgb: Rgb) -> Grey:
    """Every n-th pixel of a frame's green, which is enough to follow it."""
    step = max(1, rgb.shape[0] // LEAST_ROWS)
    return np.ascontiguousarray(rgb[::step, ::step, 1])


def camera_between(earlier: Grey, later: Grey, width: int) -> Similarity | None:
    """How the camera moved between two frames that are `small`; None when that cannot be told.

    `width`: of the frames themselves, pixels.
    """
    if earlier.shape != later.shape or min(later.shape) < 2 * WINDOW:
        return None
    places = _grid(later.shape)
    there, followed, _ = cv2.calcOpticalFlowPyrLK(
        earlier, later, places, places.copy(), winSize=(WINDOW, WINDOW), maxLevel=2,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
        minEigThreshold=TEXTURE,
    )  # fmt: skip
    known = followed[:, 0] > 0
    if known.sum() < LEAST_PLACES:
        return None
    found, agree = cv2.estimateAffinePartial2D(
        places[known], there[known], method=cv2.RANSAC, ransacReprojThreshold=SAME,
        maxIters=100, confidence=0.95,
    )  # fmt: skip
    if found is None or agree.sum() < max(LEAST_PLACES, known.sum() / 2):
        return None
    similarity = np.asarray(found, np.float64)
    similarity[:, 2] *= round(width / later.shape[1])
    return similarity


def _grid(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """`[places, 1, 2]`: x and y."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    places = np.stack([(x + 0.5) * shape[1] / COLUMNS, (y + 0.5) * shape[0] / ROWS], axis=-1)
    return places.reshape(-1, 1, 2).astype(np.float32)


def carried(points: NDArray[np.float64], camera: Similarity) -> NDArray[np.float64]:
    """Where what lay at `points` `[..., 2]` lies now, had only the camera moved."""
    return np.asarray(points @ camera[:, :2].T + camera[:, 2])
