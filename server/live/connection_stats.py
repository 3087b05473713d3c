"""Bitrates of a connection, from what aiortc counted."""

from __future__ import annotations

import time

from aiortc import RTCPeerConnection


class Bitrates:
    """Of one connection, between one call and the next."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self._connection = connection
        self._last = (time.monotonic(), 0, 0)

    def since_last(self) -> tuple[int, int]:
        """kbit/s in and out."""
        sctp = self._connection.sctp
        report = sctp.transport._get_stats() if sctp else {}
        sent = sum(getattr(one, "bytesSent", 0) for one in report.values())
        received = sum(getattr(one, "bytesReceived", 0) for one in report.values())
        then, received_then, sent_then = self._last
        now = time.monotonic()
        self._last = (now, received, sent)
        per_kbit = 8 / 1000 / max(now - then, 0.001)
        return int((received - received_then) * per_kbit), int((sent - sent_then) * per_kbit)
