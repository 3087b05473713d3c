"""Files that appear whole or not at all, and locks that die with the process that holds them.

A file is written under a temporary name and renamed. That survives `kill -9`, because what was
written is in the kernel's hands; only a loss of power can undo it, and waiting for the disk after
every frame would cost more than the frame. `durable=True` waits, for the few files that matter
most; what a loss of power can do to the others (empty or short files) is found when a dataset is
opened again.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import portalocker

from capture.errors import CaptureError, DatasetBusy, DatasetError

TEMPORARY_SUFFIX = ".tmp"
"""How the names of files end that are still being written."""

LOCK_NAME = ".lock"
"""The file in a dataset's folder that its writers and readers lock."""

_POLL_SECONDS = 0.02


def write_whole(path: Path, data: bytes | memoryview, durable: bool = False) -> None:
    """Write a file under a temporary name, then rename it.

    `durable` also waits until the disk has it. Raises `CaptureError` when the disk is full or
    refuses; then there is neither a new file nor a temporary one.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        discard(temporary)
        raise disk_error(error, path) from error


def discard(path: Path) -> None:
    """Remove a file that is not wanted any more; where that fails, what went before is the news."""
    with suppress(OSError):
        path.unlink()


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there; `CaptureError` when it cannot be."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def check_writable(path: Path) -> None:
    """Raise `CaptureError` when a file could not be written, before work is put into it.

    Its folder is made; a file that is there stays as it is.
    """
    make_folder(path.parent)
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    _check_file(path)
    with disk_errors(path):
        temporary.open("wb").close()
    discard(temporary)


def check_new_file(path: Path, force: bool) -> None:
    """Raise `CaptureError` when a command's output would replace something.

    `force`: a file may be replaced, a folder or a device never.
    """
    _check_file(path)
    if not force and os.path.lexists(path):
        raise CaptureError(
            f"{path} is there already: name another file, or add --force to replace it."
        )


def _check_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise CaptureError(f"{path} is no file but a folder or a device: name a file.")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """An `OSError` while `path` is written becomes `CaptureError`, a sentence for a person."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> CaptureError:
    """The sentence for a person when a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CaptureError(
            f"The disk with {path.parent} is full; free some space. "
            "Everything captured so far is kept."
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return CaptureError(
            f"{path} could not be written: a file stands where a folder is needed; choose another "
            "place."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CaptureError(
            f"{path} could not be written: {error.strerror}; choose a place where you may write."
        )
    return CaptureError(f"{path} could not be written: {error.strerror or error}.")


@contextmanager
def locked(folder: Path, *, shared: bool = False, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a dataset's lock: alone to change it, `shared` to read it as one consistent whole.

    The kernel gives the lock back when the process ends, however it ends. Raises `DatasetBusy`
    when somebody else still holds it after `wait_s` seconds, `DatasetError` when the folder is
    not there or, unless `shared`, cannot be written.
    """
    lock = DatasetLock(folder, shared=shared, wait_s=wait_s)
    try:
        yield
    finally:
        lock.release()


class DatasetLock:
    """A dataset's lock, held from construction until `release`; see `locked`."""

    def __init__(self, folder: Path, *, shared: bool = False, wait_s: float = 0.0) -> None:
        self._descriptor: int | None = None
        deadline = time.monotonic() + wait_s
        while not self._try(folder, shared):
            if time.monotonic() >= deadline:
                raise DatasetBusy(
                    f"The dataset {folder.name} is being written or downloaded right now; "
                    "try again when that has ended."
                )
            time.sleep(_POLL_SECONDS)

    def _try(self, folder: Path, shared: bool) -> bool:
        path = folder / LOCK_NAME
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError as error:
            raise DatasetError(f"There is no dataset at {folder}.") from error
        except OSError as error:
            if shared:
                return True  # Nobody can write here, so there is nothing to keep out.
            raise DatasetError(f"{folder} cannot be changed: {error.strerror}.") from error
        try:
            kind = portalocker.LOCK_SH if shared else portalocker.LOCK_EX
            portalocker.lock(descriptor, kind | portalocker.LOCK_NB)
            # The folder may have been replaced or deleted while we opened its lock.
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                self._descriptor = descriptor
                return True
        except (OSError, portalocker.LockException):
            pass
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
