"""The writer: valid at every moment, also on a disk that is full or refuses."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from capture import writer as writer_module
from capture.dataset import Dataset
from capture.errors import CaptureError, DatasetBusy, DatasetError
from capture.files import DatasetLock, disk_error, write_whole
from capture.manifest import Manifest
from capture.writer import DatasetWriter
from tests.capture.real import begin, seen_frames

pytestmark = pytest.mark.usefixtures("models")


class FullDisk:
    """Stands in for the file of lines: takes `room` more bytes, then part of a line, then none."""

    def __init__(self, file: Any, room: int, code: int = errno.ENOSPC) -> None:
        self._file, self.room, self._code = file, room, code

    def write(self, data: bytes) -> int:
        part = data[: self.room]
        if not part:
            raise OSError(self._code, "No")
        self.room -= len(part)
        return int(self._file.write(part))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _write(writer: DatasetWriter, index: int) -> None:
    rgb, time_s, analysis = seen_frames()[index]
    writer.write(index, time_s, rgb, analysis, [])


def _indices(path: Path) -> list[int]:
    return [pair.index for pair in Dataset.open(path).pairs]


def _files(path: Path) -> list[str]:
    names = {file.stem for name in ("frames", "parts") for file in (path / name).iterdir()}
    return sorted(names)


def test_the_line_that_half_fits_does_not_spoil_those_that_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d"
    writer = begin(path)
    _write(writer, 0)
    file = writer._poses
    monkeypatch.setattr(writer, "_poses", FullDisk(file, 100))
    with pytest.raises(CaptureError, match="is full; free some space"):
        _write(writer, 1)
    with pytest.raises(CaptureError, match="is full"):
        _write(writer, 2)
    monkeypatch.setattr(writer, "_poses", file)  # Somebody freed some space.
    _write(writer, 3)
    writer.close()
    assert _indices(path) == [0, 3]
    assert _files(path) == ["000000", "000003"]
    counts = Manifest.load(path).counts
    assert (counts.written, counts.dropped, counts.seen) == (2, {"disk": 2}, 4)


def test_pairs_behind_one_that_failed_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d"
    writer = begin(path)
    for index in (1, 2):
        _write(writer, index)
    assert _indices(path) == []  # Waiting for the first.

    def full(target: Path, data: bytes, durable: bool = False) -> None:
        raise disk_error(OSError(errno.EDQUOT, "No"), target)

    monkeypatch.setattr(writer_module, "write_whole", full)
    with pytest.raises(CaptureError, match="is full"):
        _write(writer, 0)
    monkeypatch.undo()
    writer.skip(3, "failed")
    _write(writer, 4)
    writer.close()
    assert _indices(path) == [1, 2, 4]
    assert Manifest.load(path).counts.dropped == {"disk": 1, "failed": 1}


def test_a_manifest_that_cannot_be_saved_costs_no_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d"
    writer = begin(path)
    monkeypatch.setattr(writer_module, "SAVE_SECONDS", 0.0)

    def full(self: Manifest, folder: Path) -> None:
        raise disk_error(OSError(errno.ENOSPC, "No"), folder)

    monkeypatch.setattr(Manifest, "save", full)
    _write(writer, 0)
    with pytest.raises(CaptureError, match="is full"):
        writer.close()
    # Still full: it can be read, and the next time it is completed.
    assert Dataset.open(path).manifest.state == "complete"
    assert Manifest.load(path).state == "recording"
    monkeypatch.undo()
    dataset = Dataset.open(path)
    assert _indices(path) == [0]
    assert (dataset.manifest.counts.written, dataset.manifest.counts.dropped) == (1, {})
    assert Manifest.load(path) == dataset.manifest


def test_counts_are_saved_while_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "SAVE_SECONDS", 0.0)
    writer = begin(tmp_path / "d")
    writer.drop("no_person")
    for index in range(3):
        _write(writer, index)
    manifest = Manifest.load(tmp_path / "d")
    assert manifest.state == "recording"
    assert (manifest.counts.written, manifest.counts.dropped) == (3, {"no_person": 1})
    assert (manifest.frame.width, manifest.frame.height) == seen_frames()[0][0].shape[1::-1]
    writer.close()


def test_dropping_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begin(tmp_path / "d")
    waits, goes_on = threading.Event(), threading.Event()

    class SlowDisk(FullDisk):
        def write(self, data: bytes) -> int:
            waits.set()
            goes_on.wait(2)
            return super().write(data)

    monkeypatch.setattr(writer, "_poses", SlowDisk(writer._poses, 10**9))
    thread = threading.Thread(target=_write, args=(writer, 0))
    thread.start()
    assert waits.wait(10)
    began = time.monotonic()
    writer.drop("no_person")
    assert time.monotonic() - began < 0.5
    goes_on.set()
    thread.join()
    writer.close()
    assert Manifest.load(tmp_path / "d").counts.dropped == {"no_person": 1}


def test_two_writers_at_once(tmp_path: Path) -> None:
    writer = begin(tmp_path / "d")
    with pytest.raises(DatasetError, match="exists already"):
        begin(tmp_path / "d")
    with pytest.raises(DatasetBusy):
        Dataset.open(tmp_path / "d").delete_pairs([0])
    _write(writer, 0)
    writer.close()
    assert _indices(tmp_path / "d") == [0]


def test_a_disk_that_is_full_from_the_start_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Manifest, folder: Path) -> None:
        raise disk_error(OSError(errno.ENOSPC, "No"), folder)

    monkeypatch.setattr(Manifest, "save", full)
    with pytest.raises(CaptureError, match="is full"):
        begin(tmp_path / "d")
    with pytest.raises(DatasetError, match="There is no dataset"):
        Dataset.open(tmp_path / "d")
    DatasetLock(tmp_path / "d").release()


def test_smoothed_key_points_replace_those_of_the_recording(tmp_path: Path) -> None:
    writer = begin(tmp_path / "d")
    for index in range(4):
        _write(writer, index)
    smoothed = [record.keypoints for record in writer.records]
    writer.close(smoothed)
    for pair in Dataset.open(tmp_path / "d").pairs:
        assert pair.smoothed is not None
        assert pair.keypoints is not None
        assert pair.smoothed.tobytes() == pair.keypoints.tobytes()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    write_whole(tmp_path / "d", b"mine")
    with pytest.raises(DatasetError, match="exists already"):
        begin(tmp_path / "d")
    with pytest.raises(CaptureError, match="could not be written"):
        begin(tmp_path / "d" / "inside")
