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
    placement = heads.body_placement
    rows, columns = (
        axis.around(np.flatnonzero(mine.any(axis=other)))
        for axis, other in zip(_axes(placement, mine.shape, 1), (1, 0), strict=True)
    )
    inside = _sampled(segments.values[..., 0].astype(np.float32), rows, columns) >= least
    if len(people) > 1 or not mine[person].all():
        inside &= _sampled(owned.astype(np.float32), rows, columns) >= _MIDDLE
    # The network saw nothing finer than a pixel of its input: whose pixel it is has to be smooth
    # along the dancer's outline, which part it is need not.
    step = max(1, int(1 / max(placement.scale)))
    blocks = (
        axis.covering(pixels.span, step)
        for axis, pixels in zip(_axes(placement, mine.shape, step), (rows, columns), strict=True)
    )
    winners = _enlarged(_winners(heads.part_heatmaps, mine & person, *blocks), step)
    top, left = rows.span.start % step, columns.span.start % step
    winners = winners[top : top + inside.shape[0], left : left + inside.shape[1]]
    labels[rows.span, columns.span] = winners * inside
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
        _Axis.whole((np.arange(fine) / finer).astype(np.float32), few)
        for fine, few in zip(cells.shape, coarse.shape, strict=True)
    )
    between = _sampled(coarse.astype(np.float32), rows, columns)
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


def _winners(parts: Head, mine: NDArray[np.bool_], rows: _Axis, columns: _Axis) -> Bytes:
    """Part id + 1 of the strongest part at each pixel of the rectangle, uint8.

    Each part is sampled only around the cells where it wins.
    """
    values = parts.values.astype(np.float32)
    row, column, winner = _won(values, mine)
    best = np.full((len(rows.positions), len(columns.positions)), -np.inf, np.float32)
    winners = np.zeros(best.shape, np.uint8)
    for part in np.unique(winner):
        won = winner == part
        down, across = rows.around(row[won]), columns.around(column[won])
        rival = _sampled(values[..., part], down, across)
        patch = rows.where(down), columns.where(across)
        stronger = rival > best[patch]
        np.copyto(winners[patch], np.uint8(part + 1), where=stronger)
        np.maximum(rival, best[patch], out=best[patch])
    return winners


def _won(
    values: NDArray[np.float32], mine: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of cells of the dancer, and a part that wins there or halfway to the next.

    A part that wins between those places only would do so for a handful of pixels.
    """
    found = []
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        ends = [(y, x) for y in range(down + 1) for x in range(across + 1)]
        some = np.zeros((mine.shape[0] - down, mine.shape[1] - across), np.bool_)
        for y, x in ends:
            some |= mine[y : y + some.shape[0], x : x + some.shape[1]]
        row, column = np.nonzero(some)
        total = values[row, column]
        for y, x in ends[1:]:
            total += values[row + y, column + x]
        winner = total.argmax(axis=1)
        found += [(row + y, column + x, winner) for y, x in ends]
    rows, columns, winners = (np.concatenate(each) for each in zip(*found, strict=True))
    return rows, columns, winners


def _enlarged(winners: Bytes, step: int) -> Bytes:
    """Each one as a block of `step` pixels."""
    if step == 1:
        return winners
    rows, columns = winners.shape
    size = (columns * step, rows * step)
    return np.asarray(cv2.resize(winners, size, interpolation=cv2.INTER_NEAREST), np.uint8)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where the frame's pixels (or blocks of them) lie in the grid, in one direction."""

    span: slice
    """These pixels of the frame."""
    positions: NDArray[np.float32]
    """Position of each in the grid, ascending."""
    cells: slice
    """These cells of the grid have a say in them."""
    weights: NDArray[np.float32]
    """`[pixels, cells]`: of linear interpolation, corners aligned, clamped to the outermost."""

    @classmethod
    def whole(cls, positions: NDArray[np.float32], cells: int) -> _Axis:
        """All pixels of the frame, all cells of the grid."""
        inside = positions.clip(0, cells - 1)
        away = np.abs(inside[:, None] - np.arange(cells, dtype=np.float32))
        weights = np.maximum(np.float32(0), np.float32(1) - away)
        return cls(slice(0, len(positions)), positions, slice(0, cells), weights)

    def around(self, cells: NDArray[np.intp]) -> _Axis:
        """The pixels in which the cells from the least of these to the greatest have a say."""
        least, greatest = int(cells.min()), int(cells.max())
        first, last = np.searchsorted(self.positions, (least - 1, greatest + 1)).tolist()
        near = slice(max(least - 1, self.cells.start), min(greatest + 2, self.cells.stop))
        return self._part(slice(first, last), near)

    def covering(self, pixels: slice, step: int) -> _Axis:
        """Of an axis of blocks of `step` pixels, those that hold these pixels."""
        return self._part(slice(pixels.start // step, -(-pixels.stop // step)), self.cells)

    def where(self, part: _Axis) -> slice:
        """Where a part of this axis lies in it."""
        return slice(part.span.start - self.span.start, part.span.stop - self.span.start)

    def _part(self, some: slice, cells: slice) -> _Axis:
        weights = self.weights[some, cells.start - self.cells.start : cells.stop - self.cells.start]
        span = slice(self.span.start + some.start, self.span.start + some.stop)
        return _Axis(span, self.positions[some], cells, weights)


def _sampled(cells: NDArray[np.float32], rows: _Axis, columns: _Axis) -> NDArray[np.float32]:
    """Values of the grid at each pixel of a rectangle, bilinear."""
    near = np.ascontiguousarray(cells[rows.cells, columns.cells])
    return np.asarray(rows.weights @ near @ columns.weights.T, np.float32)


@lru_cache(maxsize=16)
def _axes(placement: Placement, cells: tuple[int, int], step: int) -> tuple[_Axis, _Axis]:
    """Rows and columns of frames in blocks of `step` pixels, in a grid of so many rows, columns."""
    size = placement.frame_size
    middles = [(np.arange(-(-side // step)) + 0.5) * step - 0.5 for side in size]
    x = placement.to_input(np.stack([middles[0], np.zeros(len(middles[0]))], axis=-1))[:, 0]
    y = placement.to_input(np.stack([np.zeros(len(middles[1])), middles[1]], axis=-1))[:, 1]
    rows = _Axis.whole(y / np.float32(placement.stride), cells[0])
    return rows, _Axis.whole(x / np.float32(placement.stride), cells[1])
