"""REMB for browsers without transport-wide feedback (draft-alvestrand-rmcat-remb-03).

aiortc's own estimator takes every key frame for a jam; ours is the same controller as for what we
send, fed with the times that the browser writes into its packets (abs-send-time).
"""

from __future__ import annotations

from server.rtc.numbers import unwrap
from server.rtc.rate_controller import RateController
from server.rtc.sent_packets import Delivery
from server.rtc.uplink_queue import ABS_SEND_TIME_BITS, ABS_SEND_TIME_PER_SECOND

FEED_SECONDS = 0.1
TELL_SECONDS = 0.25


class RembEstimator:
    """Takes the place of aiortc's `RemoteBitrateEstimator`."""

    def __init__(self, start_bps: float, least_bps: float, most_bps: float) -> None:
        self._rate = RateController(start_bps, least_bps, most_bps)
        self._sent: int | None = None
        self._waiting: list[Delivery] = []
        self._fed = self._told = 0.0
        self._told_bps = 0.0

    def add(
        self, arrival_time_ms: int, abs_send_time: int, payload_size: int, ssrc: int
    ) -> tuple[int, list[int]] | None:
        """A packet came; now and then the bits a second to ask for, and of whom."""
        near = abs_send_time if self._sent is None else self._sent
        self._sent = unwrap(abs_send_time, near, ABS_SEND_TIME_BITS)
        now = arrival_time_ms / 1000
        sent = self._sent / ABS_SEND_TIME_PER_SECOND
        self._waiting.append(Delivery(sent, now, payload_size))
        if 0 <= now - self._fed < FEED_SECONDS:
            return None
        self._fed = now
        self._rate.feedback(self._waiting, 0, now, 0.1)
        self._waiting = []
        bps = self._rate.target_bps
        if 0 <= now - self._told < TELL_SECONDS and bps > 0.97 * self._told_bps:
            return None
        self._told, self._told_bps = now, bps
        return int(bps), [ssrc]
