"""What was sent and is not yet known to have arrived; feedback turns it into fates."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.rtc.numbers import unwrap
from server.rtc.transport_feedback import TICKS_PER_SECOND, PacketStatus

PATIENCE_SECONDS = 0.12
"""A packet is lost when one that was sent so much later has arrived; until then it is late."""
MOST_IN_FLIGHT = 4000


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet on its way."""

    at: float
    size: int
    """Bytes on the line."""
    media: int | None
    """RTP sequence number of what it carries; None: nothing of ours."""
    again: bool = False
    """It was sent before."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A packet that arrived."""

    sent: float
    """Seconds on our clock."""
    arrived: float
    """Seconds on the receiver's clock, which began at any time."""
    size: int
    media: int | None = None
    again: bool = False


@dataclass(slots=True)
class Fates:
    """What one feedback brought."""

    delivered: list[Delivery] = field(default_factory=list)
    lost: list[Sent] = field(default_factory=list)
    newest_sent: float | None = None
    """When the newest of the delivered was sent."""


class SentPackets:
    """Numbers packets, and finds them again in the feedback."""

    def __init__(self, first: int = 1) -> None:
        self._next = first & 0xFFFF
        self._flight: dict[int, Sent] = {}
        self._receiver_ticks: int | None = None

    def next_number(self) -> int:
        """The transport-wide number (16 bits) of the packet that leaves now."""
        number = self._next
        self._next = (number + 1) & 0xFFFF
        return number

    def sent(self, number: int, packet: Sent) -> None:
        """The packet with that number is on its way."""
        self._flight.pop(number, None)
        self._flight[number] = packet
        if len(self._flight) > MOST_IN_FLIGHT:
            del self._flight[next(iter(self._flight))]

    def feedback(self, statuses: list[PacketStatus]) -> Fates:
        """What that feedback says about packets under way; all else in it is passed over."""
        fates = Fates()
        for status in statuses:
            packet = self._flight.get(status.number)
            if packet is None or status.ticks is None:
                continue
            del self._flight[status.number]
            arrived = self._seconds(status.ticks)
            fates.delivered.append(
                Delivery(packet.at, arrived, packet.size, packet.media, packet.again)
            )
            fates.newest_sent = max(fates.newest_sent or packet.at, packet.at)
        if fates.newest_sent is not None:
            for number, packet in list(self._flight.items()):
                if packet.at > fates.newest_sent - PATIENCE_SECONDS:
                    break
                del self._flight[number]
                fates.lost.append(packet)
        return fates

    def _seconds(self, ticks: int) -> float:
        if self._receiver_ticks is not None:
            ticks = unwrap(ticks, self._receiver_ticks, bits=32)
        self._receiver_ticks = ticks
        return ticks / TICKS_PER_SECOND

    def waiting_since(self, confirmed: float) -> float | None:
        """When the oldest packet under way was sent that is newer than `confirmed`."""
        return next((one.at for one in self._flight.values() if one.at > confirmed), None)

    def bytes_since(self, confirmed: float) -> int:
        """Bytes under way that were sent after `confirmed`."""
        return sum(one.size for one in self._flight.values() if one.at > confirmed)
