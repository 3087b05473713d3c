"""A zip file in pieces, while it is made: nothing is kept, nothing is written twice.

Written for a reader that cannot go back, sizes and checksums follow each file ("data descriptor",
section 4.3.9 of PKWARE's APPNOTE). What is compressed already is stored as it is.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, cast

from capture.export.entries import Content, Entry

BLOCK = 256 * 1024
"""Bytes: about as much is read at once, and handed on at once."""

STORED_SUFFIXES = frozenset({".jpg", ".png", ".npz", ".tar"})


class Outlet:
    """A file to write to that only remembers what was not taken yet."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Remember a copy."""
        self.pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self.pieces)
        self.pieces.clear()
        self.size = 0
        return data


def pieces(content: Content) -> Iterator[bytes]:
    """The bytes of a file, a block at a time."""
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with open(content, "rb") as file:
            while block := file.read(BLOCK):
                yield block
    else:
        yield from content


def zipped(entries: Iterable[Entry], created: datetime) -> Iterator[bytes]:
    """The entries as one zip file; the same entries give the same bytes.

    Args:
        entries: taken one after another, each when the one before was handed on.
        created: the time that every file in it gets; zip knows none before 1980.
    """
    outlet = Outlet()
    with zipfile.ZipFile(cast(IO[bytes], outlet), "w") as archive:
        for entry in entries:
            # How long an iterator's content will be is not known: there may be 4 GB of it.
            large = not isinstance(entry.content, bytes | Path)
            info = _info(entry.path, created)
            with archive.open(info, "w", force_zip64=large) as file:
                for piece in pieces(entry.content):
                    file.write(piece)
                    if outlet.size >= BLOCK:
                        yield outlet.taken()
    yield outlet.taken()


def _info(path: str, created: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, created.timetuple()[:6])
    info.create_system = 3  # Unix, wherever it is made: the same bytes everywhere.
    info.external_attr = 0o644 << 16
    stored = Path(path).suffix in STORED_SUFFIXES
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    return info
