"""Videos on their way in: chunks at checked offsets, within bounds, under names of ours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import StreamReader

from capture.files import make_folder
from server.background import Background
from server.errors import Refused
from server.settings import Settings

CHUNK_SIZE = 8 * 1024 * 1024
"""Most bytes of one PUT."""
MAX_AT_ONCE = 16
IDLE_RECORDING_SECONDS = 30.0
"""A recording whose browser is silent for so long is analysed as far as it came."""
IDLE_IMPORT_SECONDS = 3600.0
SWEEP_SECONDS = 5.0
_PIECE = 256 * 1024

Purpose = Literal["import", "recording", "rendition"]


@dataclass(slots=True, eq=False)
class Upload:
    """One file on its way in."""

    name: str
    """As the client calls it; only ever shown, never part of a path."""
    size: int | None
    purpose: Purpose
    dataset: str | None
    model: str | None
    path: Path
    performer: str | None = None
    """Who is to be shown in a rendition: the name of a view."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    received: int = 0
    touched: float = field(default_factory=time.monotonic)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    digest: Any = field(default_factory=hashlib.sha256)


class Uploads:
    """All uploads of one server. `arrived` is called with each that is complete."""

    def __init__(self, settings: Settings, background: Background) -> None:
        self._settings = settings
        self._background = background
        self._uploads: dict[str, Upload] = {}
        self.arrived: Callable[[Upload], Awaitable[Any]]
        """Starts the job of a finished upload and owns its file from then on."""
        shutil.rmtree(settings.uploads, ignore_errors=True)
        make_folder(settings.uploads)
        self._sweeper = asyncio.create_task(self._sweep())

    def begin(
        self,
        name: str,
        size: int | None,
        purpose: Purpose,
        dataset: str | None,
        model: str | None,
        performer: str | None = None,
    ) -> Upload:
        """Make room for one; `Refused` when there is none."""
        if len(self._uploads) >= MAX_AT_ONCE:
            raise Refused(503, "busy", "Too many uploads at once; try again in a moment.")
        upload = Upload(name, size, purpose, dataset, model, self._settings.uploads, performer)
        upload.path = self._settings.uploads / f"{upload.id}.part"
        self._check_room(size or 0)
        self._uploads[upload.id] = upload
        return upload

    def get(self, upload_id: str) -> Upload:
        """One upload; `Refused` 404."""
        if upload_id not in self._uploads:
            raise Refused(404, "not_found", "There is no such upload; it may have timed out.")
        return self._uploads[upload_id]

    async def receive(self, upload: Upload, offset: int, content: StreamReader) -> int:
        """Append one chunk; returns the bytes received so far.

        `Refused` 409 with `received` when `offset` is not where the file ends. When the chunk
        breaks off, what came of it is kept, and `received` says where to go on.
        """
        if upload.writing.locked():
            raise Refused(409, "offset", "A chunk is on its way.", received=upload.received)
        async with upload.writing:
            if offset != upload.received:
                raise Refused(
                    409, "offset", "That chunk does not follow.", received=upload.received
                )
            end = offset + CHUNK_SIZE
            async for piece in content.iter_chunked(_PIECE):
                if upload.received + len(piece) > end:
                    raise Refused(413, "too_large", f"A chunk holds {CHUNK_SIZE} bytes at most.")
                self._check_room(len(piece), upload.received, upload.size)
                await self._background.run(_append, upload, piece)
                upload.received += len(piece)
                upload.touched = time.monotonic()
        return upload.received

    async def finish(self, upload: Upload) -> Any:
        """All is here: hand it on. Returns what `arrived` returns."""
        if upload.writing.locked() or upload.size not in (None, upload.received):
            raise Refused(409, "offset", "The file is not complete.", received=upload.received)
        if upload.received == 0:
            await self.discard(upload)
            raise Refused(422, "empty", "The file is empty.")
        self._uploads.pop(upload.id, None)
        return await self.arrived(upload)

    async def discard(self, upload: Upload) -> None:
        """Throw it away."""
        self._uploads.pop(upload.id, None)
        await self._background.run(upload.path.unlink, missing_ok=True)

    async def close(self) -> None:
        """Stop watching; unfinished files are cleaned away at the next start."""
        self._sweeper.cancel()
        await asyncio.gather(self._sweeper, return_exceptions=True)

    def _check_room(self, more: int, received: int = 0, size: int | None = None) -> None:
        most = self._settings.max_upload_bytes
        if received + more > (most if size is None else min(most, size)):
            raise Refused(413, "too_large", f"A video may be {most / 1e9:.3g} GB at most.")
        if shutil.disk_usage(self._settings.uploads).free - more < self._settings.disk_floor_bytes:
            raise Refused(507, "disk", "The server's disk is nearly full; delete some datasets.")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for upload in list(self._uploads.values()):
                idle = now - upload.touched
                if upload.purpose == "recording" and idle > IDLE_RECORDING_SECONDS:
                    upload.size = None
                    with contextlib.suppress(Refused):
                        await self.finish(upload)
                elif idle > IDLE_IMPORT_SECONDS:
                    await self.discard(upload)


def _append(upload: Upload, piece: bytes) -> None:
    upload.digest.update(piece)
    with upload.path.open("ab") as file:
        file.write(piece)
