"""How long what comes from a browser waited in its line, feedback among it.

A late word about our packets means a full line down only when it did not wait in the line up.
"""

from __future__ import annotations

import math

from server.rtc.numbers import unwrap
from server.rtc.rate_controller import Lateness
from server.rtc.sent_packets import Delivery

ABS_SEND_TIME_BITS, ABS_SEND_TIME_PER_SECOND = 24, 1 << 18
"""Of the time that browsers write into their packets (abs-send-time)."""
LOOK_SECONDS = 0.05
MOST_SECONDS = 1.5
"""Nobody's queue is longer; a browser may write any time."""


class UplinkQueue:
    """Times of sending go in, `seconds` come out."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """What stands in the line, as far as was seen."""
        self._lateness = Lateness()
        self._sent: int | None = None
        self._looked = -math.inf

    def received(self, abs_send_time: int, size: int, now: float) -> None:
        """A packet came (24 bits of 1/2^18 s, bytes)."""
        near = abs_send_time if self._sent is None else self._sent
        self._sent = unwrap(abs_send_time, near, ABS_SEND_TIME_BITS)
        self._lateness.add(Delivery(self._sent / ABS_SEND_TIME_PER_SECOND, now, size), now)
        if 0 <= now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self._lateness.forget(now)
        self.seconds = min(self._lateness.queue(), MOST_SECONDS)
