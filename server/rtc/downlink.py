"""All that is known of the way to one browser: its rate, its queue, and what may still be sent."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from typing import TypeVar

from server.rtc.rate_controller import RateController
from server.rtc.sent_packets import Sent, SentPackets
from server.rtc.transport_feedback import PacketStatus
from server.rtc.uplink_queue import UplinkQueue

LEAST_BPS = 100_000
UNKNOWN_BPS = 1_000_000
"""Until the page's first packets have shown what the line carries."""
GATE_SECONDS = 0.1
"""More than this may not wait in the line."""
LOOK_AGAIN_SECONDS = 0.06
MOSTLY_LATE = 0.3
"""Share of the missed packets that were only late, from which on we wait and look again."""
LATE_SECONDS = 0.25
"""Without a word about a packet for so long beyond the round trip, the line is full or dead."""
TRY_SECONDS = 0.5
"""A dead line gets a picture so often, to be found alive again."""
HISTORY = 1024
"""Packets that can be sent again: 3 s at 3 Mbit/s."""
KEEP_SECONDS = 1.0
"""An older packet is of no use to anybody, beyond the time that the request for it waited."""
OVERHEAD_BYTES = 38
"""IP, UDP and SRTP, on every packet."""
PAYLOAD_SHARE = 0.94
"""Of the rate, what is left to the encoder after headers."""


class FirstPackets:
    """The rate at which the first packets of a browser came in: what its line carries at least.

    Packets are sent in bursts, each faster than the line may be: time without any does not count.
    """

    SECONDS = 0.4
    PAUSE = 0.015

    def __init__(self) -> None:
        self._began: float | None = None
        self._last = 0.0
        self._busy = 0.0
        self._bytes = 0

    def add(self, size: int, now: float) -> float | None:
        """A packet of `size` bytes came; bits a second once they are known, once."""
        if self._began is None:
            self._began = self._last = now
            return None
        if now - self._last < self.PAUSE:
            self._busy += now - self._last
            self._bytes += size
        self._last = now
        if now - self._began < self.SECONDS or self._bytes < 10_000:
            return None
        return self._bytes * 8 / max(self._busy, 1e-3)


class Downlink:
    """Fed on the event loop; `may_send` and the figures may be read in any thread.

    `now` is always seconds of one clock that only rises.
    """

    def __init__(self, most_bps: float, now: float) -> None:
        self.rate = RateController(UNKNOWN_BPS, LEAST_BPS, most_bps)
        self.packets = SentPackets()
        self.uplink = UplinkQueue()
        self.round_trip = 0.1
        """Seconds, the least of the last ten."""
        self.latest_round_trip = 0.1
        """Seconds, with whatever waits in the line now."""
        self.skipped = 0
        """Pictures that were not encoded because the line was full."""
        self.sent_again = 0
        """Packets that were sent more than once."""
        self._first: FirstPackets | None = FirstPackets()
        self._feedback_seen = False
        self._interval = 0.1
        self._heard = self._confirmed = now
        self._waiting_since: float | None = None
        self._bytes_since = 0
        self._round_trips: deque[tuple[float, float]] = deque()
        self._again: deque[tuple[float, int]] = deque()
        self._answered: OrderedDict[int, float] = OrderedDict()
        self._arrived: OrderedDict[int, None] = OrderedDict()
        self._media: OrderedDict[int, float] = OrderedDict()
        self._late_share = 0.0
        self._closed_since: float | None = None
        self._tried = -math.inf
        self._flushed = -math.inf
        self._given_up = False

    # What happens, on the event loop

    def received(self, size: int, now: float) -> None:
        """A packet came from the browser."""
        if self._first is None:
            return
        found = self._first.add(size, now)
        if found is not None or self._feedback_seen:
            self._first = None
        if found is not None:
            self.rate.start(found)

    def sent(
        self, number: int, size: int, media: int | None, now: float, again: bool = False
    ) -> None:
        """A packet of `size` bytes leaves; `media`: RTP sequence number of what it carries."""
        size += OVERHEAD_BYTES
        self.packets.sent(number, Sent(now, size, media, again))
        self._bytes_since += size
        if self._waiting_since is None:
            self._waiting_since = now
        if again:
            self.sent_again += 1
            self._again.append((now, size))
        if again or media is None:
            return
        self._arrived.pop(media, None)
        self._answered.pop(media, None)
        _remember(self._media, media, now, HISTORY)

    def feedback(self, statuses: list[PacketStatus], now: float) -> None:
        """The browser tells what arrived."""
        fates = self.packets.feedback(statuses)
        if fates.newest_sent is None:
            return
        self._feedback_seen = True
        self._interval += 0.1 * (min(now - self._heard, 0.5) - self._interval)
        self._heard = now
        self._confirmed = max(self._confirmed, fates.newest_sent)
        for packet in fates.delivered:
            if packet.media is None:
                continue
            if not packet.again and packet.media in self._answered:
                self._learn(late=True)
            elif packet.again and packet.media not in self._arrived:
                self._learn(late=False)
            _remember(self._arrived, packet.media, None, 2 * HISTORY)
        self._waiting_since = self.packets.waiting_since(self._confirmed)
        self._bytes_since = self.packets.bytes_since(self._confirmed)
        self.latest_round_trip = max(0.0, now - fates.newest_sent)
        self._round_trips.append((now, self.latest_round_trip))
        while now - self._round_trips[0][0] > 10:
            self._round_trips.popleft()
        self.round_trip = min(seconds for _, seconds in self._round_trips)
        self.rate.feedback(fates.delivered, len(fates.lost), now, self.round_trip)

    def estimate(self, bps: float) -> None:
        """A browser without transport-wide feedback says what it can take (REMB)."""
        if not self._feedback_seen and math.isfinite(bps):
            self._first = None
            self.rate.start(bps)

    def reported_loss(self, share: float) -> None:
        """A browser without transport-wide feedback reports its loss, 0..1 (RTCP receiver report).

        The loss-based controller of draft-ietf-rmcat-gcc-02, section 6.
        """
        if self._feedback_seen:
            return
        if share > 0.1:
            self.rate.start(self.rate.target_bps * (1 - 0.5 * share))
        elif share < 0.02:
            self.rate.start(1.05 * self.rate.target_bps)

    def asked_again(self, media: int, now: float, waited: bool = False) -> float | None:
        """The browser misses that packet: seconds after which to send it again or ask here again.

        0: send it now. None: never, because it has arrived meanwhile, is too old, or was sent again
        less than a round trip ago. Where most of what is missed is only late, it is looked at once
        more (`waited`) after the next feedback.
        """
        sent = self._media.get(media)
        if sent is None or sent < self._flushed:
            return None
        if media in self._arrived:
            if waited:
                self._learn(late=True)
            return None
        if now - sent > KEEP_SECONDS + self.uplink.seconds:
            self._given_up = True
            return None
        if now - self._answered.get(media, -math.inf) < max(self.latest_round_trip, 0.03):
            return None
        if self._late_share > MOSTLY_LATE and not waited:
            return LOOK_AGAIN_SECONDS
        _remember(self._answered, media, now, HISTORY)
        return 0.0

    def _learn(self, late: bool) -> None:
        """A packet that was missed was late, or it was lost."""
        self._late_share += 0.05 * (late - self._late_share)

    # What follows from it, in any thread

    def figures(self) -> dict[str, object]:
        """What the page shows of this way."""
        rate = self.rate
        return {
            "target_kbps": round(rate.target_bps / 1000),
            "carried_kbps": round(rate.delivered_bps / 1000),
            "queue_ms": round(rate.queue * 1000),
            "round_trip_ms": round(self.round_trip * 1000) if self._feedback_seen else None,
            "loss": round(rate.loss, 3),
            "limited_by": rate.limited_by,
            "skipped": self.skipped,
            "sent_again": self.sent_again,
        }

    @property
    def encoder_bps(self) -> float:
        """Bits a second for the encoder: less what is sent again, half of the rate at least."""
        again = sum(size for _, size in list(self._again)) * 8
        target = self.rate.target_bps
        return PAYLOAD_SHARE * max(target - again, 0.5 * target)

    def waiting(self, now: float) -> float:
        """Seconds of packets that wait in the line, as far as can be told."""
        carried = max(self.rate.delivered_bps, self.rate.target_bps, LEAST_BPS)
        since = now - self._confirmed
        return max(0.0, self.rate.queue + self._bytes_since * 8 / carried - since)

    def may_send(self, now: float) -> bool:
        """Whether another picture may be encoded now; if not, it is counted."""
        while self._again and now - self._again[0][0] > 1.0:
            self._again.popleft()
        if self._open(now):
            self._closed_since = None
            return True
        if self._closed_since is None:
            self._closed_since = now
        self.skipped += 1
        return False

    def _open(self, now: float) -> bool:
        if not self._feedback_seen:
            return True
        waiting = self._waiting_since
        known = self.round_trip + self._interval + self.uplink.seconds
        silent = 0.0 if waiting is None else now - waiting - known
        if silent > LATE_SECONDS:
            if silent > 2 * LATE_SECONDS:
                self.rate.silent(now)
            if now - self._tried < TRY_SECONDS:
                return False
            self._tried = now
            return True
        return self.waiting(now) <= GATE_SECONDS

    def flush_due(self, now: float) -> bool:
        """Whether what is under way is no longer worth mending.

        The line stood still for so long, or the browser waits for what is too old to be sent again
        (without a word from us it would for three seconds). Then the next picture should be a key
        frame; nothing from before is sent again.
        """
        closed = self._closed_since
        stood = closed is not None and now - closed >= 0.4
        if not (stood or self._given_up) or now - self._flushed < 1.0:
            return False
        self._flushed, self._given_up = now, False
        return True


T = TypeVar("T")


def _remember(memory: OrderedDict[int, T], key: int, value: T, most: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)
