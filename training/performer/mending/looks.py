"""Other clothes, skin and light for what a network learns to mend: it must know no person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels, Rgb

OFTEN = 0.8
EXCHANGED = 0.3
"""How often a picture has other colours, and how often red, green and blue change places."""
BEND, GRID = 0.01, 6
"""A label map is bent by about so much of its side, at so many by so many places."""
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Look:
    """A change of colours, the same for references, truth and plate."""

    matrix: NDArray[np.float32]
    """`[3, 3]`."""
    table: NDArray[np.uint8]
    """`[256]`: after the matrix, of each colour."""

    @classmethod
    def draw(cls, random: Random) -> Look | None:
        """At random: hue, saturation, gains, gamma; None: as it is."""
        if random.random() >= OFTEN:
            return None
        strength = random.random()
        angle = random.uniform(-np.pi, np.pi) * strength
        axis = np.ones(3) / np.sqrt(3)
        x, y, z = axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        turn = np.cos(angle) * np.eye(3) + np.sin(angle) * cross
        turn += (1 - np.cos(angle)) * np.outer(axis, axis)
        grey = np.full((3, 3), 1 / 3)
        matrix = (turn - grey) * np.exp(random.uniform(-0.7, 0.6) * strength) + grey
        gains = np.exp(random.uniform(-0.3, 0.3, 3) * strength)
        matrix *= gains[:, None] * np.exp(random.uniform(-0.4, 0.4) * strength)
        if random.random() < EXCHANGED:
            matrix = matrix[random.permutation(3)]
        gamma = np.exp(random.uniform(-0.5, 0.5) * strength)
        levels = (np.arange(256) / 255) ** gamma * 255
        return cls(matrix.astype(np.float32), levels.round().clip(0, 255).astype(np.uint8))

    def of(self, rgb: Rgb) -> Rgb:
        """A picture in other colours."""
        return np.asarray(cv2.LUT(cv2.transform(rgb, self.matrix), self.table), np.uint8)

    def of_planes(self, planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The same of `Warped.planes`, whose colour is weighted by alpha."""
        alpha = cv2.merge([np.ascontiguousarray(planes[..., 3])] * 3)
        whole = cv2.divide(np.ascontiguousarray(planes[..., :3]), alpha, scale=255)
        colour = cv2.multiply(self.of(np.asarray(whole, np.uint8)), alpha, scale=1 / 255)
        return np.dstack([colour, planes[..., 3:]])


def bent(parts: Labels, random: Random) -> Labels:
    """A label map `[S, S]` of somebody built a little otherwise."""
    size = len(parts)
    coarse = random.normal(0, BEND * size, (GRID, GRID, 2)).astype(np.float32)
    shift = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    places = x + shift[..., 0], y + shift[..., 1]
    return np.asarray(cv2.remap(parts, *places, cv2.INTER_NEAREST), np.uint8)
