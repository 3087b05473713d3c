"""Datasets of real analyses: exact, alive after every kind of death, changed safely."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture import dataset as dataset_module
from capture import files
from capture.dataset import OLD, Dataset, list_datasets, replace_dataset
from capture.errors import CaptureError, DatasetBusy, DatasetError
from capture.manifest import Manifest, new_id, valid_id
from capture.pairs import PairRecord
from inference.body import PALETTE
from tests.capture.real import begin, seen_frames, write

pytestmark = pytest.mark.usefixtures("models")


def test_what_is_written_is_read_back_exactly(tmp_path: Path) -> None:
    seen = write(tmp_path / "d", "png", heads=True)
    dataset = Dataset.open(tmp_path / "d")
    assert dataset.count == len(dataset.pairs) == len(seen)
    for pair, (rgb, time_s, analysis) in zip(dataset.pairs, seen, strict=True):
        assert np.array_equal(dataset.frame(pair.index), rgb)
        assert np.array_equal(dataset.labels(pair.index), analysis.labels)
        assert pair.time_s == pytest.approx(time_s, abs=1e-6)
        assert analysis.person is not None
        assert pair.keypoints is not None
        assert pair.keypoints.tobytes() == analysis.person.keypoints.tobytes()
        heads = dataset.heads(pair.index)
        assert analysis.heads is not None
        assert heads.placement == analysis.heads.placement
        for name in ("heatmaps", "segments", "part_heatmaps", "long_offsets"):
            saved, raw = getattr(heads, name), getattr(analysis.heads, name)
            assert np.array_equal(saved.values, raw.values)
            assert (saved.scale, saved.zero_point) == (raw.scale, raw.zero_point)
    assert dataset.manifest.frame.fps == pytest.approx(24, abs=0.1)
    assert dataset.manifest.held_out_from == 22


def test_masks_are_label_map_and_rainbow_in_one(tmp_path: Path) -> None:
    write(tmp_path / "d")
    with Image.open(tmp_path / "d" / "parts" / "000003.png") as picture:
        assert picture.mode == "P"
        rainbow = np.asarray(picture.convert("RGB"))
        labels = np.asarray(picture)
    assert np.array_equal(rainbow, PALETTE[labels])
    assert labels.max() <= 24


def test_jpeg_frames_are_close_with_full_chroma(tmp_path: Path) -> None:
    seen = write(tmp_path / "d")
    dataset = Dataset.open(tmp_path / "d")
    error = dataset.frame(5).astype(float) - seen[5][0]
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 38
    with Image.open(dataset.frame_path(5)) as picture:
        assert [(one[1], one[2]) for one in picture.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]


def test_pairs_finished_out_of_order_are_listed_in_order(tmp_path: Path) -> None:
    writer, seen = begin(tmp_path / "d"), seen_frames()
    order = list(range(len(seen)))
    random.Random(1).shuffle(order)

    def some(part: list[int]) -> None:
        for index in part:
            rgb, time_s, analysis = seen[index]
            writer.write(index, time_s, rgb, analysis, [])

    threads = [threading.Thread(target=some, args=(order[start::3],)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert [pair.index for pair in Dataset.open(tmp_path / "d").pairs] == list(range(len(seen)))


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from tests.capture.real import begin, seen_frames
seen = seen_frames()
writer = begin(Path(sys.argv[1]))
print("writing", flush=True)
for index in range(100_000):
    rgb, time_s, analysis = seen[index % len(seen)]
    writer.write(index, index / 30, rgb, analysis, [])
"""


@pytest.mark.parametrize("seconds", [0.05, 0.31, 0.77])
def test_kill_9_leaves_every_complete_pair_and_nothing_else(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / new_id()
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "writing" in process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (path / "frames" / "099999.jpg.tmp").write_bytes(b"half")
    [dataset] = list_datasets(tmp_path)
    assert dataset.manifest.state == "complete"
    assert dataset.count == len(dataset.pairs) > 2
    assert [pair.index for pair in dataset.pairs] == list(range(dataset.count))
    for pair in dataset.pairs:
        assert dataset.frame(pair.index).shape[:2] == dataset.labels(pair.index).shape
    assert len(os.listdir(path / "frames")) == len(os.listdir(path / "parts")) == dataset.count


def test_a_half_written_line_and_a_missing_picture_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "d"
    write(path)
    manifest = Manifest.load(path)
    manifest.state = "recording"
    manifest.save(path)
    (path / "frames" / "000004.jpg").unlink()
    (path / "parts" / "000006.png").write_bytes(b"")
    with (path / "poses.jsonl").open("ab") as file:
        file.write(b'{"index": 24, "time_s"')
    dataset = Dataset.open(path)
    indices = [pair.index for pair in dataset.pairs]
    assert indices == [i for i in range(24) if i not in (4, 6)]
    assert (dataset.manifest.counts.written, dataset.manifest.counts.deleted) == (22, 0)
    assert dataset.count == 22


def test_a_full_disk_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, seen = begin(tmp_path / "d"), seen_frames()
    for index in range(5):
        writer.write(index, seen[index][1], seen[index][0], seen[index][2], [])
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if "parts" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(CaptureError, match="is full; free some space"):
        writer.write(5, seen[5][1], seen[5][0], seen[5][2], [])
    monkeypatch.undo()
    writer.write(6, seen[6][1], seen[6][0], seen[6][2], [])
    writer.close()
    dataset = Dataset.open(tmp_path / "d")
    assert [pair.index for pair in dataset.pairs] == [0, 1, 2, 3, 4, 6]
    assert not list((tmp_path / "d").rglob("*.tmp"))


def test_opened_while_it_is_written(tmp_path: Path) -> None:
    writer, seen = begin(tmp_path / "d"), seen_frames()
    writer.write(0, 0.0, seen[0][0], seen[0][2], [])
    dataset = Dataset.open(tmp_path / "d")
    assert dataset.manifest.state == "recording"
    assert len(dataset.pairs) == 1
    with pytest.raises(DatasetBusy, match="being written"):
        dataset.rename("Mine")
    writer.close()
    Dataset.open(tmp_path / "d").rename("  Mine \n now ")
    assert Dataset.open(tmp_path / "d").manifest.title == "Mine now"


def test_deleting_pairs_and_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "d"
    write(path, heads=True)
    dataset = Dataset.open(path)
    assert dataset.delete_pairs([0, 3, 23, 99]) == 21
    again = Dataset.open(path)
    assert again.count == len(again.pairs) == 21
    assert again.manifest.counts.deleted == 3
    assert again.manifest.held_out_from == 21
    for folder in ("frames", "parts", "heads"):
        assert not list((path / folder).glob("000003.*"))
    with again.reading(), pytest.raises(DatasetBusy):
        Dataset.open(path).delete()
    again.delete()
    assert not path.exists()


@pytest.mark.parametrize("cut_off", ["write_records", "complete"])
def test_deleting_pairs_that_was_cut_off_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    path = tmp_path / new_id()
    write(path)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset_module, cut_off, killed)
    with pytest.raises(KeyboardInterrupt):
        Dataset.open(path).delete_pairs([0, 3])
    monkeypatch.undo()
    [dataset] = list_datasets(tmp_path)
    left = 24 if cut_off == "write_records" else 22
    assert dataset.count == len(dataset.pairs) == left
    assert (dataset.manifest.counts.written, dataset.manifest.counts.deleted) == (24, 24 - left)
    assert dataset.manifest.frame.fps == pytest.approx(24, abs=0.1)
    assert len(os.listdir(path / "frames")) == len(os.listdir(path / "parts")) == left


def test_deleting_that_was_cut_off_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / new_id()
    write(path)
    monkeypatch.setattr(dataset_module.shutil, "rmtree", lambda *_, **__: None)
    Dataset.open(path).delete()
    monkeypatch.undo()
    assert not path.exists()
    assert list(tmp_path.iterdir())
    (tmp_path / "diary.old").mkdir()
    (tmp_path / "diary.deleted").mkdir()
    assert list_datasets(tmp_path) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["diary.deleted", "diary.old"]


def test_deleting_while_somebody_downloads(tmp_path: Path) -> None:
    path = tmp_path / new_id()
    write(path)
    dataset = Dataset.open(path)
    with dataset.reading():
        for change in (dataset.delete, lambda: dataset.delete_pairs([1])):
            with pytest.raises(DatasetBusy, match="downloaded"):
                change()
        assert len(list_datasets(tmp_path)) == 1
    assert dataset.delete_pairs([1]) == 23


def test_a_full_disk_hides_no_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / new_id()
    write(path)
    manifest = Manifest.load(path)
    manifest.state = "recording"
    manifest.save(path)
    write(tmp_path / new_id())

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    assert [len(one.pairs) for one in list_datasets(tmp_path)] == [24, 24]


def test_replacing_while_others_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / new_id()
    write(folder)
    ended, rename = threading.Event(), Path.rename

    def slow(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        time.sleep(0.05)
        return moved

    monkeypatch.setattr(Path, "rename", slow)

    def look() -> None:
        while not ended.is_set():
            list_datasets(tmp_path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for number in range(3):
            incoming = tmp_path / f"{number}.incoming"
            write(incoming)
            replace_dataset(folder, incoming)
            assert not incoming.exists()
    finally:
        ended.set()
        thread.join()
    assert len(list_datasets(tmp_path)) == 1


def test_there_is_something_already(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "diary.txt").write_text("mine")
    with pytest.raises(DatasetError, match="exists already"):
        begin(tmp_path / "d")


def test_a_better_dataset_takes_the_place(tmp_path: Path) -> None:
    old, new = tmp_path / new_id(), tmp_path / "new.incoming"
    write(old)
    Dataset.open(old).rename("My dance")
    write(new, "png")
    replace_dataset(old, new)
    dataset = Dataset.open(old)
    assert dataset.manifest.title == "My dance"
    assert dataset.manifest.id == Manifest.load(old).id
    assert dataset.manifest.frame.format == "png"
    assert [path.name for path in tmp_path.iterdir()] == [old.name]


def test_replacing_that_was_cut_off_is_undone_or_finished(tmp_path: Path) -> None:
    folder = tmp_path / new_id()
    write(folder)
    folder.rename(folder.with_name(folder.name + OLD))  # Cut off between the two renames.
    list_datasets(tmp_path)
    assert len(list_datasets(tmp_path)) == 1
    assert folder.is_dir()


@pytest.mark.parametrize(
    "text",
    ["../x", "20261120-142233-7f3a9c/..", "", "20261120-142233-7f3a9C", "٢0261120-142233-7f3a9c"],
)
def test_ids_of_others_are_not_ids(text: str) -> None:
    assert not valid_id(text)
    assert valid_id(new_id())


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"schema": 9}, "schema 9"),
        ({"schema": True}, "damaged"),
        ({"labels": ["a"]}, "other labels"),
        ({"state": "zombie"}, "one of"),
        ({"counts": []}, "an object"),
        ({"frame": {"width": -1, "height": 1, "fps": 1, "format": "jpg"}}, "0 or more"),
        ({"frame": {"width": 1, "height": 1, "fps": 1, "format": "../jpg"}}, "one of"),
    ],
)
def test_hostile_manifests_are_refused_in_a_sentence(
    tmp_path: Path, change: dict[str, object], wrong: str
) -> None:
    write(tmp_path / "d")
    path = tmp_path / "d" / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DatasetError, match=wrong):
        Dataset.open(tmp_path / "d")


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b'{"index":1e3}',
        b'{"index":-1,"time_s":0,"keypoints":null,"smoothed":null,"score":null,"box":null,"others":0,"flags":[],"edits":{}}',
        b'{"index":1,"time_s":0,"keypoints":[[1,2]],"smoothed":null,"score":null,"box":null,"others":0,"flags":[],"edits":{}}',
        b"[" * 5000,
    ],
)
def test_damaged_lines_end_the_reading(tmp_path: Path, line: bytes) -> None:
    write(tmp_path / "d")
    poses = tmp_path / "d" / "poses.jsonl"
    first, *rest = poses.read_bytes().splitlines(keepends=True)
    poses.write_bytes(first + line + b"\n" + b"".join(rest))
    assert [pair.index for pair in Dataset.open(tmp_path / "d").pairs] == [0]


def test_a_record_survives_its_line() -> None:
    _, time_s, analysis = seen_frames()[7]
    record = PairRecord.from_analysis(7, time_s, analysis, ["blur", "near"])
    again = PairRecord.from_json(json.loads(record.to_line()))
    assert again.keypoints is not None
    assert record.keypoints is not None
    assert again.keypoints.tobytes() == record.keypoints.tobytes()
    assert again.flags == ["blur", "near"]
    assert again.box == pytest.approx(record.box, abs=0.01)


def test_edits_of_a_person_win() -> None:
    record = PairRecord.from_analysis(7, 0.1, seen_frames()[7][2], [])
    record.edits = {"keypoints": {"9": [12.0, 34.0]}}
    mended = record.mended()
    assert mended is not None
    assert record.keypoints is not None
    assert mended[9].tolist() == [12.0, 34.0, 1.0]
    assert np.array_equal(np.delete(mended, 9, 0), np.delete(record.keypoints, 9, 0))
