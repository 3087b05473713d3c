"""The track a browser plays: whatever the live thread made last, on a clock of its own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

MAX_WAITING = 30
"""Pictures that may wait for the sender (a second's worth) before all are given up."""


Picture: TypeAlias = "av.Packet[Any] | av.VideoFrame"
"""What a track may hand over: encoded already (Annex B), or for aiortc to encode."""


class OutputTrack(MediaStreamTrack):
    """Hands over pictures the moment they are ready; lives as long as its connection.

    The live thread repeats its last picture when nothing new came, so `recv` always returns.
    """

    kind = "video"

    def __init__(self, overflowed: Callable[[], None], sent: Callable[[float], None]) -> None:
        """`overflowed()`: pictures were given up, a key frame is needed.
        `sent(arrival)`: a picture made from the frame that came at `arrival` was handed over."""
        super().__init__()
        self._pictures: deque[tuple[Picture, float | None]] = deque()
        self._ready = asyncio.Event()
        self._overflowed = overflowed
        self._sent = sent
        self.handed_over = 0
        """Pictures given to the sender so far."""

    def push(self, picture: Picture, arrival: float | None) -> None:
        """Queue a picture; call it on the event loop.

        Encoded pictures all go out, in order; of raw ones only the newest. `arrival`: the
        `time.perf_counter()` at which its frame came in, None for a repeated picture.
        """
        if self.readyState != "live":
            return
        if isinstance(picture, av.VideoFrame):
            self._pictures.clear()
        elif len(self._pictures) >= MAX_WAITING:
            self._pictures.clear()
            self._overflowed()
            return
        self._pictures.append((picture, arrival))
        self._ready.set()

    async def recv(self) -> Picture:
        """The next picture, as soon as there is one."""
        while not self._pictures:
            if self.readyState != "live":
                raise MediaStreamError
            self._ready.clear()
            await self._ready.wait()
        picture, arrival = self._pictures.popleft()
        self.handed_over += 1
        if arrival is not None:
            self._sent(arrival)
        return picture

    def stop(self) -> None:
        """End the track and wake whoever waits in `recv`."""
        super().stop()
        self._pictures.clear()
        self._ready.set()


class MediaClock:
    """A monotonic clock of 90,000 ticks a second whose readings always rise."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._last = -1

    def ticks(self) -> int:
        """Ticks since the clock was made, at least one more than last time."""
        self._last = max(self._last + 1, int((time.monotonic() - self._start) * 90_000))
        return self._last
