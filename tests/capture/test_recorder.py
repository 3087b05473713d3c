"""The recorder: never waits, counts what it drops, completes what it has."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from pathlib import Path

import pytest

from capture import recorder as recorder_module
from capture import writer as writer_module
from capture.dataset import Dataset
from capture.files import disk_error
from capture.manifest import Source
from capture.recorder import QUEUE_SIZE, Recorder
from capture.writer import DatasetWriter
from inference.analysis import Analysis
from inference.arrays import Rgb
from tests.capture.real import MODEL, seen_frames
from tests.machine import slowness

pytestmark = pytest.mark.usefixtures("models")


def _recorder(path: Path) -> Recorder:
    return Recorder(DatasetWriter.create(path, Source("webrtc"), MODEL, "Live"))


def test_every_frame_offered_in_time_is_kept(tmp_path: Path) -> None:
    recorder, seen, limit = _recorder(tmp_path / "d"), seen_frames(), 0.02 * slowness()
    for number in range(90):
        rgb, _, analysis = seen[number % len(seen)]
        began = time.perf_counter()
        assert recorder.offer(rgb, analysis, number / 30)
        assert time.perf_counter() - began < limit
        time.sleep(1 / 60)
    recorder.close()
    dataset = Dataset.open(tmp_path / "d")
    assert recorder.written == len(dataset.pairs) == 90
    assert recorder.dropped == 0
    assert dataset.manifest.counts.seen == 90
    assert 0 < dataset.manifest.coverage["fraction"] < 1
    assert not recorder.offer(*_first())


def _first() -> tuple:  # type: ignore[type-arg]
    rgb, time_s, analysis = seen_frames()[0]
    return rgb, analysis, time_s


def test_a_disk_that_cannot_keep_up_costs_pairs_that_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = writer_module.encode_frame

    def slow(*arguments: object) -> bytes:
        time.sleep(0.05)
        return encode(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(writer_module, "encode_frame", slow)
    recorder = _recorder(tmp_path / "d")
    kept = 0
    for number in range(QUEUE_SIZE + 60):
        rgb, _, analysis = seen_frames()[number % 24]
        kept += recorder.offer(rgb, analysis, number / 30)
    recorder.close()
    dataset = Dataset.open(tmp_path / "d")
    assert len(dataset.pairs) == kept == recorder.written
    assert recorder.drop_reasons == {"queue_full": QUEUE_SIZE + 60 - kept}
    assert dataset.manifest.counts.dropped == recorder.drop_reasons


def test_frames_without_a_dancer_are_counted_not_kept(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "d")
    rgb, _, analysis = seen_frames()[0]
    assert not recorder.offer(rgb, replace(analysis, person=None), 0.0)
    assert recorder.offer(rgb, analysis, 0.1)
    recorder.close()
    assert Dataset.open(tmp_path / "d").manifest.counts.dropped == {"no_person": 1}


def test_a_full_disk_is_said_once_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = _recorder(tmp_path / "d")
    rgb, _, analysis = seen_frames()[0]
    assert recorder.offer(rgb, analysis, 0.0)
    while recorder.written < 1:
        time.sleep(0.01)

    def full(path: Path, data: bytes, durable: bool = False) -> None:
        raise disk_error(OSError(errno.ENOSPC, "No space left on device"), path)

    monkeypatch.setattr(writer_module, "write_whole", full)
    recorder.offer(rgb, analysis, 0.1)
    while recorder.error is None:
        time.sleep(0.01)
    assert not recorder.offer(rgb, analysis, 0.2)
    monkeypatch.undo()
    recorder.close()
    assert recorder.error is not None
    assert "is full; free some space" in recorder.error
    assert recorder.dropped == 2
    assert len(Dataset.open(tmp_path / "d").pairs) == 1


def test_one_odd_frame_costs_itself_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb, _, analysis = seen_frames()[0]
    odd = replace(analysis, others=analysis.others + analysis.others)
    real = recorder_module.measure

    def measure(rgb: Rgb, analysis: Analysis) -> object:
        if analysis is odd:
            raise ValueError("odd")
        return real(rgb, analysis)

    monkeypatch.setattr(recorder_module, "measure", measure)
    recorder = _recorder(tmp_path / "d")
    for number in range(12):
        assert recorder.offer(rgb, odd if number in (0, 3, 4, 7) else analysis, number / 30)
    recorder.close()
    assert recorder.error is None
    assert recorder.drop_reasons == {"failed": 4}
    indices = [pair.index for pair in Dataset.open(tmp_path / "d").pairs]
    assert indices == [1, 2, 5, 6, 8, 9, 10, 11]


def test_offering_is_quick_while_the_disk_works(tmp_path: Path) -> None:
    recorder, seen = _recorder(tmp_path / "d"), seen_frames()
    nobody = replace(seen[0][2], person=None)
    took = []
    for number in range(60):
        rgb, _, analysis = seen[number % 24]
        began = time.perf_counter()
        recorder.offer(rgb, nobody if number % 2 else analysis, number / 30)
        took.append(time.perf_counter() - began)
        time.sleep(0.005)
    recorder.close()
    assert sorted(took)[len(took) // 2] < 0.0002 * slowness()
