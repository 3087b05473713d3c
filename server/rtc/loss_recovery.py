"""Missing packets of one video stream: asked for again until they come or are of no use."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from server.rtc.frame_buffer import MOST_BEFORE_FIRST
from server.rtc.numbers import unwrap

GIVE_UP_SECONDS = 0.35
"""A packet that is missing for so long is not waited for any more."""
MOST_QUEUE_SECONDS = 0.9
FULL_SECONDS = 0.15
"""Where more than this waits in the line, an answer may come as late as it likes."""
MOST_PATIENCE_SECONDS = 0.05
"""A packet may be late by so much before it is asked for."""
RATE_SECONDS = 0.5
"""Over which it is measured what the line brings."""
MOST_MISSING = 400
"""A longer gap is no loss but an interruption."""


@dataclass(slots=True)
class _Missing:
    noticed: float
    asked: float | None = None


class LossRecovery:
    """Numbers of packets go in, numbers to ask for come out; `now` is in seconds."""

    def __init__(self) -> None:
        self.missing: dict[int, _Missing] = {}
        """By number, unwrapped."""
        self.patience = 0.0
        """Seconds that packets were late of late, without being lost."""
        self.asked = 0
        """Requests so far, each packet counted each time."""
        self._newest: int | None = None
        self._oldest = 0
        self._lost: deque[float] = deque(maxlen=1000)
        self._sizes: deque[tuple[float, int]] = deque()

    def received(
        self, number: int, size: int, now: float, again: bool = False, begun: bool = True
    ) -> None:
        """A packet came (16 bits, bytes); `again`: it was sent again.

        `begun`: the first frame is complete; before that the first packet to come need not be the
        first that was sent, and what lies between an earlier one and it is missing, too.
        """
        self._sizes.append((now, size))
        while now - self._sizes[0][0] > RATE_SECONDS:
            self._sizes.popleft()
        self.patience *= 0.9998
        if self._newest is None:
            self._newest = self._oldest = number
            return
        full = unwrap(number, self._newest)
        if full > self._newest:
            if full - self._newest <= MOST_MISSING:
                for lost in range(self._newest + 1, full):
                    self.missing[lost] = _Missing(now)
            else:
                self.missing[full - 1] = _Missing(now - GIVE_UP_SECONDS - MOST_QUEUE_SECONDS)
            self._newest = full
            return
        if not begun and 0 < self._oldest - full <= MOST_BEFORE_FIRST:
            for lost in range(full + 1, self._oldest):
                self.missing[lost] = _Missing(now)
            self._oldest = full
        found = self.missing.pop(full, None)
        if found is not None and not again:
            late = now - found.noticed + 0.003
            self.patience = min(MOST_PATIENCE_SECONDS, max(self.patience, late))

    def loss(self, now: float) -> float:
        """Share of the packets of the last half second that were asked for, 0..1."""
        while self._lost and now - self._lost[0] > RATE_SECONDS:
            self._lost.popleft()
        return len(self._lost) / max(1, len(self._lost) + len(self._sizes))

    def due(self, now: float, round_trip: float) -> list[int]:
        """Numbers (16 bits, rising) to ask for now: each once a round trip."""
        pause = max(0.03, round_trip + 0.01)
        numbers = []
        for number, one in self.missing.items():
            late = now - one.noticed >= self.patience
            if late and one.asked is None:
                self._lost.append(now)
            if late and (one.asked is None or now - one.asked >= pause):
                one.asked = now
                numbers.append(number)
        self.asked += len(numbers)
        return [number & 0xFFFF for number in sorted(numbers)]

    def hopeless(self, now: float, queue: float = 0.0) -> bool:
        """Whether to go on with a key frame: one is missing too long, or more than the line brings.

        `queue`: seconds that what comes now waited in the browser's line. What is sent again waits
        as long, and longer while the queue grows; a key frame would wait behind it.

        A browser sends again before it sends anew: asked for too much, it would send nothing new
        for many seconds.
        """
        patience = GIVE_UP_SECONDS + (MOST_QUEUE_SECONDS if queue > FULL_SECONDS else 0.0)
        if any(now - one.noticed >= patience for one in self.missing.values()):
            return True
        bytes_a_second = sum(size for _, size in self._sizes) / RATE_SECONDS
        return len(self.missing) * 1200 > max(GIVE_UP_SECONDS * bytes_a_second, 6000)

    def forget(self, until: int | None = None) -> None:
        """Wait no longer for what comes before `until` (16 bits), or for anything."""
        if until is None or self._newest is None:
            self.missing.clear()
            return
        first = unwrap(until, self._newest)
        self.missing = {number: one for number, one in self.missing.items() if number >= first}

    @property
    def newest(self) -> int | None:
        """The newest number that came, 16 bits."""
        return None if self._newest is None else self._newest & 0xFFFF
