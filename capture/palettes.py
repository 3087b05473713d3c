"""Which class a colour means: BodyPix's two rainbows, or classes found by k-means.

Distances are Euclidean in CIELAB (CIE 15:2004, D65). Where that space is tight (blue, violet) a
colour that is only a little off can be nearer to a neighbour than to its own; so a colour that is
off by less than half the least distance between any two of the palette, in each of R, G and B, is
taken for that colour before anything else.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.body import LABEL_NAMES, RAINBOW, RAINBOW_V1

MAX_CLASSES = len(LABEL_NAMES)

Lab = NDArray[np.float32]
"""`[N, 3]`: L* 0..100, a*, b*."""

AMBIGUOUS = 0.6
"""A colour is doubtful when its class is more than this much as far as the second nearest."""

FAR = 20.0
"""CIELAB units; colours farther from all of a palette are not of that palette."""

STRANGE_SHARE = 0.1
"""A palette does not fit when more of what is not background is far from it."""

SEPARATION = 6.0
"""CIELAB units between two classes that k-means may tell apart; noise is smaller."""

RARE_SHARE = 1e-5
"""A colour with a smaller share of all pixels founds no class."""

_BINS = 32
_SAMPLES = 50_000


def cielab(rgb: NDArray[np.uint8] | NDArray[np.float32]) -> Lab:
    """CIELAB of sRGB colours `[N, 3]`, 0..255."""
    unit = rgb.reshape(-1, 1, 3).astype(np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2LAB), np.float32)[:, 0]


@dataclass(frozen=True, eq=False, slots=True)
class Palette:
    """The colours of the classes 0, 1, 2, ..."""

    name: str
    colours: NDArray[np.uint8]
    """`[classes, 3]`, RGB."""
    white_background: bool = False
    """Whether white means class 0, too: BodyPix's own `toColoredPartMask` paints it so."""

    def distances(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How far each of `[N, 3]` colours is from each class, float32 `[N, classes]`."""
        colours = cielab(rgb)
        distances = np.stack([np.linalg.norm(colours - one, axis=1) for one in cielab(self._all)])
        return self._by_class(distances.T)

    def nearest(
        self, rgb: NDArray[np.uint8], distances: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The class of each of `[N, 3]` colours, uint8, and whether that is doubtful."""
        off = np.stack(
            [np.abs(rgb.astype(np.int16) - one).max(axis=1) for one in self._all.astype(np.int16)]
        ).T
        off = self._by_class(off)
        by_offset, by_eye = off.argmin(axis=1), distances.argmin(axis=1)
        near = off.min(axis=1) <= self._reach
        classes = np.where(near, by_offset, by_eye)
        if distances.shape[1] == 1:
            return classes.astype(np.uint8), np.zeros(len(rgb), np.bool_)
        first, second = np.partition(distances, 1, axis=1)[:, :2].T
        return classes.astype(np.uint8), ~near & (first > AMBIGUOUS * second)

    @property
    def _all(self) -> NDArray[np.uint8]:
        if not self.white_background:
            return self.colours
        return np.concatenate([self.colours, np.full((1, 3), 255, np.uint8)])

    @property
    def _reach(self) -> int:
        """Cubes of this many grey levels around the colours do not touch each other."""
        if len(self._all) < 2:
            return 255
        colours = self._all.astype(np.int16)
        apart = np.abs(colours[:, None] - colours).max(axis=2)
        return (int(apart[~np.eye(len(colours), dtype=bool)].min()) - 1) // 2

    def _by_class(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of two columns for the background the smaller."""
        if not self.white_background:
            return columns
        background = np.minimum(columns[:, :1], columns[:, -1:])
        return np.concatenate([background, columns[:, 1:-1]], axis=1)


def _rainbow(name: str, parts: NDArray[np.uint8]) -> Palette:
    return Palette(name, np.concatenate([np.zeros((1, 3), np.uint8), parts]), True)


BODYPIX = _rainbow("bodypix", RAINBOW)
BODYPIX_1 = _rainbow("bodypix1", RAINBOW_V1)


class ColourCensus:
    """How often which colours occur, over many pictures, in bounded memory."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS**3)
        self._sums = np.zeros((_BINS**3, 3))

    def add(self, rgb: NDArray[np.uint8], counts: NDArray[np.int64]) -> None:
        """`[N, 3]` colours, each `counts` times."""
        step = 256 // _BINS
        bins = (rgb.astype(np.int64) // step) @ np.array([_BINS * _BINS, _BINS, 1])
        self._counts += np.bincount(bins, counts, _BINS**3)
        for channel in range(3):
            self._sums[:, channel] += np.bincount(bins, counts * rgb[:, channel], _BINS**3)

    def colours(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Mean colours, `[N, 3]`, and their shares of all pixels, the largest first."""
        used = np.flatnonzero(self._counts)
        used = used[np.argsort(-self._counts[used], kind="stable")]
        means = (self._sums[used] / self._counts[used, None]).round().astype(np.uint8)
        return means, self._counts[used] / self._counts.sum()


def fitting(census: ColourCensus) -> Palette | None:
    """BodyPix's rainbow, the version that fits the colours; None when neither does."""
    colours, shares = census.colours()
    best: tuple[float, Palette] | None = None
    for palette in (BODYPIX, BODYPIX_1):
        distances = palette.distances(colours)
        classes, _ = palette.nearest(colours, distances)
        distance = distances.min(axis=1)
        weights = np.where((classes > 0) | (distance > FAR), shares, 0)
        total = max(float(weights.sum()), 1e-9)
        if weights[distance > FAR].sum() > STRANGE_SHARE * total:
            continue
        mean = float(weights @ distance) / total
        if best is None or mean < best[0]:
            best = (mean, palette)
    return None if best is None else best[1]


def clustered_palette(census: ColourCensus) -> Palette:
    """Up to 25 classes by k-means in CIELAB; the commonest is class 0, and so on.

    It begins with the commonest colours that lie apart, so the same pictures give the same classes.
    """
    colours, shares = census.colours()
    points = cielab(colours)
    seeds = _seeds(points, shares)
    nearest = np.linalg.norm(points[:, None] - points[seeds], axis=2).argmin(axis=1)
    copies = np.ceil(shares * _SAMPLES).astype(np.int64)
    initial = np.repeat(nearest, copies).astype(np.int32)[:, None]
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 0.01)
    _, classes, _ = cv2.kmeans(
        np.repeat(points, copies, axis=0),
        len(seeds),
        initial,
        until,
        1,
        cv2.KMEANS_USE_INITIAL_LABELS,
    )
    of_colour = np.asarray(classes).ravel()[np.cumsum(copies) - 1]
    members = [of_colour == number for number in range(len(seeds))]
    weights = [float(shares[one].sum()) for one in members]
    order = sorted(range(len(seeds)), key=lambda number: -weights[number])
    centres = [np.average(colours[members[n]], axis=0, weights=shares[members[n]]) for n in order]
    return Palette("found", np.array(centres).round().astype(np.uint8))


def _seeds(points: Lab, shares: NDArray[np.float64]) -> list[int]:
    """Which colours found a class: the commonest that lie apart."""
    seeds = [0]
    for index in range(1, len(points)):
        if len(seeds) == MAX_CLASSES or shares[index] < RARE_SHARE:
            break
        if np.linalg.norm(points[seeds] - points[index], axis=1).min() >= SEPARATION:
            seeds.append(index)
    return seeds
