"""Key points settled by the votes of all cells around them, where the grid is fine.

A key point that one cell points to trembles as that cell does. Every cell nearby votes for where
its short offsets point, with the weight that the heatmap gives it: the Hough voting of Papandreou
et al., "PersonLab" (ECCV 2018), section 3.1, around a place that is known already.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Head, Heads

FINE = 8
"""Input pixels from cell to cell up to which it is done: of coarser cells only one or two see a
key point."""
REACH = 2
"""Cells so far away still vote."""
SPREAD = 1.5
"""Standard deviation of the weight by distance, cells."""
ROUNDS = 2
"""How often it is done, each time around the place found before."""
LEAST = 1e-4
"""Key points with less weight than this in all votes stay where they are."""

_ROWS, _COLUMNS = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].reshape(2, 1, -1)


def voted(pose: NDArray[np.float64], heads: Heads) -> NDArray[np.float64]:
    """A pose `[17, 3]` (x, y in cells of the pose heads, score) with better places."""
    stride = heads.placement.stride
    if stride > FINE:
        return pose
    rows, columns, keypoints = heads.heatmaps.values.shape
    numbers = np.arange(keypoints)[:, None]
    found = pose.copy()
    for _ in range(ROUNDS):
        x, y = found[:, :1], found[:, 1:2]
        column, row = np.rint(x).astype(int) + _COLUMNS, np.rint(y).astype(int) + _ROWS
        away = (column - x) ** 2 + (row - y) ** 2
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        near = inside & (away <= REACH**2)
        at = row.clip(0, rows - 1), column.clip(0, columns - 1)
        sure = 1 / (1 + np.exp(-_real(heads.heatmaps, *at, numbers)))
        weights = near * sure * np.exp(-away / (2 * SPREAD**2))
        total = weights.sum(axis=1)
        settled = total > LEAST
        for axis, cells, channel in ((0, column, keypoints), (1, row, 0)):
            votes = cells + _real(heads.short_offsets, *at, numbers + channel) / stride
            mean = (weights * votes).sum(axis=1) / np.maximum(total, LEAST)
            found[settled, axis] = mean[settled]
    return found


def _real(
    head: Head, rows: NDArray[np.intp], columns: NDArray[np.intp], channels: NDArray[np.intp]
) -> NDArray[np.float64]:
    values = head.values[rows, columns, channels].astype(np.float64)
    return (values - head.zero_point) * head.scale
