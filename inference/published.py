"""Files that others publish: fetched on request, checked against a pinned SHA-256, kept in a folder
of the user's, never part of this repository."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path

from inference.errors import ModelError

_TIMEOUT_S = 30.0
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that has a public address."""

    file_name: str
    """As it is kept here."""
    url: str
    sha256: str
    size: int
    """Bytes."""

    @property
    def path(self) -> Path:
        """Where it is kept, whether it is there or not."""
        return models_folder() / self.file_name


def models_folder() -> Path:
    """Where fetched files are kept: `UNDERSTUDY_MODELS`, else the user's cache folder."""
    chosen = os.environ.get("UNDERSTUDY_MODELS")
    return Path(chosen).expanduser() if chosen else cache_folder() / "models"


def cache_folder() -> Path:
    """What this program may keep for itself, as the system has it."""
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "understudy"


def problem_with(file: PublishedFile) -> str | None:
    """Why the file that is kept here must not be used, without a full stop; None when it may."""
    try:
        stat = file.path.stat()
        if _checksum(file.path, stat.st_mtime_ns, stat.st_size) == file.sha256:
            return None
    except FileNotFoundError:
        return f"{file.path} is not here yet"
    except OSError as error:
        return f"{file.path} cannot be read ({error.strerror})"
    return f"{file.path} is damaged or another version (its checksum differs)"


def fetch_file(file: PublishedFile, progress: Callable[[int, int], None] | None = None) -> Path:
    """Download a file to where it is kept; one that is there and sound is kept.

    Args:
        file: which.
        progress: called with bytes received and bytes in all.

    Raises:
        ModelError: no way to the Internet, a wrong file, no room on the disk.
    """
    if problem_with(file) is None:
        return file.path
    target = file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(file, target, progress)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(
            f"{file.url} cannot be reached ({reason}): check the connection to the Internet, or "
            f"put the file into {target.parent} yourself, named {target.name}."
        ) from error
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise ModelError(
            f"{target.name} cannot be written to {target.parent} ({why}): make room there, or set "
            f"UNDERSTUDY_MODELS to another folder."
        ) from error
    return target


def _download(
    file: PublishedFile, target: Path, progress: Callable[[int, int], None] | None
) -> None:
    """Fetch a file under a temporary name; it gets its own only when the checksum is right."""
    digest = hashlib.sha256()
    received = 0
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with (
            temporary.open("xb") as written,
            urllib.request.urlopen(file.url, timeout=_TIMEOUT_S) as answer,
        ):
            while received <= file.size and (chunk := answer.read(_CHUNK)):
                written.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                if progress:
                    progress(min(received, file.size), file.size)
        if received < file.size:
            raise ConnectionError("the connection broke off")
        if digest.hexdigest() != file.sha256:
            raise ModelError(
                f"What {file.url} sent is not the file we know (its checksum differs) and was "
                f"thrown away: try again later, or look for a newer version of this program."
            )
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@lru_cache(maxsize=64)
def _checksum(path: Path, modified_ns: int, size: int) -> str:
    """SHA-256 of a file; time and size are there so that a changed file is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
