"""A recording in progress: pairs from the live picture, until stopped or its time is over."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from capture.importer import model_info
from capture.manifest import Source, new_id
from capture.recorder import Recorder
from capture.writer import DatasetWriter
from inference.analysis import Analysis
from inference.arrays import Rgb
from inference.pool import NetworkPool
from server.background import Background
from server.errors import ServerError
from server.live.control import Record
from server.settings import Settings

GRACE_SECONDS = 0.5
"""Frames that are on their way when the time is over may still arrive."""
GAP_SECONDS = 1.0
"""When no frame comes for so long, those that should have come are counted as lost."""


class LiveRecording:
    """Offers each frame with its very own analysis to a `Recorder`, within a limit of time."""

    def __init__(
        self, dataset: str, recorder: Recorder, limit: float | None, most: float, heads: bool
    ) -> None:
        """`limit`: seconds asked for, None for no end; `most`: seconds the server allows."""
        self.dataset = dataset
        self.heads = heads
        """Whether analyses are to carry the network's raw heads."""
        self._recorder = recorder
        self._limit = limit
        self._most = min(limit, most) if limit is not None else most
        self._lock = threading.Lock()
        self._closed = False
        self._begun = time.monotonic()
        self._first: float | None = None
        self._last: float | None = None
        self._seconds = 0.0

    def offer(self, rgb: Rgb, analysis: Analysis, time_s: float) -> bool:
        """False once the time is over (by the frames' own time); called in the live thread."""
        with self._lock:
            if self._closed or (self.heads and analysis.heads is None):
                return True  # Analysed before heads were asked for.
            now = time.monotonic()
            if self._last is None:
                self._begun = self._last = now
            if self._first is None:
                self._first = time_s - self._seconds - (now - self._last)
            seconds = time_s - self._first
            if seconds >= self._most:
                return False
            if seconds - self._seconds > GAP_SECONDS and self._seconds > 0:
                rate = self._recorder.written / self._seconds
                self._recorder.lost(round((seconds - self._seconds) * rate))
            self._seconds, self._last = seconds, now
            self._recorder.offer(rgb, analysis, seconds)
            return True

    def lost(self, count: int) -> None:
        """So many frames of the camera never came, or came damaged."""
        self._recorder.lost(count)

    def resume(self) -> None:
        """Another call goes on with it, on a clock of its own."""
        with self._lock:
            self._first = None

    @property
    def overdue(self) -> bool:
        """Whether its time is over by the clock: a camera that stands still sends no frames."""
        with self._lock:
            return time.monotonic() - self._begun > self._most + GRACE_SECONDS

    @property
    def error(self) -> str | None:
        """What went wrong with writing, in one sentence."""
        return self._recorder.error

    def state(self) -> dict[str, Any]:
        """The contract's `recording` of the `state` message."""
        written = self._recorder.written
        return {
            "dataset": self.dataset,
            "seconds": round(self._seconds, 2),
            "limit": self._limit,
            "written": written,
            "dropped": self._recorder.dropped,
            "rate": round(written / self._seconds, 1) if self._seconds > 0.5 else 0.0,
        }

    def close(self) -> dict[str, int]:
        """Wait until all is written and the dataset complete; its counts. Blocks."""
        with self._lock:
            self._closed = True
        self._recorder.close()
        return {"written": self._recorder.written, "dropped": self._recorder.dropped}


class Recordings:
    """Begins recordings, and knows which of them may still get a better video."""

    def __init__(self, settings: Settings, background: Background) -> None:
        self._settings = settings
        self._background = background
        self._expecting: set[str] = set()
        self.running: set[str] = set()
        """Datasets that are being recorded now."""
        self.ended: Callable[[str], None] = lambda dataset: None
        """Told of every dataset that is complete and gets no better video."""
        self._room = (0.0, True)

    async def begin(
        self, wanted: Record, size: tuple[int, int], pool: NetworkPool, threshold: float
    ) -> LiveRecording:
        """Create the dataset and the recorder; `ServerError` when the disk is nearly full."""
        if not self.room_left():
            raise ServerError("The server's disk is nearly full; delete some datasets first.")
        recording = await self._background.run(self._begin, wanted, size, pool, threshold)
        self.running.add(recording.dataset)
        if wanted.high_quality:
            self._expecting.add(recording.dataset)
        return recording

    async def end(self, recording: LiveRecording) -> dict[str, int]:
        """Complete the dataset; its counts. One without a single pair is not kept."""
        try:
            counts = await self._background.run(recording.close)
            if counts["written"] == 0 and recording.dataset not in self._expecting:
                folder = self._settings.datasets / recording.dataset
                await self._background.run(shutil.rmtree, folder, ignore_errors=True)
            elif recording.dataset not in self._expecting:
                self.ended(recording.dataset)
            return counts
        finally:
            self.running.discard(recording.dataset)

    def _begin(
        self, wanted: Record, size: tuple[int, int], pool: NetworkPool, threshold: float
    ) -> LiveRecording:
        dataset = new_id()
        writer = DatasetWriter.create(
            self._settings.datasets / dataset,
            Source("webrtc"),
            model_info(pool, size, threshold),
            wanted.title or f"Recording of {datetime.now():%d %B, %H:%M}",
            dataset,
            "png" if self._settings.frames == "png" else "jpg",
            keep_heads=wanted.heads,
            captured_for=wanted.captured_for,
        )
        most = self._settings.max_recording_seconds
        return LiveRecording(dataset, Recorder(writer), wanted.seconds, most, wanted.heads)

    def take_upload(self, dataset: str) -> bool:
        """Whether a video is expected for this dataset; it is expected once."""
        expected = dataset in self._expecting
        self._expecting.discard(dataset)
        return expected

    def room_left(self) -> bool:
        """Whether more may be written to the disk; looks once a second at most."""
        now = time.monotonic()
        if now - self._room[0] > 1.0:
            free = shutil.disk_usage(self._settings.data).free
            self._room = (now, free > self._settings.disk_floor_bytes)
        return self._room[1]
