"""The newest-frame slot between the network and the analyser: live never waits."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class NewestSlot(Generic[T]):
    """Holds the newest; what a newer one pushes out is counted as dropped."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._items: deque[T] = deque()
        self._closed = False
        self.depth = 1
        """Items that may wait; more than one where all of them can be had in time."""
        self.received = 0
        """Items put in so far."""
        self.dropped = 0
        """Items that were replaced before anybody took them."""

    def put(self, item: T) -> None:
        """Never waits. Does nothing once closed."""
        with self._ready:
            if self._closed:
                return
            self.received += 1
            self._items.append(item)
            while len(self._items) > self.depth:
                self._items.popleft()
                self.dropped += 1
            self._ready.notify()

    def take(self, timeout: float) -> T | None:
        """The next item, or None when none came within `timeout` seconds or it is closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout)
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Wakes whoever waits; every later `take` gives None."""
        with self._ready:
            self._closed = True
            self._items.clear()
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed
