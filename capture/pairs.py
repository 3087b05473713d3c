"""A line of `poses.jsonl`: what is known about one pair besides its pictures."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import DatasetError
from inference.analysis import Analysis
from inference.arrays import Keypoints
from inference.body import KEYPOINT_NAMES

logger = logging.getLogger(__name__)

POSES_NAME = "poses.jsonl"

HELD_OUT_SHARE = 0.1
"""Share of the pairs, last in time, that training must not see."""

MAX_INDEX = 99_999_999

_MAX_LINE = 100_000


@dataclass(eq=False, slots=True)
class PairRecord:
    """One pair. Its pictures share the index: `frames/000123.jpg` and `parts/000123.png`."""

    index: int
    """0..99999999, in order of time."""
    time_s: float
    """Seconds from the first frame of the recording."""
    keypoints: Keypoints | None
    """Raw, of this frame alone; None when nobody was there."""
    smoothed: Keypoints | None = None
    """Filtered in time, missing points imputed."""
    score: float | None = None
    """0..1, of the dancer as a whole."""
    box: tuple[float, float, float, float] | None = None
    """x, y, width, height in pixels of the frame."""
    others: int = 0
    """How many other people were in the frame."""
    flags: list[str] = field(default_factory=list)
    """What may be wrong with the pair: blur, dark, cropped, many_people, nobody, near, far."""
    edits: dict[str, Any] = field(default_factory=dict)
    """What a person mended; see `capture.edits`. What the network saw stays as it is."""

    @classmethod
    def from_analysis(
        cls, index: int, time_s: float, analysis: Analysis, flags: Iterable[str]
    ) -> PairRecord:
        """The record of a frame and its very own analysis."""
        person = analysis.person
        return cls(
            index=index,
            time_s=round(float(time_s), 6),
            keypoints=None if person is None else person.keypoints,
            smoothed=analysis.smoothed,
            score=None if person is None else float(person.score),
            box=None if person is None else person.box,
            others=len(analysis.others),
            flags=list(flags),
        )

    def mended(self) -> Keypoints | None:
        """The raw key points with a person's edits put in, each with score 1, or 0 where they are
        not seen; None where nobody is, or where whoever was found was erased."""
        edits: dict[str, Sequence[float] | None] = self.edits.get("keypoints", {})
        if self.erased:
            return None
        if not edits:
            return self.keypoints
        mended = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
        if self.keypoints is not None:
            mended[:] = self.keypoints
        for number, place in edits.items():
            if place is None:
                mended[int(number), 2] = 0
            else:
                mended[int(number)] = *place, 1
        return mended if mended[:, 2].any() else None

    @property
    def erased(self) -> bool:
        """Whether a person said that this is not the dancer: nobody is here, in no label map."""
        return self.edits.get("erased") is True

    @property
    def confirmed(self) -> bool:
        """Whether a person said that the pose is right as it is."""
        return self.edits.get("right") is True

    @property
    def left_out(self) -> bool:
        """Whether a person took the whole frame out of use; its files stay."""
        return self.edits.get("left_out") is True

    def to_json(self, smoothed: bool = True) -> dict[str, Any]:
        """The line's contents; without the smoothed key points when they are not wanted."""
        line: dict[str, Any] = {
            "index": self.index,
            "time_s": self.time_s,
            "keypoints": _numbers(self.keypoints),
            "smoothed": _numbers(self.smoothed),
            "score": None if self.score is None else round(self.score, 4),
            "box": None if self.box is None else [round(float(side), 2) for side in self.box],
            "others": self.others,
            "flags": self.flags,
            "edits": self.edits,
        }
        if not smoothed:
            del line["smoothed"]
        return line

    def to_line(self) -> bytes:
        """The line of `poses.jsonl`, its line break included."""
        return json.dumps(self.to_json(), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, data: Any) -> PairRecord:
        """Check and take over a line's contents; `DatasetError` when damaged."""
        try:
            index, others = data["index"], data["others"]
            if type(index) is not int or type(others) is not int:
                raise TypeError("index and others must be whole numbers")
            if not 0 <= index <= MAX_INDEX or others < 0:
                raise ValueError("index out of range")
            time_s = float(data["time_s"])
            score = None if data["score"] is None else float(data["score"])
            box = None if data["box"] is None else tuple(float(side) for side in data["box"])
            if box is not None and len(box) != 4:
                raise ValueError("a box must be x, y, width, height")
            if not all(map(math.isfinite, (time_s, score or 0.0, *(box or ())))):
                raise ValueError("time, score or box out of range")
            if not isinstance(data["flags"], list):
                raise TypeError("flags must be a list")
            return cls(
                index,
                time_s,
                _keypoints(data["keypoints"]),
                _keypoints(data["smoothed"]),
                score,
                box,
                others,
                [str(flag) for flag in data["flags"]],
                _checked_edits(data["edits"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DatasetError(f"A line of {POSES_NAME} is damaged: {error}.") from error


def read_records(path: Path) -> tuple[list[PairRecord], bool]:
    """All records of a `poses.jsonl` up to the first damaged line, and whether there was one.

    A recording that was cut off ends in half a line; a loss of power can leave zeros instead.
    """
    records: list[PairRecord] = []
    with open(path, "rb") as file:
        while line := file.readline(_MAX_LINE):
            try:
                if not line.endswith(b"\n"):
                    raise DatasetError(f"{POSES_NAME} ends in the middle of a line.")
                record = PairRecord.from_json(json.loads(line))
                if records and record.index <= records[-1].index:
                    raise DatasetError(f"{POSES_NAME} is out of order at {record.index}.")
            except (ValueError, RecursionError, DatasetError) as error:
                logger.warning("%s, after %d lines: %s", path, len(records), error)
                return records, True
            records.append(record)
    return records, False


def held_out_from(records: Sequence[PairRecord]) -> int | None:
    """Index of the first pair of the last tenth in time; None for fewer than two pairs."""
    if len(records) < 2:
        return None
    held_out = max(1, round(len(records) * HELD_OUT_SHARE))
    return records[-held_out].index


def _numbers(keypoints: Keypoints | None) -> list[list[float]] | None:
    """The shortest decimals that give back the very same float32 values."""
    if keypoints is None:
        return None
    return [[float(number) for number in row] for row in keypoints.astype(np.str_)]


def _keypoints(rows: Any) -> Keypoints | None:
    if rows is None:
        return None
    with np.errstate(over="ignore"):  # Too large for float32: infinite, refused below.
        keypoints = np.array(rows, np.float32)
    if keypoints.shape != (len(KEYPOINT_NAMES), 3) or not np.isfinite(keypoints).all():
        raise ValueError("key points must be 17 times x, y, score")
    return keypoints


def _checked_edits(edits: Any) -> dict[str, Any]:
    json.dumps(edits, allow_nan=False)  # A line with NaN would be no JSON.
    for number, place in edits.get("keypoints", {}).items():
        x, y = place or (0.0, 0.0)
        if not 0 <= int(number) < len(KEYPOINT_NAMES) or not math.isfinite(x + y):
            raise ValueError("an edited key point is out of range")
    return dict(edits)
