"""How often something may happen."""

from __future__ import annotations

import time
from collections import deque


class RateLimit:
    """So many events in so many seconds for each key (an address)."""

    def __init__(self, events: int, seconds: float) -> None:
        self._events, self._seconds = events, seconds
        self._times: dict[str, deque[float]] = {}

    def allows(self, key: str, count: bool = True) -> bool:
        """Whether one more is allowed now; it is counted if `count`."""
        now = time.monotonic()
        for other in [k for k, t in self._times.items() if t[-1] < now - self._seconds]:
            del self._times[other]
        times = self._times.get(key)
        while times and times[0] < now - self._seconds:
            times.popleft()
        if times is not None and len(times) >= self._events:
            return False
        if count:
            self._times.setdefault(key, deque()).append(now)
        return True
