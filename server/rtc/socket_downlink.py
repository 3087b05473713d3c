"""The way to a browser over TCP, where whole pictures are acknowledged: nothing queues up."""

from __future__ import annotations

import math
from collections import deque

from server.rtc.downlink import GATE_SECONDS, LATE_SECONDS, LEAST_BPS, TRY_SECONDS, UNKNOWN_BPS
from server.rtc.rate_controller import RateController
from server.rtc.sent_packets import Delivery

SHARE = 0.9
"""Of the rate, what is left to the encoder."""


class SocketDownlink:
    """To the live thread what `Downlink` is; `now` in seconds of one clock that only rises."""

    def __init__(self, most_bps: float) -> None:
        self.rate = RateController(UNKNOWN_BPS, LEAST_BPS, most_bps)
        self.skipped = 0
        """Pictures that were not encoded because others were still under way."""
        self.round_trip = 0.1
        self._waiting: dict[int, tuple[float, int]] = {}
        self._round_trips: deque[tuple[float, float]] = deque()
        self._tried = -math.inf

    def sent(self, number: int, size: int, now: float) -> None:
        """A picture of so many bytes is on its way."""
        self._waiting[number] = (now, size)

    def acknowledged(self, number: int, now: float) -> None:
        """The browser has a picture, and with it all before; any other number says nothing."""
        if number not in self._waiting:
            return
        arrived = []
        for one in [one for one in self._waiting if one <= number]:
            at, size = self._waiting.pop(one)
            arrived.append(Delivery(at, now, size))
        self._round_trips.append((now, now - arrived[-1].sent))
        while now - self._round_trips[0][0] > 10:
            self._round_trips.popleft()
        self.round_trip = min(seconds for _, seconds in self._round_trips)
        self.rate.feedback(arrived, 0, now, self.round_trip)

    @property
    def encoder_bps(self) -> float:
        """Bits a second for the encoder."""
        return SHARE * self.rate.target_bps

    def may_send(self, now: float) -> bool:
        """Whether another picture may be encoded now; if not, it is counted."""
        waiting = list(self._waiting.values())
        if waiting:
            late = now - waiting[0][0] - self.round_trip > LATE_SECONDS
            queue = sum(size for _, size in waiting) * 8 / self.rate.target_bps - self.round_trip
            if queue > GATE_SECONDS or (late and now - self._tried < TRY_SECONDS):
                self.skipped += 1
                return False
            if late:
                self._tried = now
        return True

    def flush_due(self, now: float) -> bool:
        """Never: TCP loses nothing."""
        return False

    def figures(self) -> dict[str, object]:
        """What the page shows of this way."""
        return {
            "target_kbps": round(self.rate.target_bps / 1000),
            "carried_kbps": round(self.rate.delivered_bps / 1000),
            "queue_ms": round(self.rate.queue * 1000),
            "round_trip_ms": round(self.round_trip * 1000),
            "loss": 0.0,
            "limited_by": self.rate.limited_by,
            "skipped": self.skipped,
            "sent_again": 0,
        }
