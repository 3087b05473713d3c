"""The pictures that a session shows, as a film: recorded from now on, or the last seconds kept."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from capture.decoding import fitted
from capture.errors import CaptureError
from inference.arrays import Rgb
from server.live.film_sound import RATE, FilmSound
from server.live.pictures import I420, to_rgb
from transfer.output.pictures_out import Mp4Out

logger = logging.getLogger(__name__)

FPS = 30.0
QUEUED = 8
"""Pictures that may wait to be written; more are left out, and counted."""
MOST_BYTES = 64_000_000
"""Memory for the last seconds, however large the pictures are."""
JPEG_QUALITY = 88
T = TypeVar("T")


class FilmTape:
    """Takes pictures from the live thread and never holds it up; writes in a thread of its own."""

    def __init__(self, kept_seconds: float, most_seconds: float) -> None:
        """`kept_seconds`: always kept in memory, 0: none; `most_seconds`: longest recording."""
        self.beside = False
        """Whether the camera's picture stands beside the one that is shown."""
        self.dropped = 0
        """Pictures that a recording lacks."""
        self.error = ""
        """Why a recording ended too soon, in one sentence."""
        self.kept = 0.0
        """Seconds that `keep` would write."""
        self._kept_seconds, self._most = kept_seconds, most_seconds
        self._sound = FilmSound(kept_seconds)
        self._last: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._out: Mp4Out | None = None
        self._size = (0, 0)
        self._first = self._now = 0.0
        self._sounds = False
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(QUEUED)
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float | None:
        """How long the recording is; None when nothing is recorded."""
        return None if self._out is None else min(self._now - self._first, self._most)

    def hear(self, frame: Any) -> None:
        """A frame of the microphone (`av.AudioFrame`), as it arrives; called on the event loop."""
        self._sound.hear(frame)

    def take(self, shown: I420, camera: I420, time_s: float, arrival: float | None = None) -> None:
        """A picture that was shown, and the camera's; called in the live thread.

        `arrival`: when the camera's came (`time.perf_counter`), for the sound that goes with it.
        """
        if self._out is None and not self._kept_seconds:
            return
        try:
            self._work.put_nowait(lambda: self._take(shown, camera, time_s, arrival))
        except queue.Full:
            self.dropped += 1

    def begin(self, path: Path) -> Future[None]:
        """Record into this file from the next picture on."""
        return self._do(lambda: self._begin(path))

    def end(self) -> Future[bool]:
        """The recording's file is whole; False when there was no picture to record."""
        return self._do(self._end)

    def keep(self, path: Path) -> Future[bool]:
        """Write what was shown in the last seconds; False when there is nothing."""
        return self._do(lambda: self._keep(path))

    def close(self) -> None:
        """Finish the recording, if there is one, and end the thread. Blocks for a moment."""
        self._work.put(None)
        self._thread.join(10.0)

    def _do(self, work: Callable[[], T]) -> Future[T]:
        done: Future[T] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return  # Whoever ordered it is gone.
            try:
                done.set_result(work())
            except Exception as error:
                done.set_exception(error)

        self._work.put(run)
        return done

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
        self._end()

    def _take(self, shown: I420, camera: I420, time_s: float, arrival: float | None) -> None:
        if arrival is not None:
            self._sound.picture(time_s, arrival)
        rgb = to_rgb(shown)
        if self.beside:
            own = to_rgb(camera)
            width = round(own.shape[1] * rgb.shape[0] / own.shape[0]) // 2 * 2
            size = (width, rgb.shape[0])
            rgb = np.hstack([cv2.resize(own, size, interpolation=cv2.INTER_AREA), rgb])
        if self._out is None:
            self._remember(rgb, time_s)
        else:
            self._record(rgb, time_s)

    def _remember(self, rgb: Rgb, time_s: float) -> None:
        if self._last and time_s < self._last[-1][0]:
            self._forget()  # Another clock began.
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        self._last.append((time_s, data.tobytes()))
        self._bytes += len(data)
        while self._last and (
            time_s - self._last[0][0] > self._kept_seconds or self._bytes > MOST_BYTES
        ):
            self._bytes -= len(self._last.popleft()[1])
        self.kept = time_s - self._last[0][0] if self._last else 0.0

    def _forget(self) -> None:
        self._last.clear()
        self._bytes, self.kept = 0, 0.0

    def _open(self, path: Path) -> Mp4Out:
        """A new film, with sound when there is a microphone."""
        self._sounds = self._sound.on
        return Mp4Out(path, FPS, preset="ultrafast", sound_rate=RATE if self._sounds else None)

    def _begin(self, path: Path) -> None:
        self._end()
        self._forget()  # What is recorded is kept anyway.
        self._out, self._size = self._open(path).__enter__(), (0, 0)
        self.dropped, self.error = 0, ""

    def _record(self, rgb: Rgb, time_s: float) -> None:
        assert self._out is not None
        if self._size == (0, 0):
            self._first = self._now = time_s
            self._size = (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2)
        elif time_s <= self._now:
            return  # Another clock began: the film's goes on.
        self._now = time_s
        if time_s - self._first > self._most:
            return
        try:
            # Another performer has another size, a film has one.
            self._out.write(fitted(rgb, self._size), time_s - self._first)
            if self._sounds:
                for begin, samples in self._sound.since(self._first, forget=True):
                    self._out.write_sound(samples, begin)
        except (CaptureError, OSError, ValueError) as error:
            self.error = str(error)
            self._abandon()

    def _end(self) -> bool:
        out, self._out = self._out, None
        if out is None:
            return False
        shown = self._size != (0, 0)
        # As `with` ends: the file appears, or nothing is left of it.
        out.__exit__(None if shown else CaptureError)
        return shown

    def _abandon(self) -> None:
        out, self._out = self._out, None
        if out is not None:
            out.__exit__(CaptureError)

    def _keep(self, path: Path) -> bool:
        if not self._last:
            return False
        first = self._last[0][0]
        size: tuple[int, int] | None = None
        sound = deque(self._sound.since(first))
        with self._open(path) as out:
            for time_s, data in list(self._last):
                bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                assert bgr is not None
                rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                size = size or (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2)
                out.write(fitted(np.asarray(rgb, np.uint8), size), time_s - first)
                while self._sounds and sound and sound[0][0] <= time_s - first:
                    begin, samples = sound.popleft()
                    out.write_sound(samples, begin)
        return True
