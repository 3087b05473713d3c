"""Writes a dataset pair by pair, so that it is valid at every moment, even after `kill -9`."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from capture.errors import CaptureError, DatasetError
from capture.files import DatasetLock, disk_error, write_whole
from capture.manifest import FrameFormat, Manifest, ModelInfo, Source
from capture.pairs import POSES_NAME, PairRecord, held_out_from
from capture.pictures import encode_frame, encode_heads, encode_labels
from inference.analysis import Analysis
from inference.arrays import Keypoints, Rgb

SAVE_SECONDS = 1.0
"""How often the counts in `dataset.json` are brought up to date while recording."""

MOST_NOTES = 20
"""More say nothing new."""

_INDEX = re.compile(rb'\s*\{\s*"index"\s*:\s*(\d{1,8})\b')
"""How our own lines begin."""


class DatasetWriter:
    """A dataset in the making. `write` may be called from several threads at once.

    A pair's line goes into `poses.jsonl` only after its pictures are in place, and lines are in the
    order of the indices, which must be 0, 1, 2, ... in whatever order they are written.
    """

    def __init__(self, path: Path, manifest: Manifest, lock: DatasetLock, heads: bool) -> None:
        """Use `create`."""
        self.path = path
        self.manifest = manifest
        self.records: list[PairRecord] = []
        """Of all pairs written, in order."""
        self._dataset_lock = lock
        self._keep_heads = heads
        self._lock = threading.Lock()
        self._drop_lock = threading.Lock()
        """Apart from the other: whoever drops a frame must not wait for the disk."""
        self._done: dict[int, tuple[PairRecord, Rgb] | None] = {}
        """Pictures in place (or None: never coming), waiting for those before them."""
        self._next = 0
        self._end = 0
        """Bytes of `poses.jsonl` that are whole lines."""
        self._saved_at = time.monotonic()
        self._poses = open(path / POSES_NAME, "ab", buffering=0)  # noqa: SIM115  Lives as long.

    @classmethod
    def create(
        cls,
        path: Path,
        source: Source,
        model: ModelInfo,
        title: str = "",
        dataset_id: str | None = None,
        frame_format: FrameFormat = "jpg",
        keep_heads: bool = False,
        captured_for: str | None = None,
    ) -> DatasetWriter:
        """Begin a dataset in a folder that is new or empty.

        `captured_for`: id of the dataset that lacks what is to be captured.

        Raises:
            DatasetError: there is something in the folder.
            CaptureError: it cannot be written.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise DatasetError(f"{path} exists already: name a new folder.")
        manifest = Manifest.new(source, model, title, dataset_id, captured_for)
        manifest.frame.format = frame_format
        try:
            for name in ("frames", "parts", *(["heads"] if keep_heads else [])):
                (path / name).mkdir(parents=True, exist_ok=True)
            lock = DatasetLock(path)
            try:
                manifest.save(path)
                return cls(path, manifest, lock, keep_heads)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise disk_error(error, path) from error

    def write(
        self, index: int, time_s: float, rgb: Rgb, analysis: Analysis, flags: Iterable[str]
    ) -> None:
        """Write a frame and its very own analysis.

        Raises:
            CaptureError: the disk is full or refuses; what could not be written is left out and
                counted as dropped, the others stay.
        """
        try:
            record = PairRecord.from_analysis(index, time_s, analysis, flags)
            self._write_pictures(index, rgb, analysis)
        except BaseException:
            self.skip(index, "disk")
            raise
        with self._lock:
            self._done[index] = record, rgb
            self._append_in_order()

    def skip(self, index: int, reason: str) -> None:
        """Give a pair up: it is counted as dropped, and those after it need not wait for it."""
        self._discard(index, reason)
        with self._lock:
            self._done[index] = None
            self._append_in_order()

    def drop(self, reason: str, count: int = 1) -> None:
        """Count frames that are not written. Never waits for the disk."""
        with self._drop_lock:
            counts = self.manifest.counts
            # A new dictionary, so that others may read the old one meanwhile.
            counts.dropped = {**counts.dropped, reason: counts.dropped.get(reason, 0) + count}

    def note(self, sentence: str) -> None:
        """Keep with the dataset what was odd about its source."""
        self.manifest.notes = [*self.manifest.notes, sentence][:MOST_NOTES]

    def set_coverage(self, fraction: float, missing: Sequence[str]) -> None:
        """What `dataset.json` says about the poses seen."""
        self.manifest.coverage = {"fraction": round(fraction, 4), "missing": list(missing)}

    def close(self, smoothed: Sequence[Keypoints | None] | None = None) -> None:
        """Complete the dataset; `smoothed` replaces all records' smoothed key points.

        Raises:
            CaptureError: the disk refuses; the dataset is completed when it is next opened.
        """
        with self._lock:
            try:
                self._poses.close()
                if smoothed is not None:
                    for record, keypoints in zip(self.records, smoothed, strict=True):
                        record.smoothed = keypoints
                    write_records(self.path, self.records)
                complete(self.manifest, self.records)
                self.manifest.save(self.path)
            finally:
                self._dataset_lock.release()

    def _write_pictures(self, index: int, rgb: Rgb, analysis: Analysis) -> None:
        name = f"{index:06d}"
        frame_format = self.manifest.frame.format
        frame = self.path / "frames" / f"{name}.{frame_format}"
        write_whole(frame, encode_frame(rgb, frame_format))
        write_whole(self.path / "parts" / f"{name}.png", encode_labels(analysis.labels))
        if self._keep_heads and analysis.heads is not None:
            write_whole(self.path / "heads" / f"{name}.npz", encode_heads(analysis.heads))

    def _discard(self, index: int, reason: str) -> None:
        self.drop(reason)
        for path in (
            self.path / "frames" / f"{index:06d}.{self.manifest.frame.format}",
            self.path / "parts" / f"{index:06d}.png",
            self.path / "heads" / f"{index:06d}.npz",
        ):
            with suppress(OSError):
                path.unlink()

    def _append_in_order(self) -> None:
        failed: CaptureError | None = None
        while self._next in self._done:
            index, done = self._next, self._done.pop(self._next)
            self._next += 1
            if done is None:
                continue
            record, rgb = done
            try:
                self._append(record.to_line())
            except CaptureError as error:
                self._discard(index, "disk")
                failed = failed or error
                continue
            self.records.append(record)
            self.manifest.counts.written += 1
            if self.manifest.frame.width == 0:
                self.manifest.frame.height, self.manifest.frame.width = rgb.shape[:2]
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._saved_at = time.monotonic()
            # Not this pair's fault; a disk that refuses will refuse the next picture too.
            with suppress(CaptureError):
                self.manifest.save(self.path)
        if failed is not None:
            raise failed

    def _append(self, line: bytes) -> None:
        """Append a line or nothing: on a full disk a part of it may fit."""
        try:
            if self._poses.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with suppress(OSError):
                self._poses.truncate(self._end)
            raise disk_error(error, self.path / POSES_NAME) from error
        self._end += len(line)


def write_records(folder: Path, records: Iterable[PairRecord]) -> None:
    """Replace a dataset's `poses.jsonl`, whole or not at all."""
    write_whole(folder / POSES_NAME, b"".join(record.to_line() for record in records), True)


def replace_records(folder: Path, changed: Mapping[int, PairRecord]) -> None:
    """Write some records anew, by index, and leave the other lines as they are; whole or not at
    all. Much quicker than `write_records` for a few of many."""
    path = folder / POSES_NAME
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(lines):
        if (record := changed.get(_index_of(line))) is not None:
            lines[number] = record.to_line()
    write_whole(path, b"".join(lines), True)


def _index_of(line: bytes) -> int:
    """Of a record's line; -1 where it is damaged. Other tools may have sorted its keys."""
    if (found := _INDEX.match(line)) is not None:
        return int(found[1])
    try:
        return int(json.loads(line)["index"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return -1


def complete(manifest: Manifest, records: Sequence[PairRecord]) -> None:
    """Bring a manifest up to date with the records of a dataset that nobody writes any more."""
    manifest.state = "complete"
    manifest.counts.written = len(records) + manifest.counts.deleted
    manifest.held_out_from = held_out_from(records)
    if len(records) > 1 and manifest.frame.fps == 0:
        seconds = records[-1].time_s - records[0].time_s
        manifest.frame.fps = round((len(records) - 1) / seconds, 3) if seconds > 0 else 0.0


def names_in(folder: Path) -> set[str]:
    """Names of a folder's files; none when it is not there."""
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
