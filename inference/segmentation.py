"""From heads to the dancer's label map.

Each cell of the grid is given to one of the people by its long-range offsets (Papandreou et al.,
"PersonLab", ECCV 2018, section 3.3); then the logits, still as the bytes they left the network
in, are sampled at every pixel of the dancer's surroundings with the grid's corners aligned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Head, Heads, Labels, Person
from inference.geometry import Placement

KEYPOINTS = 17
TRUSTED = 0.2
"""Key points scored less do not vote on whose a cell is."""
REACH = 0.6
"""A cell whose votes land further than this from a person's key points, as a share of the
person's size, belongs to nobody: furniture, posters, shadows."""
REFINEMENT_STEPS = 2
"""How often a vote is moved by the short offsets where it lands."""
_MIDDLE = 128
"""Ownership byte from which a cell is the dancer's."""

Bytes = NDArray[np.uint8]


def label_map(heads: Heads, people: Sequence[Person], dancer: int, threshold: float) -> Labels:
    """The dancer's parts, uint8 `[H, W]` of the frame: 0 = not the dancer, else part id + 1.

    `people`: everybody decoded from these heads; `dancer`: index of the one to label.
    `threshold`: probability 0..1 from which a pixel is a person's. Depends on nothing else.

    Raises:
        ValueError: the network has no part heads.
    """
    if heads.segments is None or heads.part_heatmaps is None or heads.long_offsets is None:
        raise ValueError("a pose-only network gives no label map")
    width, height = heads.placement.frame_size
    labels = np.zeros((height, width), np.uint8)
    segments = heads.segments
    least = math.log(threshold / (1 - threshold)) / segments.scale + segments.zero_point
    person = segments.values[..., 0] >= least
    around = _dilated(person)
    owned = _ownership(heads, people, dancer, around)
    mine = around & (owned >= _MIDDLE // 2)
    if not (mine & person).any():
        return labels
    region = _Region.around(mine, heads.body_placement)
    inside = region.sample(segments.values[..., 0].astype(np.float32)) >= least
    if len(people) > 1 or not mine[person].all():
        inside &= region.sample(owned.astype(np.float32)) >= _MIDDLE
    # The network saw nothing finer than a pixel of its input: whose pixel it is has to be smooth
    # along the dancer's outline, which part it is need not.
    step = max(1, int(1 / max(heads.placement.scale)))
    winners = _winners(heads.part_heatmaps, mine & person, region.coarser(step))
    labels[region.rows, region.columns] = _enlarged(winners, step, region.shape) * inside
    return labels


def _ownership(
    heads: Heads, people: Sequence[Person], dancer: int, cells: NDArray[np.bool_]
) -> Bytes:
    """How surely each cell is the dancer's: 0..255, 128 where it is undecided; 0 elsewhere."""
    if heads.body_stride is None:
        return _owned(heads, people, dancer, cells)
    # Whose a cell is changes slowly: decided on the coarser grid of the poses.
    finer = heads.placement.stride // heads.body_stride
    coarse = _owned(heads, people, dancer, _dilated(cells[::finer, ::finer]))
    rows, columns = (
        np.arange(side, dtype=np.float32) * np.float32(1 / finer) for side in cells.shape
    )
    between = _weights(rows, coarse.shape[0]) @ coarse @ _weights(columns, coarse.shape[1]).T
    return np.where(cells, between, 0).astype(np.uint8)


def _dilated(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With all their neighbours."""
    return cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)


def _owned(heads: Heads, people: Sequence[Person], dancer: int, cells: NDArray[np.bool_]) -> Bytes:
    """`_ownership` on the grid of the poses."""
    owned = np.zeros(cells.shape, np.uint8)
    rows, columns = np.nonzero(cells)
    if len(rows) == 0:
        return owned
    votes = _votes(heads, rows, columns)
    distances = np.stack([_distance(heads.placement, votes, person) for person in people])
    others = np.full(len(rows), REACH, np.float32)
    if len(people) > 1:
        others = np.minimum(others, np.delete(distances, dancer, axis=0).min(axis=0))
    lead = (others - distances[dancer]) / REACH
    owned[rows, columns] = np.clip(_MIDDLE + lead * 127, 0, 255).astype(np.uint8)
    return owned


def _votes(heads: Heads, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float32]:
    """`[cells, 17, 2]`: where each cell thinks its person's key points are, input pixels (x, y)."""
    assert heads.long_offsets is not None
    stride = heads.placement.stride
    here = np.stack([columns, rows], axis=-1).astype(np.float32)[:, None] * stride
    votes = here + _offsets(heads.long_offsets, rows, columns)
    grid_rows, grid_columns = heads.short_offsets.values.shape[:2]
    keypoints = np.arange(KEYPOINTS)
    short = heads.short_offsets
    for _ in range(REFINEMENT_STEPS):
        at = np.rint(votes / stride).astype(np.intp)
        column = at[..., 0].clip(0, grid_columns - 1)
        row = at[..., 1].clip(0, grid_rows - 1)
        dy = _real(short, short.values[row, column, keypoints])
        dx = _real(short, short.values[row, column, KEYPOINTS + keypoints])
        votes = np.stack([column * stride + dx, row * stride + dy], axis=-1)
    return votes


def _offsets(head: Head, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float32]:
    """`[cells, 17, 2]` (x, y) of a head with 17 y channels before 17 x channels."""
    values = _real(head, head.values[rows, columns])
    return np.stack([values[:, KEYPOINTS:], values[:, :KEYPOINTS]], axis=-1)


def _real(head: Head, values: NDArray[Any]) -> NDArray[np.float32]:
    return (values.astype(np.float32) - head.zero_point) * np.float32(head.scale)


def _distance(
    placement: Placement, votes: NDArray[np.float32], person: Person
) -> NDArray[np.float32]:
    """Mean distance of each cell's votes to the person's key points, as a share of its size."""
    points = placement.to_input(person.keypoints[:, :2])
    weights = np.where(person.keypoints[:, 2] >= TRUSTED, person.keypoints[:, 2], 0)
    if not weights.any():
        weights = person.keypoints[:, 2] + np.float32(1e-6)
    seen = points[weights > 0]
    size = max(float((seen.max(axis=0) - seen.min(axis=0)).max()), 4.0 * placement.stride)
    away = np.linalg.norm(votes - points, axis=-1)
    return np.asarray(away @ weights / (weights.sum() * size), np.float32)


def _winners(parts: Head, mine: NDArray[np.bool_], region: _Region) -> Bytes:
    """Part id + 1 of the strongest part at each pixel of the region, uint8.

    Each part is sampled only around the cells where it wins.
    """
    values = parts.values.astype(np.float32)
    won = _won(values, mine)
    best = np.full(region.shape, -np.inf, np.float32)
    winners = np.zeros(region.shape, np.uint8)
    for part in np.flatnonzero(won.any(axis=(0, 1))):
        patch = region.pixels_around(won[..., part])
        rival = region.sample(np.ascontiguousarray(values[..., part]), patch)
        stronger = rival > best[patch]
        np.copyto(winners[patch], np.uint8(part + 1), where=stronger)
        np.maximum(rival, best[patch], out=best[patch])
    return winners


def _enlarged(winners: Bytes, step: int, shape: tuple[int, int]) -> Bytes:
    """Each one as a block of `step` pixels; what is over the edge is cut off."""
    if step == 1:
        return winners
    rows, columns = winners.shape
    large = cv2.resize(winners, (columns * step, rows * step), interpolation=cv2.INTER_NEAREST)
    return np.asarray(large[: shape[0], : shape[1]], np.uint8)


def _won(values: NDArray[np.float32], mine: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`[rows, columns, parts]`: cells of the dancer where a part wins, or halfway to the next cell.

    A part that wins between those places only would do so for a handful of pixels.
    """
    won = np.zeros(values.shape, np.bool_)
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows, columns = values.shape[0] - down, values.shape[1] - across
        ends = [(y, x) for y in range(down + 1) for x in range(across + 1)]
        parts = [(slice(y, y + rows), slice(x, x + columns)) for y, x in ends]
        row, column = np.nonzero(np.any([mine[part] for part in parts], axis=0))
        total = np.sum([values[row + y, column + x] for y, x in ends], axis=0)
        winner = total.argmax(axis=1)
        for y, x in ends:
            won[row + y, column + x, winner] = True
    return won


@dataclass(frozen=True, slots=True)
class _Region:
    """A rectangle of the frame, and how to sample the grid at each of its pixels."""

    rows: slice
    columns: slice
    y: NDArray[np.float32]
    """Grid row of each pixel row."""
    x: NDArray[np.float32]
    """Grid column of each pixel column."""
    down: NDArray[np.float32]
    """`[pixel rows, grid rows]`: weights of linear interpolation."""
    across: NDArray[np.float32]
    """`[grid columns, pixel columns]`: the same for columns."""

    @classmethod
    def around(cls, cells: NDArray[np.bool_], placement: Placement) -> _Region:
        """The pixels that `cells` have a say in."""
        x, y = _grid_positions(placement)
        rows, columns = _pixels(cells, y, x)
        y, x = y[rows], x[columns]
        across = np.ascontiguousarray(_weights(x, cells.shape[1]).T)
        return cls(rows, columns, y, x, _weights(y, cells.shape[0]), across)

    @property
    def shape(self) -> tuple[int, int]:
        """Pixel rows and columns."""
        return len(self.y), len(self.x)

    def coarser(self, step: int) -> _Region:
        """The same rectangle in blocks of `step` pixels, sampled in their middles."""
        if step == 1:
            return self
        y, x = (
            np.append(at, at[-1:].repeat(-len(at) % step)).reshape(-1, step).mean(axis=1)
            for at in (self.y, self.x)
        )
        across = np.ascontiguousarray(_weights(x, self.across.shape[0]).T)
        return _Region(self.rows, self.columns, y, x, _weights(y, self.down.shape[1]), across)

    def pixels_around(self, cells: NDArray[np.bool_]) -> tuple[slice, slice]:
        """The part of the region that `cells` have a say in."""
        return _pixels(cells, self.y, self.x)

    def sample(
        self, cells: NDArray[np.float32], patch: tuple[slice, slice] = (slice(None), slice(None))
    ) -> NDArray[np.float32]:
        """Values of the grid at every pixel of a patch, bilinear, corners aligned."""
        return np.asarray((self.down[patch[0]] @ cells) @ self.across[:, patch[1]], np.float32)


def _pixels(
    cells: NDArray[np.bool_], y: NDArray[np.float32], x: NDArray[np.float32]
) -> tuple[slice, slice]:
    """Rows and columns of the pixels, at grid positions `y` and `x`, nearest to `cells`."""
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    return (
        slice(*np.searchsorted(y, (rows[0] - 1, rows[-1] + 1)).tolist()),
        slice(*np.searchsorted(x, (columns[0] - 1, columns[-1] + 1)).tolist()),
    )


@lru_cache(maxsize=16)
def _grid_positions(placement: Placement) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grid column of each frame column, grid row of each frame row."""
    width, height = placement.frame_size
    x = placement.to_input(np.stack([np.arange(width), np.zeros(width)], axis=-1))[:, 0]
    y = placement.to_input(np.stack([np.zeros(height), np.arange(height)], axis=-1))[:, 1]
    return x / np.float32(placement.stride), y / np.float32(placement.stride)


def _weights(positions: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """`[positions, cells]`: each row interpolates linearly, clamped to the outermost cells."""
    inside = positions.clip(0, cells - 1)
    away = np.abs(inside[:, None] - np.arange(cells, dtype=np.float32))
    return np.maximum(np.float32(0), np.float32(1) - away)
