"""The microphone's sound of late, to be laid beside the pictures of a film."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

RATE = 48_000
"""Samples a second."""
LATE = 0.08
"""Seconds by which sound comes later than the picture of the same moment: `SoundBuffer` holds four
packets of 20 ms back, so that they come in order."""
RECENT_SECONDS = 1.0
"""A microphone that was heard within so long is on."""
DRIFT = 0.02
"""Times are smoothed by so much a second: some frames arrive later than others."""
Samples = NDArray[np.int16]


class _Clock:
    """A sender's clock beside ours, by what arrived least late."""

    def __init__(self) -> None:
        self.ahead: float | None = None
        """Seconds by which the sender's clock is ahead of `time.perf_counter`; None: not known."""
        self._at = 0.0

    def note(self, time_s: float, arrival: float) -> float:
        """What was made at that time of the sender's clock arrived now; how far it is ahead."""
        ahead = time_s - arrival
        if self.ahead is not None:
            known = self.ahead - DRIFT * (arrival - self._at)
            # Another clock began when it is far away.
            if abs(ahead - known) < RECENT_SECONDS:
                ahead = max(ahead, known)
        self.ahead, self._at = ahead, arrival
        return ahead


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some sound and when it was made (`time.perf_counter`)."""

    begin: float
    samples: Samples


class FilmSound:
    """`hear` is called on the event loop, the rest in the film's thread."""

    def __init__(self, kept_seconds: float) -> None:
        """`kept_seconds`: so much is kept in memory."""
        self._most = round((kept_seconds + RECENT_SECONDS) * RATE)
        self._pieces: deque[_Piece] = deque()
        self._count = 0
        self._lock = threading.Lock()
        self._resampler = AudioResampler("s16", "mono", RATE)
        self._kind: tuple[str, str, int] | None = None
        self._heard = -np.inf
        self._microphone, self._pictures = _Clock(), _Clock()

    def hear(self, frame: Any) -> None:
        """A frame of the microphone (`av.AudioFrame`), as it arrives."""
        now = time.perf_counter()
        end = self._end(frame, now)
        frame.pts = None  # The resampler would fill gaps.
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:  # A resampler takes one kind alone.
            self._kind, self._resampler = kind, AudioResampler("s16", "mono", RATE)
        for one in self._resampler.resample(frame):
            samples = np.asarray(one.to_ndarray().reshape(-1), np.int16)
            with self._lock:
                self._pieces.append(_Piece(end - len(samples) / RATE - LATE, samples))
                self._count += len(samples)
                self._heard = now
                while self._count > self._most:
                    self._count -= len(self._pieces.popleft().samples)

    def _end(self, frame: Any, now: float) -> float:
        """When it would have arrived if nothing had held it up: several may arrive at once."""
        if frame.pts is None:
            return now
        made = float(frame.pts * frame.time_base) + float(frame.samples / frame.sample_rate)
        return made - self._microphone.note(made, now)

    @property
    def on(self) -> bool:
        """Whether a microphone is heard now."""
        return time.perf_counter() - self._heard < RECENT_SECONDS

    def picture(self, time_s: float, arrival: float) -> None:
        """A picture's time in the film, and when its frame arrived (`time.perf_counter`)."""
        self._pictures.note(time_s, arrival)

    def since(self, first: float, forget: bool = False) -> list[tuple[float, Samples]]:
        """Sound from a time of the film on: seconds after that time, and samples.

        `forget`: it is not wanted again.
        """
        with self._lock:
            pieces = list(self._pieces)
            if forget:
                self._pieces.clear()
                self._count = 0
        if self._pictures.ahead is None:
            return []
        placed = []
        for piece in pieces:
            begin = piece.begin + self._pictures.ahead - first
            early = max(0, round(-begin * RATE))
            if early < len(piece.samples):
                placed.append((max(begin, 0.0), piece.samples[early:]))
        return placed

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._pieces.clear()
            self._count = 0
