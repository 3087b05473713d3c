"""Run lengths of label maps, as COCO stores masks.

COCO's masks are runs down the columns, from the left column to the right, beginning with a run of
zeros (its length may be 0). Written as text each length (from the fourth on: its difference to the
length two before it) becomes groups of five bits, lowest first; bit 5 of a character says that
more follow, and 48 is added (maskApi.c of cocodataset/cocoapi describes the format).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Labels

_GROUPS = 7
"""Groups of five bits of the longest length: 35 bits with the sign."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The pixels of one mask: half-open ranges of positions, counted down the columns."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    height: int
    width: int

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int((self.ends - self.starts).sum())

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height around all pixels, whose sides are 1; zeros when there are none."""
        if not self.area:
            return (0.0, 0.0, 0.0, 0.0)
        last = self.ends - 1
        left, right = int(self.starts[0]) // self.height, int(last[-1]) // self.height
        top, bottom = int((self.starts % self.height).min()), int((last % self.height).max())
        if (self.starts // self.height != last // self.height).any():  # Over the end of a column.
            top, bottom = 0, self.height - 1
        return (float(left), float(top), float(right - left + 1), float(bottom - top + 1))

    def counts(self) -> NDArray[np.int64]:
        """Lengths of runs of zeros and ones in turn, beginning with zeros."""
        edges = np.stack([self.starts, self.ends], axis=1).ravel()
        total = self.height * self.width
        if not len(edges) or edges[-1] != total:
            edges = np.append(edges, total)
        return np.diff(edges, prepend=0)

    def as_coco(self) -> dict[str, object]:
        """COCO's compressed run-length encoding: `{"size": [h, w], "counts": text}`."""
        return {"size": [self.height, self.width], "counts": compressed(self.counts())}


def runs_by_label(labels: Labels) -> dict[int, Runs]:
    """The mask of each class in a label map that is there, by class id, without the background."""
    starts, ends, values = _runs(labels)
    height, width = labels.shape
    return {
        int(label): Runs(starts[values == label], ends[values == label], height, width)
        for label in np.unique(values)
        if label
    }


def person_runs(labels: Labels) -> Runs:
    """The mask of all that is not background."""
    starts, ends, values = _runs((labels > 0).view(np.uint8))
    return Runs(starts[values > 0], ends[values > 0], *labels.shape)


def compressed(counts: NDArray[np.int64]) -> str:
    """COCO's text for run lengths; see the head of this module."""
    values = counts.copy()
    values[3:] -= counts[1:-2]
    shifted = values[:, None] >> (5 * np.arange(_GROUPS))
    characters, rest = shifted & 31, shifted >> 5
    # The last group is the one whose highest bit says what all that follow would: the sign.
    is_last = np.where(characters & 16, rest == -1, rest == 0)
    number = np.arange(_GROUPS)
    last = is_last.argmax(axis=1)[:, None]
    characters = characters + 48 + np.where(number < last, 32, 0)
    text: bytes = characters[number <= last].astype(np.uint8).tobytes()
    return text.decode("ascii")


def _runs(
    labels: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Starts, ends and values of all runs down the columns."""
    columns = np.asarray(cv2.transpose(labels)).ravel()
    inner = np.flatnonzero(columns[1:] != columns[:-1]) + 1
    starts = np.concatenate([[0], inner])
    return starts, np.append(inner, columns.size), columns[starts]
