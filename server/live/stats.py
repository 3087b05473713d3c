"""Live figures: rates, milliseconds a stage, in-to-out times."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np

WINDOW_SECONDS = 2.0
"""Over which rates and percentiles are taken."""


class Rate:
    """Events a second over the last `WINDOW_SECONDS`."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=1000)

    def add(self, now: float) -> None:
        """One event at `now` (`time.perf_counter()`)."""
        self._times.append(now)

    def per_second(self, now: float) -> float:
        """Events a second."""
        while self._times and self._times[0] < now - WINDOW_SECONDS:
            self._times.popleft()
        return len(self._times) / WINDOW_SECONDS


class LiveStats:
    """What one session measured. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received, self._analysed, self._sent = Rate(), Rate(), Rate()
        self._stages: dict[str, float] = {}
        self._in_out: deque[tuple[float, float]] = deque(maxlen=1000)

    def frame_received(self) -> None:
        """A frame came from the browser."""
        with self._lock:
            self._received.add(time.perf_counter())

    def frame_analysed(self, timings: dict[str, float]) -> None:
        """A frame went through; `timings` are milliseconds a stage, smoothed over ten frames."""
        with self._lock:
            self._analysed.add(time.perf_counter())
            before = self._stages
            self._stages = {
                stage: 0.9 * before.get(stage, milliseconds) + 0.1 * milliseconds
                for stage, milliseconds in timings.items()
            }

    def picture_sent(self, arrival: float) -> None:
        """A picture left whose frame had come at `arrival` (`time.perf_counter()`)."""
        now = time.perf_counter()
        with self._lock:
            self._sent.add(now)
            self._in_out.append((now, (now - arrival) * 1000))

    def snapshot(self) -> dict[str, object]:
        """The contract's `stats`, as far as they are measured here."""
        now = time.perf_counter()
        with self._lock:
            while self._in_out and self._in_out[0][0] < now - WINDOW_SECONDS:
                self._in_out.popleft()
            delays = [milliseconds for _, milliseconds in self._in_out]
            p50, p95 = np.percentile(delays, (50, 95)) if delays else (0.0, 0.0)
            return {
                "fps_in": round(self._received.per_second(now), 1),
                "fps_analysed": round(self._analysed.per_second(now), 1),
                "fps_out": round(self._sent.per_second(now), 1),
                "stages": {name: round(ms, 2) for name, ms in self._stages.items()},
                "in_out_ms": {"p50": round(float(p50), 1), "p95": round(float(p95), 1)},
            }
