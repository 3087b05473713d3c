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

from inference.analysis import Head, Heads, Person
from inference.arrays import Labels
from inference.geometry import Placement
from inference.mask_limits import mask_limits

KEYPOINTS = 17
TRUSTED = 0.2
"""Key points scored less do not vote on whose a cell is."""
REACH = 0.6
"""A cell whose votes land further than this from a person's key points, as a share of the
person's size, belongs to nobody: furniture, posters, shadows."""
REFINEMENT_STEPS = 2
"""How often a vote is moved by the short offsets where it lands."""
_PLACES = 32
"""More than there are parts, a power of two."""
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
    kept = _attached(mine, heads, people[dancer])
    owned[mine & ~kept] = 0
    mine = kept
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


def _attached(mine: NDArray[np.bool_], heads: Heads, person: Person) -> NDArray[np.bool_]:
    """Of `mine`, what is where the person can be, in pieces that hold a key point of theirs: not
    the curtain that a leg touches, nor a stool's leg, nor a shadow.

    The largest piece is always kept.
    """
    placement = heads.body_placement
    points = person.keypoints.copy()
    points[:, :2] = placement.to_input(points[:, :2]) / placement.stride
    if (near := mask_limits(points, mine.shape)) is not None and (mine & near).any():
        mine = np.asarray(mine & near)
    count, pieces, measured, _ = cv2.connectedComponentsWithStats(mine.astype(np.uint8))
    if count <= 2:
        return mine
    loose = np.ones(count, np.bool_)
    largest = 1 + int(measured[1:, cv2.CC_STAT_AREA].argmax())
    loose[[0, largest]] = False
    seen = points[points[:, 2] >= TRUSTED, :2]
    column, row = np.rint(seen).astype(np.intp).T
    loose[pieces[row.clip(0, len(mine) - 1), column.clip(0, mine.shape[1] - 1)]] = False
    return np.asarray(mine & ~loose[pieces])


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
    x, y = _votes(heads, rows, columns)
    distances = np.stack([_distance(heads.placement, x, y, person) for person in people])
    others = np.full(len(rows), REACH, np.float32)
    if len(people) > 1:
        others = np.minimum(others, np.delete(distances, dancer, axis=0).min(axis=0))
    lead = (others - distances[dancer]) / REACH
    owned[rows, columns] = np.clip(_MIDDLE + lead * 127, 0, 255).astype(np.uint8)
    return owned


def _votes(
    heads: Heads, rows: NDArray[Any], columns: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each cell thinks its person's key points are: x and y, `[cells, 17]`, input pixels."""
    assert heads.long_offsets is not None
    stride = np.float32(heads.placement.stride)
    short = heads.short_offsets
    grid_rows, grid_columns, channels = short.values.shape
    flat, keypoints = short.values.reshape(-1), np.arange(KEYPOINTS, dtype=np.int32)
    away = _real(heads.long_offsets, heads.long_offsets.values[rows, columns])
    x = columns[:, None].astype(np.float32) * stride + away[:, KEYPOINTS:]
    y = rows[:, None].astype(np.float32) * stride + away[:, :KEYPOINTS]
    for _ in range(REFINEMENT_STEPS):
        column = np.rint(x / stride).clip(0, grid_columns - 1)
        row = np.rint(y / stride).clip(0, grid_rows - 1)
        at = ((row * grid_columns + column) * channels).astype(np.int32) + keypoints
        x = column * stride + _real(short, flat.take(at + KEYPOINTS))
        y = row * stride + _real(short, flat.take(at))
    return x, y


def _real(head: Head, values: NDArray[Any]) -> NDArray[np.float32]:
    return (values.astype(np.float32) - np.float32(head.zero_point)) * np.float32(head.scale)


def _distance(
    placement: Placement, x: NDArray[np.float32], y: NDArray[np.float32], person: Person
) -> NDArray[np.float32]:
    """Mean distance of each cell's votes to the person's key points, as a share of its size."""
    points = placement.to_input(person.keypoints[:, :2])
    weights = np.where(person.keypoints[:, 2] >= TRUSTED, person.keypoints[:, 2], 0)
    if not weights.any():
        weights = person.keypoints[:, 2] + np.float32(1e-6)
    seen = points[weights > 0]
    size = max(float((seen.max(axis=0) - seen.min(axis=0)).max()), 4.0 * placement.stride)
    away = np.sqrt((x - points[:, 0]) ** 2 + (y - points[:, 1]) ** 2)
    return np.asarray(away @ weights / (weights.sum() * size), np.float32)


def _winners(parts: Head, mine: NDArray[np.bool_], rows: _Axis, columns: _Axis) -> Bytes:
    """Part id + 1 of the strongest part at each pixel of the rectangle, uint8.

    Each part is sampled only around the cells where it wins.
    """
    box = _box(mine)
    maps = np.ascontiguousarray(parts.values[box].transpose(2, 0, 1))
    row_wins, column_wins = _wins(maps, mine[box])
    maps = maps.astype(np.float32)
    down, across = rows.patches(row_wins, box[0]), columns.patches(column_wins, box[1])
    best = np.full((len(rows.positions), len(columns.positions)), -np.inf, np.float32)
    winners = np.zeros(best.shape, np.uint8)
    for part in np.flatnonzero(row_wins.any(axis=1)).tolist():
        near = maps[part, down.cells[part], across.cells[part]]
        rival = down.weights(part) @ near @ across.weights(part).T
        patch = down.pixels[part], across.pixels[part]
        ahead = best[patch]
        np.copyto(winners[patch], np.uint8(part + 1), where=rival > ahead)
        np.maximum(rival, ahead, out=ahead)
    return winners


def _box(mine: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of all cells that have a say where these win, or halfway to the next."""
    found = []
    for other in (1, 0):
        places = np.flatnonzero(mine.any(axis=other))
        found.append(slice(max(int(places[0]) - 2, 0), int(places[-1]) + 3))
    return found[0], found[1]


def _wins(
    maps: NDArray[Any], mine: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """`[parts, rows]` and `[parts, columns]`: where a part wins at a cell of the dancer or halfway
    to the next.

    A part that wins between those places only would do so for a handful of pixels.
    """
    rows, columns = (np.zeros((len(maps), side), np.bool_) for side in mine.shape)
    sums: NDArray[Any] = maps if maps.dtype.kind == "f" else maps.astype(np.int16)
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        total, some = sums, mine
        if down:
            total, some = total[:, :-1] + total[:, 1:], some[:-1] | some[1:]
        if across:
            total, some = total[..., :-1] + total[..., 1:], some[:, :-1] | some[:, 1:]
        row, column = np.nonzero(some)
        winner = _strongest(total)[row, column]
        for end in range(down + 1):
            rows[winner, row + end] = True
        for end in range(across + 1):
            columns[winner, column + end] = True
    return rows, columns


def _strongest(maps: NDArray[Any]) -> NDArray[Any]:
    """Part with the largest value at each cell, the first of equals; `maps`: floats, or int16 that
    are sums of four bytes at most."""
    if maps.dtype.kind == "f":
        return np.asarray(maps.argmax(axis=0))
    # The largest of numbers that hold both value and part is found in a tenth of argmax's time.
    last = _PLACES - 1
    places = np.arange(len(maps), dtype=np.int16)[:, None, None]
    both = maps * np.int16(_PLACES) + (last - places)
    return np.asarray(last - (both.max(axis=0) & last))


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

    def patches(self, wins: NDArray[np.bool_], cells: slice) -> _Patches:
        """Of each part: the pixels in which the cells where it wins have a say.

        `wins`: `[parts, cells]`, for these cells of the grid.
        """
        count = wins.shape[1]
        least, greatest = wins.argmax(axis=1), count - 1 - wins[:, ::-1].argmax(axis=1)
        ends = np.searchsorted(self.positions, cells.start + np.stack([least - 1, greatest + 1]))
        near = np.maximum(least - 1, 0), np.minimum(greatest + 2, count)
        return _Patches(
            [slice(*two) for two in ends.T.tolist()],
            [slice(*two) for two in np.stack(near, axis=1).tolist()],
            self.weights[:, cells.start - self.cells.start :],
        )

    def _part(self, some: slice, cells: slice) -> _Axis:
        weights = self.weights[some, cells.start - self.cells.start : cells.stop - self.cells.start]
        span = slice(self.span.start + some.start, self.span.start + some.stop)
        return _Axis(span, self.positions[some], cells, weights)


@dataclass(frozen=True, slots=True)
class _Patches:
    """For each part, where it may be seen, in one direction."""

    pixels: list[slice]
    cells: list[slice]
    """These have a say in them."""
    every_weight: NDArray[np.float32]
    """`[pixels, cells]`."""

    def weights(self, part: int) -> NDArray[np.float32]:
        """Of linear interpolation, `[pixels, cells]` of this part."""
        return self.every_weight[self.pixels[part], self.cells[part]]


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
