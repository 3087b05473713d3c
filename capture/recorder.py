"""Records live pairs: never makes the live thread wait, never writes half a pair, counts drops."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass

from capture.coverage import Coverage
from capture.errors import CaptureError
from capture.quality import measure
from capture.writer import DatasetWriter
from inference.analysis import Analysis
from inference.arrays import Rgb

logger = logging.getLogger(__name__)

QUEUE_SIZE = 45
"""Pairs that may wait to be written: a second and a half, 60 MB at 640x480."""


@dataclass(frozen=True, slots=True)
class _Offered:
    index: int
    time_s: float
    rgb: Rgb
    analysis: Analysis


class Recorder:
    """A bounded queue in front of a `DatasetWriter`, emptied by threads of its own."""

    def __init__(self, writer: DatasetWriter, workers: int = 2) -> None:
        """Takes the writer over: it is closed with the recorder."""
        self.error: str | None = None
        """The first thing that went wrong with writing, in one sentence."""
        self._writer = writer
        self._coverage = Coverage()
        self._coverage_lock = threading.Lock()
        self._queue: queue.Queue[_Offered | None] = queue.Queue(QUEUE_SIZE)
        self._offered = 0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name="recorder", daemon=True)
            for _ in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def written(self) -> int:
        """Pairs on disk."""
        return self._writer.manifest.counts.written

    @property
    def dropped(self) -> int:
        """Frames that were offered and will not be written."""
        return sum(self._writer.manifest.counts.dropped.values())

    @property
    def drop_reasons(self) -> dict[str, int]:
        """Why, and how many each."""
        return dict(self._writer.manifest.counts.dropped)

    def offer(self, rgb: Rgb, analysis: Analysis, time_s: float) -> bool:
        """Hand over a frame and its very own analysis; neither may be changed afterwards.

        Never waits. False when it is dropped: nobody is in the picture, or writing cannot keep up.
        One thread at a time may offer.
        """
        if self._closed:
            return False
        if analysis.person is None:
            self._writer.drop("no_person")
            return False
        if self.error is not None:
            self._writer.drop("disk")
            return False
        try:
            self._queue.put_nowait(_Offered(self._offered, time_s, rgb, analysis))
        except queue.Full:
            self._writer.drop("queue_full")
            return False
        self._offered += 1
        return True

    def lost(self, count: int) -> None:
        """So many frames never came, or came damaged: they are counted, and not written."""
        if count > 0 and not self._closed:
            self._writer.drop("lost", count)

    def close(self) -> None:
        """Write what waits and complete the dataset. May be called again."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._writer.set_coverage(self._coverage.fraction, self._coverage.missing())
        try:
            self._writer.close()
        except CaptureError as error:
            self.error = self.error or str(error)

    def _work(self) -> None:
        while (offered := self._queue.get()) is not None:
            try:
                self._write(offered)
            except CaptureError as error:
                self.error = self.error or str(error)
            except Exception:  # One odd frame must not end the recording.
                logger.exception("frame %d was left out", offered.index)

    def _write(self, offered: _Offered) -> None:
        try:
            flags = measure(offered.rgb, offered.analysis).flags
            self._cover(offered.analysis)
        except Exception:
            self._writer.skip(offered.index, "failed")
            raise
        self._writer.write(offered.index, offered.time_s, offered.rgb, offered.analysis, flags)

    def _cover(self, analysis: Analysis) -> None:
        if analysis.person is not None:
            with self._coverage_lock:
                self._coverage.add(analysis.person.keypoints, analysis.labels)
