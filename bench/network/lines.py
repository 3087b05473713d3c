"""Named lines: what a relay does to the packets that cross it."""

from __future__ import annotations

import random
from dataclasses import dataclass

HEADER_BYTES = 28
"""IPv4 and UDP headers, which a line carries too."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, the same in both directions unless `up_kbps` is given."""

    kbps: int
    """Rate in kbit/s; 0: nothing gets through."""
    delay_ms: float
    """One way."""
    loss: float = 0.0
    """Share of the datagrams lost at random, 0..1."""
    jitter_ms: float = 0.0
    """Each datagram is early or late by up to half of it: they overtake each other."""
    queue_ms: float = 1000.0
    """What waits longer than this is dropped at its arrival (a home router keeps about 1 s)."""
    udp: bool = True
    """False: a firewall keeps UDP out, TCP passes."""
    up_kbps: int | None = None
    """From the browser to the server, where that differs."""

    def describe(self) -> str:
        """A few words for a table."""
        rate = f"{self.kbps / 1000:g}"
        if self.up_kbps is not None:
            rate += f" / {self.up_kbps / 1000:g}"
        words = [f"{rate} Mbit/s", f"{self.delay_ms:g} ms"]
        if self.loss:
            words.append(f"{self.loss * 100:g} % loss")
        if self.jitter_ms:
            words.append(f"{self.jitter_ms:g} ms jitter")
        if self.queue_ms != 1000:
            words.append(f"{self.queue_ms:g} ms queue")
        if not self.udp:
            words.append("no UDP")
        return "cut" if self.kbps == 0 else ", ".join(words)


LINES: dict[str, Line] = {
    "free": Line(100_000, 1),
    "wifi": Line(40_000, 5, loss=0.005, jitter_ms=10),
    "venue": Line(3_000, 25, loss=0.02, jitter_ms=20, queue_ms=500),
    "mobile": Line(8_000, 50, loss=0.005, jitter_ms=20, up_kbps=2_000),
    "thin": Line(300, 30),
    "narrow-5": Line(5_000, 30),
    "narrow-2": Line(2_000, 30),
    "narrow-1": Line(1_000, 30, loss=0.01),
    "loss-1": Line(100_000, 10, loss=0.01),
    "loss-5": Line(100_000, 10, loss=0.05),
    "jitter": Line(20_000, 20, jitter_ms=30),
    "short-queue": Line(3_000, 20, queue_ms=60),
    "cut": Line(0, 0),
    "no-udp": Line(5_000, 30, udp=False),
}
"""What `bench --network` and the tests measure on."""


class Pipe:
    """One direction of a line: when does a datagram come out at the other end?"""

    def __init__(self, line: Line, up: bool, seed: int | None = None) -> None:
        self._up = up
        self._random = random.Random(seed)
        self._free_at = 0.0
        self.line = line

    @property
    def line(self) -> Line:
        """May be replaced at any time; what is under way stays under way."""
        return self._line

    @line.setter
    def line(self, line: Line) -> None:
        self._line = line
        kbps = line.up_kbps if self._up and line.up_kbps is not None else line.kbps
        self._bps = kbps * 1000.0

    def waiting(self, now: float) -> float:
        """Seconds that a datagram given now would wait for its turn."""
        return max(0.0, self._free_at - now)

    def full_for(self, now: float) -> float:
        """Seconds until the queue takes more."""
        if not self._bps:
            return 0.02
        return max(0.0, self.waiting(now) - self._line.queue_ms / 1000)

    def arrival(self, size: int, now: float) -> float | None:
        """When `size` bytes given at `now` (seconds) arrive; None: they never do."""
        line = self._line
        if not self._bps or self.waiting(now) > line.queue_ms / 1000:
            return None
        self._free_at = max(now, self._free_at) + (size + HEADER_BYTES) * 8 / self._bps
        if self._random.random() < line.loss:
            return None
        jitter = self._random.uniform(-0.5, 0.5) * line.jitter_ms
        return self._free_at + max(0.0, line.delay_ms + jitter) / 1000

    def arrival_in_order(self, size: int, now: float) -> float:
        """The same for a piece of a TCP stream, which loses nothing and keeps its order."""
        self._free_at = max(now, self._free_at) + (size + HEADER_BYTES) * 8 / max(self._bps, 1.0)
        return self._free_at + self._line.delay_ms / 1000
