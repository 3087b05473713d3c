"""A dataset on disk: opened (and put in order after a crash), read, changed, deleted."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from capture.errors import CaptureError, DatasetBusy, DatasetChanged, DatasetError
from capture.files import TEMPORARY_SUFFIX, disk_error, locked
from capture.manifest import Manifest, clean_title, valid_id
from capture.pairs import POSES_NAME, PairRecord, read_records
from capture.pictures import decode_frame, decode_heads, decode_labels, labels_size, whole
from capture.writer import complete, names_in, replace_records, write_records
from inference.analysis import Heads
from inference.arrays import Labels, Rgb

logger = logging.getLogger(__name__)

OLD = ".old"
"""Ending of a dataset that is being replaced by a better one."""

DELETED = ".deleted"
"""Ending of a dataset that is being deleted."""

LOCK_SECONDS = 2.0
"""How long a change waits for somebody who reads."""

NEARBY = 200
"""Pairs that are looked at for one to be shown."""

_replacing = threading.Lock()
"""Only one process, the server, replaces and lists the datasets of a folder."""


class Dataset:
    """A dataset that is there. Everything is read when it is asked for."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """Use `open`."""
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: Path) -> Dataset:
        """Open a dataset; one whose writer died is completed first.

        What is kept is every pair whose line and pictures are all there. While somebody still
        writes, `manifest.state` is "recording" and the pairs are those written so far.

        Raises:
            DatasetError: there is none, or it is damaged beyond that.
        """
        manifest = Manifest.load(path)
        if manifest.state == "recording":
            try:
                with locked(path):
                    manifest = Manifest.load(path)
                    if manifest.state == "recording":
                        _recover(path, manifest)
            except DatasetBusy:
                pass
            except DatasetError as error:
                logger.warning("%s was left as it is: %s", path, error)
        return cls(path, manifest)

    @cached_property
    def pairs(self) -> list[PairRecord]:
        """All complete pairs, in order of time."""
        return _complete_pairs(self.path, self.manifest)

    @property
    def used(self) -> list[PairRecord]:
        """Those of the pairs that a person did not leave out: what is learnt from, shown, given."""
        return [pair for pair in self.pairs if not pair.left_out]

    @property
    def revision(self) -> str:
        """Another whenever the pairs were written, edited or replaced; read it before them."""
        try:
            state = (self.path / POSES_NAME).stat()
        except OSError:
            return "none"
        return f"{state.st_mtime_ns:x}-{state.st_ino:x}-{state.st_size:x}"

    @property
    def count(self) -> int:
        """How many pairs there are, by the manifest."""
        return self.manifest.counts.written - self.manifest.counts.deleted

    @property
    def seconds(self) -> float:
        """From the first pair to the end of the last, by the manifest."""
        return self.count / self.manifest.frame.fps if self.manifest.frame.fps > 0 else 0.0

    def frame_path(self, index: int) -> Path:
        """Where a pair's frame lies; the index is not checked."""
        return self.path / "frames" / f"{index:06d}.{self.manifest.frame.format}"

    def labels_path(self, index: int) -> Path:
        """Where a pair's label map lies."""
        return self.path / "parts" / f"{index:06d}.png"

    def heads_path(self, index: int) -> Path:
        """Where a pair's raw heads lie, if they were kept."""
        return self.path / "heads" / f"{index:06d}.npz"

    def frame(self, index: int) -> Rgb:
        """A pair's frame, uint8 `[H, W, 3]`."""
        return decode_frame(self.frame_path(index))

    def labels(self, index: int) -> Labels:
        """A pair's label map, uint8 `[H, W]`; empty where a person erased whoever was there."""
        labels = decode_labels(self.labels_path(index))
        return np.zeros_like(labels) if index in self._erased else labels

    @cached_property
    def _erased(self) -> frozenset[int]:
        return frozenset(pair.index for pair in self.pairs if pair.erased)

    def size(self, index: int) -> tuple[int, int]:
        """Width and height of a pair's pictures; its label map is not decoded for this."""
        return labels_size(self.labels_path(index))

    def heads(self, index: int) -> Heads:
        """A pair's raw heads."""
        return decode_heads(self.heads_path(index))

    def thumbnail_index(self) -> int | None:
        """Index of a pair from the middle that is used and shows somebody, as far as there is one
        nearby; found without reading the whole file."""
        try:
            with open(self.path / POSES_NAME, "rb") as file:
                for start in (file.seek(0, os.SEEK_END) // 2, 0):
                    file.seek(start)
                    if start:
                        file.readline()
                    found = _first_shown(file)
                    if found is not None:
                        return found
        except (OSError, ValueError, RecursionError, DatasetError):
            pass
        return None

    def rename(self, title: str) -> None:
        """Give it another title."""
        with self._changing():
            self.manifest.title = clean_title(title)
            self.manifest.save(self.path)

    def delete_pairs(self, indices: Collection[int]) -> int:
        """Delete pairs; those that are not there are passed over. Returns how many are left.

        Raises:
            DatasetBusy: somebody writes or downloads it.
        """
        unwanted = set(indices)
        with self._changing():
            kept = [pair for pair in self.pairs if pair.index not in unwanted]
            gone = [pair.index for pair in self.pairs if pair.index in unwanted]
            self.manifest.state = "recording"  # Should this be cut off, `open` finishes it.
            self.manifest.save(self.path)
            write_records(self.path, kept)
            for index in gone:
                for path in (
                    self.frame_path(index),
                    self.labels_path(index),
                    self.heads_path(index),
                ):
                    path.unlink(missing_ok=True)
            self.manifest.counts.deleted += len(gone)
            complete(self.manifest, kept)
            self.manifest.save(self.path)
        self.__dict__["pairs"] = kept
        return len(kept)

    def edit_pairs(self, changes: Mapping[int, dict[str, Any]], revision: str) -> str:
        """Replace the edits of some pairs, all of them or none; returns the new `revision`.

        Args:
            changes: index -> edits, checked by `capture.edits`.
            revision: of the pairs that were edited.

        Raises:
            DatasetChanged: somebody else changed or deleted pairs since.
            DatasetBusy: somebody writes or downloads it.
            CaptureError: the disk refuses; everything is as it was.
        """
        with self._changing():
            by_index = {pair.index: pair for pair in self.pairs}
            if self.revision != revision or not changes.keys() <= by_index.keys():
                raise DatasetChanged(
                    "Somebody else changed this dataset meanwhile: look at the newest state first."
                )
            before = {index: by_index[index].edits for index in changes}
            try:
                for index, edits in changes.items():
                    by_index[index].edits = edits
                replace_records(self.path, {index: by_index[index] for index in changes})
            except CaptureError:
                for index, edits in before.items():
                    by_index[index].edits = edits
                raise
            self.__dict__.pop("_erased", None)
            return self.revision

    def delete(self) -> None:
        """Delete the whole dataset; if that is cut off, `list_datasets` finishes it.

        Raises:
            DatasetBusy: somebody writes or downloads it.
        """
        with locked(self.path, wait_s=LOCK_SECONDS):
            pass  # Let go before renaming: Windows moves no folder with an open file.
        doomed = self.path.with_name(self.path.name + DELETED)
        try:
            self.path.rename(doomed)
        except OSError as error:
            raise DatasetError(f"{self.path} cannot be deleted: {error.strerror}.") from error
        shutil.rmtree(doomed, ignore_errors=True)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep others from changing it meanwhile; `DatasetBusy` when somebody does."""
        with locked(self.path, shared=True, wait_s=LOCK_SECONDS):
            yield

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with locked(self.path, wait_s=LOCK_SECONDS):
            self.manifest = Manifest.load(self.path)
            self.__dict__.pop("pairs", None)
            self.__dict__.pop("_erased", None)
            yield


def _first_shown(file: BinaryIO) -> int | None:
    """Index of the next pair of a `poses.jsonl` that is used and not erased; of the next at all
    when there is none within `NEARBY`."""
    first: int | None = None
    for line in islice(file, NEARBY):
        if not line.endswith(b"\n"):
            break
        pair = PairRecord.from_json(json.loads(line))
        if not pair.left_out and not pair.erased:
            return pair.index
        first = pair.index if first is None else first
    return first


def list_datasets(root: Path) -> list[Dataset]:
    """All datasets in a folder, newest first; what cannot be opened is named in the log."""
    _finish_what_was_cut_off(root)
    found: list[Dataset] = []
    for path in sorted(root.iterdir() if root.is_dir() else (), reverse=True):
        if valid_id(path.name):
            try:
                found.append(Dataset.open(path))
            except DatasetError as error:
                logger.warning("%s", error)
    return found


def replace_dataset(folder: Path, incoming: Path) -> None:
    """Put `incoming` in the place of `folder`, which keeps its id, title, date and purpose.

    However it is interrupted, one of the two is there afterwards (`list_datasets` sees to it).
    """
    old, new = Manifest.load(folder), Manifest.load(incoming)
    new.id, new.title, new.created, new.consent = old.id, old.title, old.created, old.consent
    new.captured_for = old.captured_for
    new.save(incoming)
    with locked(folder, wait_s=LOCK_SECONDS):
        pass
    aside = folder.with_name(folder.name + OLD)
    with _replacing:
        try:
            folder.rename(aside)
            incoming.rename(folder)
        except OSError as error:
            raise disk_error(error, folder) from error
        finally:
            if aside.exists():
                _finish_replacing(aside)


def _finish_what_was_cut_off(root: Path) -> None:
    with _replacing:
        for path in list(root.iterdir()) if root.is_dir() else ():
            if not valid_id(path.stem):
                continue
            if path.suffix == OLD:
                _finish_replacing(path)
            elif path.suffix == DELETED:
                shutil.rmtree(path, ignore_errors=True)


def _finish_replacing(old: Path) -> None:
    folder = old.with_name(old.name.removesuffix(OLD))
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.rename(folder)


def _recover(path: Path, manifest: Manifest) -> None:
    """Complete a dataset whose writer is gone: every whole pair stays, nothing else does."""
    lines = _records(path)
    pairs = [
        pair
        for pair in _complete_pairs(path, manifest)
        if whole(path / "frames" / f"{pair.index:06d}.{manifest.frame.format}")
        and whole(path / "parts" / f"{pair.index:06d}.png")
    ]
    kept = {f"{pair.index:06d}" for pair in pairs}
    for folder in ("frames", "parts", "heads"):
        for name in names_in(path / folder):
            if name.endswith(TEMPORARY_SUFFIX) or name.partition(".")[0] not in kept:
                with suppress(OSError):
                    (path / folder / name).unlink()
    if pairs and manifest.frame.width == 0:
        with suppress(DatasetError):
            first = decode_frame(path / "frames" / f"{pairs[0].index:06d}.{manifest.frame.format}")
            manifest.frame.height, manifest.frame.width = first.shape[:2]
    # Lines that were there and are not: `delete_pairs` was cut off.
    gone = manifest.counts.written - len(lines)
    manifest.counts.deleted = max(manifest.counts.deleted, gone)
    complete(manifest, pairs)
    try:
        write_records(path, pairs)
        manifest.save(path)
    except CaptureError as error:  # It can be read all the same, and is completed next time.
        logger.warning("%s", error)


def _records(path: Path) -> list[PairRecord]:
    try:
        return read_records(path / POSES_NAME)[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatasetError(f"{path / POSES_NAME} cannot be read: {error.strerror}.") from error


def _complete_pairs(path: Path, manifest: Manifest) -> list[PairRecord]:
    frames, parts = names_in(path / "frames"), names_in(path / "parts")
    suffix = manifest.frame.format
    return [
        record
        for record in _records(path)
        if f"{record.index:06d}.{suffix}" in frames and f"{record.index:06d}.png" in parts
    ]
