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
"""Seconds by which sound comes later than the picture of the same moment: aiortc holds four packets
of 20 ms back, so that they come in order."""
RECENT_SECONDS = 1.0
"""A microphone that was heard within so long is on."""
DRIFT = 0.02
"""Pictures' times are smoothed by so much a second: some frames arrive later than others."""
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some sound and when its end arrived (`time.perf_counter`)."""

    arrival: float
    samples: Samples

    @property
    def begin(self) -> float:
        return self.arrival - len(self.samples) / RATE - LATE


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
        self._offset: tuple[float, float] | None = None

    def hear(self, frame: Any) -> None:
        """A frame of the microphone (`av.AudioFrame`), as it arrives."""
        now = time.perf_counter()
        frame.pts = None  # By its arrival, as the pictures.
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:  # A resampler takes one kind alone.
            self._kind, self._resampler = kind, AudioResampler("s16", "mono", RATE)
        for one in self._resampler.resample(frame):
            samples = np.asarray(one.to_ndarray().reshape(-1), np.int16)
            with self._lock:
                self._pieces.append(_Piece(now, samples))
                self._count += len(samples)
                self._heard = now
                while self._count > self._most:
                    self._count -= len(self._pieces.popleft().samples)

    @property
    def on(self) -> bool:
        """Whether a microphone is heard now."""
        return time.perf_counter() - self._heard < RECENT_SECONDS

    def picture(self, time_s: float, arrival: float) -> None:
        """A picture's time in the film, and when its frame arrived (`time.perf_counter`)."""
        offset = time_s - arrival
        if self._offset is not None:
            before, at = self._offset
            known = before - DRIFT * (arrival - at)
            # The frame that was least late tells; another clock began when it is far away.
            if abs(offset - known) < RECENT_SECONDS:
                offset = max(offset, known)
        self._offset = (offset, arrival)

    def since(self, first: float, forget: bool = False) -> list[tuple[float, Samples]]:
        """Sound from a time of the film on: seconds after that time, and samples.

        `forget`: it is not wanted again.
        """
        with self._lock:
            pieces = list(self._pieces)
            if forget:
                self._pieces.clear()
                self._count = 0
        if self._offset is None:
            return []
        placed = []
        for piece in pieces:
            begin = piece.begin + self._offset[0] - first
            early = max(0, round(-begin * RATE))
            if early < len(piece.samples):
                placed.append((max(begin, 0.0), piece.samples[early:]))
        return placed

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._pieces.clear()
            self._count = 0
