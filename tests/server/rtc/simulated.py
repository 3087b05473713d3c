"""A call over a simulated line: no sockets, no waiting, the same packets each time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from bench.network.lines import HEADER_BYTES, Line, Pipe
from server.rtc.downlink import OVERHEAD_BYTES, Downlink
from server.rtc.transport_feedback import ArrivalLog, parse

FPS = 30
PACKET_BYTES = 1200
CLOCKS_APART = 12_345.678
"""The receiver's clock is ahead by so much."""


@dataclass
class Second:
    """What happened in one second."""

    target_bps: float
    delivered_bps: float
    delays: list[float] = field(default_factory=list)
    """Of the packets that arrived, seconds."""


@dataclass
class Sender:
    """A sender of pictures that follows its `Downlink`; feedback comes back over a free line."""

    downlink: Downlink
    most_bps: float
    seed: int = 1
    log: ArrivalLog = field(default_factory=ArrivalLog)
    seconds: list[Second] = field(default_factory=list)
    fps: int = FPS
    sequence: int = 65_000
    """Wraps soon."""

    def picture(self, now: float, pipe: Pipe, events: list) -> None:
        if not self.downlink.may_send(now):
            return
        left = int(min(self.downlink.encoder_bps, self.most_bps) / 8 / self.fps)
        while left > 0:
            size = min(left, PACKET_BYTES)
            left -= size
            number = self.downlink.packets.next_number()
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.downlink.sent(number, size, self.sequence, now)
            arrival = pipe.arrival(size + OVERHEAD_BYTES - HEADER_BYTES, now)
            if arrival is not None:
                heapq.heappush(events, (arrival, len(events), self, number, now, size))

    def arrived(self, number: int, now: float, sent: float, size: int) -> None:
        self.log.received(number, 1, now + CLOCKS_APART)
        self.seconds[-1].delivered_bps += 8 * size
        self.seconds[-1].delays.append(now - sent)


class Call:
    """One or several senders on one line."""

    def __init__(self, line: Line, senders: int = 1, most_bps: float = 3e6, start_bps: float = 1e6):
        self.pipe = Pipe(line, up=False, seed=7)
        self.now = 100.0
        self.senders = [
            Sender(Downlink(1.4 * most_bps, self.now), most_bps) for _ in range(senders)
        ]
        for sender in self.senders:
            sender.downlink.rate.start(start_bps)
        self._events: list = []
        self._told: list = []
        self.other_bps = 0.0
        """Of a competing flow that does not yield."""
        self._tick = 0

    def run(self, seconds: int, line: Line | None = None) -> list[Second]:
        """So long on this line; what the first sender saw, second by second."""
        if line is not None:
            self.pipe.line = line
        first = len(self.senders[0].seconds)
        for _ in range(seconds):
            for sender in self.senders:
                sender.seconds.append(Second(sender.downlink.rate.target_bps, 0.0))
            for _ in range(100):
                self._step()
        return self.senders[0].seconds[first:]

    def _step(self) -> None:
        """A hundredth of a second."""
        self._tick += 1
        self.now += 0.01
        if self.other_bps:
            self.pipe.arrival(int(self.other_bps / 800) - HEADER_BYTES, self.now)
        for place, sender in enumerate(self.senders):
            if (self._tick * sender.fps + 37 * place) // 100 != (
                (self._tick - 1) * sender.fps + 37 * place
            ) // 100:
                sender.picture(self.now, self.pipe, self._events)
        while self._events and self._events[0][0] <= self.now:
            at, _, sender, number, sent, size = heapq.heappop(self._events)
            sender.arrived(number, at, sent, size)
        while self._told and self._told[0][0] <= self.now:
            _, sender, packets = self._told.pop(0)
            for packet in packets:
                sender.downlink.feedback(parse(packet), self.now)
        if self._tick % 5 == 0:
            for sender in self.senders:
                packets = sender.log.feedback(2, self.now + CLOCKS_APART)
                back = self.now + self.pipe.line.delay_ms / 1000
                self._told.append((back, sender, packets))
