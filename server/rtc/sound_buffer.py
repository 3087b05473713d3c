"""Packets of one sound stream in, the same in order out; one that is lost takes no other along."""

from __future__ import annotations

import heapq

from server.rtc.frame_buffer import Frame, Packet
from server.rtc.numbers import unwrap

HELD = 4
"""Packets that are held back, so that those that come in another order are put right."""
MOST_LATE = 100
"""Packets; when a number lies farther back, another stream began."""


class SoundBuffer:
    """Each packet of Opus is a frame (RFC 7587, section 4.2)."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int, bytes]] = []
        self._newest: int | None = None
        self._given = -1

    def add(self, packet: Packet) -> Frame | None:
        """Take a packet; the next frame, if it is time for one."""
        number = packet.sequence_number
        if self._newest is not None:
            number = unwrap(number, self._newest)
        if self._newest is None or number < self._newest - MOST_LATE:
            self._held.clear()
            self._newest, self._given = number, number - 1 - HELD
        if number <= self._given or any(number == held for held, _, _ in self._held):
            return None
        self._newest = max(self._newest, number)
        heapq.heappush(self._held, (number, packet.timestamp, packet._data))
        if len(self._held) <= HELD:
            return None
        self._given, timestamp, data = heapq.heappop(self._held)
        return Frame(data, timestamp)
