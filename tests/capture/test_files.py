"""Files appear whole or not at all; locks die with their process."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from capture import files
from capture.errors import CaptureError, DatasetBusy, DatasetError
from capture.files import DatasetLock, check_new_file, check_writable, locked, write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_and_leaves_nothing_beside_it(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    write_whole(path, memoryview(b"new"), durable)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_refusing_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def refuse(source: Path, target: Path) -> None:
        raise OSError(code, "No")

    monkeypatch.setattr(files.os, "replace", refuse)
    sentence = "could not be written" if code == errno.EIO else "is full; free some space"
    with pytest.raises(CaptureError, match=sentence):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_the_old_or_the_new_file_and_never_a_part(tmp_path: Path) -> None:
    path, ended = tmp_path / "a", threading.Event()
    contents = {bytes([number]) * 200_000 for number in range(4)}
    write_whole(path, bytes(200_000))
    seen: set[bytes] = set()

    def read() -> None:
        while not ended.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(25):
        for content in contents:
            write_whole(path, content)
    ended.set()
    reader.join()
    assert seen <= contents


def test_one_writes_or_many_read(tmp_path: Path) -> None:
    readers = [DatasetLock(tmp_path, shared=True) for _ in range(2)]
    with pytest.raises(DatasetBusy, match="try again"):
        DatasetLock(tmp_path)
    for reader in readers:
        reader.release()
    with locked(tmp_path), pytest.raises(DatasetBusy):
        DatasetLock(tmp_path, shared=True)
    DatasetLock(tmp_path).release()


def test_waiting_for_a_lock(tmp_path: Path) -> None:
    held = DatasetLock(tmp_path)
    threading.Timer(0.1, held.release).start()
    began = time.monotonic()
    with locked(tmp_path, wait_s=5.0):
        assert 0.05 < time.monotonic() - began < 2.0
    held.release()  # A second call does nothing.


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from capture.files import DatasetLock;"
        "lock = DatasetLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(DatasetBusy):
        DatasetLock(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    DatasetLock(tmp_path, wait_s=1.0).release()


def test_a_lock_on_a_folder_that_was_replaced_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    old = DatasetLock(folder)
    folder.rename(tmp_path / "aside")
    folder.mkdir()
    with locked(folder):
        old.release()
        with pytest.raises(DatasetBusy):
            DatasetLock(folder)


def test_no_folder_no_lock(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no dataset"):
        DatasetLock(tmp_path / "gone")


def test_cleaning_up_does_not_hide_why_a_file_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CaptureError, match="a file stands where a folder is needed"):
        write_whole(tmp_path / "file" / "x", b"data")


@pytest.mark.parametrize("name", ["folder", "pipe"])
def test_only_files_are_written_to(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    elif name == "pipe":
        pytest.skip("there are no named pipes")
    with pytest.raises(CaptureError, match="is no file"):
        check_writable(tmp_path / name)
    with pytest.raises(CaptureError, match="is no file"):
        check_new_file(tmp_path / name, force=True)


def test_what_is_there_stays_when_it_is_looked_whether_it_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_bytes(b"old")
    check_writable(tmp_path / "figures.json")
    check_writable(tmp_path / "new" / "figures.json")
    assert (tmp_path / "figures.json").read_bytes() == b"old"
    assert not list((tmp_path / "new").iterdir())
