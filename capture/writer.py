"""Writes a dataset pair by pair, so that it is valid at every moment, even after `kill -9`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from capture.errors import DatasetError
from capture.files import DatasetLock, disk_error, write_whole
from capture.manifest import FrameFormat, Manifest, ModelInfo, Source
from capture.pairs import POSES_NAME, PairRecord, held_out_from
from capture.pictures import encode_frame, encode_heads, encode_labels
from inference.analysis import Analysis, Keypoints, Rgb

SAVE_SECONDS = 1.0
"""How often the counts in `dataset.json` are brought up to date while recording."""


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
        self._done: dict[int, PairRecord | None] = {}
        """Written (or failed) and waiting for those before them."""
        self._next = 0
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
    ) -> DatasetWriter:
        """Begin a dataset in a folder that is new or empty.

        Raises:
            DatasetError: there is something in the folder.
            CaptureError: it cannot be written.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise DatasetError(f"{path} exists already: name a new folder.")
        manifest = Manifest.new(source, model, title, dataset_id)
        manifest.frame.format = frame_format
        try:
            for name in ("frames", "parts", *(["heads"] if keep_heads else [])):
                (path / name).mkdir(parents=True, exist_ok=True)
            lock = DatasetLock(path)
            manifest.save(path)
            return cls(path, manifest, lock, keep_heads)
        except OSError as error:
            raise disk_error(error, path) from error

    def write(
        self, index: int, time_s: float, rgb: Rgb, analysis: Analysis, flags: Iterable[str]
    ) -> None:
        """Write a frame and its very own analysis.

        Raises:
            CaptureError: the disk is full or refuses; the pair is left out, the others stay.
        """
        record = PairRecord.from_analysis(index, time_s, analysis, flags)
        written: PairRecord | None = None
        try:
            self._write_pictures(index, rgb, analysis)
            written = record
        finally:
            with self._lock:
                self._done[index] = written
                self._append_in_order((rgb.shape[1], rgb.shape[0]))

    def drop(self, reason: str) -> None:
        """Count a frame that was seen and is not written."""
        with self._lock:
            dropped = self.manifest.counts.dropped
            dropped[reason] = dropped.get(reason, 0) + 1

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

    def _append_in_order(self, size: tuple[int, int]) -> None:
        while self._next in self._done:
            record = self._done.pop(self._next)
            self._next += 1
            if record is None:
                continue
            try:
                self._poses.write(record.to_line())
            except OSError as error:
                raise disk_error(error, self.path / POSES_NAME) from error
            self.records.append(record)
            self.manifest.counts.written += 1
            if self.manifest.frame.width == 0:
                self.manifest.frame.width, self.manifest.frame.height = size
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._saved_at = time.monotonic()
            self.manifest.save(self.path)


def write_records(folder: Path, records: Iterable[PairRecord]) -> None:
    """Replace a dataset's `poses.jsonl`, whole or not at all."""
    write_whole(folder / POSES_NAME, b"".join(record.to_line() for record in records), True)


def complete(manifest: Manifest, records: Sequence[PairRecord]) -> None:
    """Bring a manifest up to date with the records of a dataset that nobody writes any more."""
    manifest.state = "complete"
    manifest.counts.written = len(records) + manifest.counts.deleted
    manifest.held_out_from = held_out_from(records)
    if len(records) > 1:
        seconds = records[-1].time_s - records[0].time_s
        manifest.frame.fps = round((len(records) - 1) / seconds, 3) if seconds > 0 else 0.0


def names_in(folder: Path) -> set[str]:
    """Names of a folder's files; none when it is not there."""
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
