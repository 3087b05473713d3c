"""What every format is made of: entries of an archive, and the pairs they are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from capture.dataset import Dataset
from capture.pairs import PairRecord
from inference.arrays import Keypoints

Split = Literal["train", "val"]
SPLITS: tuple[Split, Split] = ("train", "val")

Content = bytes | Path | Iterator[bytes]
"""Of a file: its bytes, the file that holds them, or, when they are many, piece after piece."""

Progress = Callable[[int, int], None]
"""Told how many pairs of how many are done."""

LABELLED_SCORE = 0.2
"""A key point that scores less is not exported: COCO's v = 0."""

VISIBLE_SCORE = 0.5
"""A key point that scores as much or more was seen (v = 2), any other guessed (v = 1)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive."""

    path: str
    """Within the archive, with forward slashes; made of ids and indices only."""
    content: Content


class Pairs:
    """The pairs of one dataset, counted while a format walks over them.

    Those that a person left out are not among them, unless `whole`.
    """

    def __init__(
        self,
        dataset: Dataset,
        passes: int = 1,
        progress: Progress | None = None,
        whole: bool = False,
    ) -> None:
        """`passes`: how often the format looks at every pair."""
        self.dataset = dataset
        self.records = dataset.pairs if whole else dataset.used
        self._done, self._total = 0, passes * len(self.records)
        self._progress = progress

    def every(self, split: Split | None = None) -> Iterator[PairRecord]:
        """The pairs of a split, or all, in order of time."""
        for record in self.records:
            if split in (None, self.split(record)):
                yield record
                self._done += 1
                if self._progress is not None:
                    self._progress(self._done, self._total)

    def split(self, record: PairRecord) -> Split:
        """`val` for what the manifest holds out from training."""
        held_out_from = self.dataset.manifest.held_out_from
        return "train" if held_out_from is None or record.index < held_out_from else "val"

    @property
    def created(self) -> datetime:
        """When the dataset was made, in UTC: the time of every file of an archive."""
        return datetime.fromisoformat(self.dataset.manifest.created).astimezone(UTC)

    def stem(self, record: PairRecord) -> str:
        """What the names of the pair's files begin with: `000123`."""
        return self.dataset.frame_path(record.index).stem

    def size(self, record: PairRecord) -> tuple[int, int]:
        """Width and height of the pair's pictures, from the header alone."""
        with Image.open(self.dataset.labels_path(record.index)) as picture:
            return picture.size


def with_visibility(record: PairRecord, size: tuple[int, int]) -> Keypoints | None:
    """Key points as COCO has them: x, y in pixels and v = 0 (not labelled, all 0), 1 or 2.

    Raw ones, with a person's edits. Points outside of the frame (`size`: width, height) are not
    labelled: readers refuse them. None when nobody was there.
    """
    keypoints = record.mended()
    if keypoints is None:
        return None
    xy, score = keypoints[:, :2], keypoints[:, 2]
    inside = ((xy >= 0) & (xy <= np.array(size) - 1)).all(axis=1)
    labelled = inside & (score >= LABELLED_SCORE)
    result = np.zeros_like(keypoints)
    result[labelled, :2] = xy[labelled]
    result[labelled, 2] = np.where(score[labelled] >= VISIBLE_SCORE, 2, 1)
    return result


def clipped(box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.float64]:
    """The part of a box (x, y, width, height) within a frame of `size`."""
    corner = np.array(box[:2], np.float64)
    low, high = np.clip([corner, corner + box[2:]], 0, size)
    return np.concatenate([low, high - low])
