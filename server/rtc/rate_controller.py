"""How much may be sent: from how late packets arrive, and which of them never do.

What counts is the queue that does not go away: the *least* lateness of a while (the idea of CoDel,
RFC 8289), which neither bursts nor jitter reach. draft-ietf-rmcat-gcc-02 watches the gradient of
the delay instead and filters jitter out of it. Whether a longer delay or a loss is ours or the
line's own is found out by sending less: what does not go away then is the line's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from server.rtc.sent_packets import Delivery

Limit = Literal["", "delay", "loss", "silence"]

BASE_SECONDS = 10.0
"""The least delay of so long is the line's own."""
QUEUE_SECONDS = 0.2
"""The least lateness of so long is the standing queue."""
HOLD_QUEUE, OVER_QUEUE, FULL_QUEUE = 0.02, 0.045, 0.12
"""Seconds of queue: no growth; less when it stays; less at once."""
OVER_LASTS, HOLD_LASTS = 0.1, 1.0
"""Seconds that a queue may stand over `OVER_QUEUE`, and over `HOLD_QUEUE`."""
PAUSE_SECONDS = 0.05
LESS, MUCH_LESS, A_LITTLE_LESS = 0.85, 0.75, 0.9
OWN_SECONDS = 1.2
"""A delay that stays the same so long after we sent less is the line's own."""
OWN_SPREAD = 0.012
LOSS_SECONDS = 3.0
LOSS_PACKETS, LOST_PACKETS = 100, 8
"""Fewer packets, or fewer lost, say nothing about loss."""
LOSS_HOLDS, LOSS_MATTERS = 0.03, 0.08
"""Loss beyond the line's own: no growth, less when it stays; less."""
LOSS_TRIED_SECONDS = 2.5
FORGET_SECONDS = 15.0
"""A line's limit that was not met for so long says nothing any more."""
TRIAL_SECONDS = 3.0
"""Decreases that follow each other sooner are one trial."""
JUMP_SECONDS = 5.0
"""A clock that moves by more has jumped."""


@dataclass(slots=True)
class Lateness:
    """Delays of arrivals (arrived - sent, two clocks) against the least of a while."""

    base: deque[tuple[float, float]] = field(default_factory=deque)
    """(a second, its least delay)."""
    recent: deque[tuple[float, float, int]] = field(default_factory=deque)
    """(arrival, delay, bytes) of the last second."""

    def add(self, packet: Delivery, now: float) -> None:
        delay = packet.arrived - packet.sent
        if self.base and abs(delay - self.least) > JUMP_SECONDS:
            self.base.clear()
            self.recent.clear()
        if self.base and now - self.base[-1][0] < 1:
            self.base[-1] = (self.base[-1][0], min(self.base[-1][1], delay))
        else:
            self.base.append((now, delay))
        self.recent.append((packet.arrived, delay, packet.size))

    def forget(self, now: float) -> None:
        """Leave out what is too old."""
        while len(self.base) > 1 and now - self.base[0][0] > BASE_SECONDS:
            self.base.popleft()
        newest = self.newest
        self.recent = deque(one for one in self.recent if newest - one[0] < 1.0)

    @property
    def least(self) -> float:
        return min(delay for _, delay in self.base)

    @property
    def newest(self) -> float:
        return max(arrival for arrival, _, _ in self.recent)

    def queue(self) -> float:
        """Seconds of queue that stood all through the last `QUEUE_SECONDS`."""
        since, least = self.newest - QUEUE_SECONDS, self.least
        return min(delay for arrival, delay, _ in self.recent if arrival >= since) - least

    def rate(self, seconds: float) -> float:
        """Bits a second that arrived in the last `seconds`; time when nothing came does not count.

        A sender of few pictures would else take its own pauses for the line's limit.
        """
        newest = self.newest
        recent = sorted((one[0], one[2]) for one in self.recent if newest - one[0] < seconds)
        busy, counted = 0.0, 0
        for (before, _), (arrival, size) in pairwise(recent):
            if arrival - before < PAUSE_SECONDS:
                busy += arrival - before
                counted += size
        whole = sum(size for _, size in recent) * 8 / seconds
        return max(whole, counted * 8 / max(busy, 0.005))

    def accept(self, queue: float, now: float) -> None:
        """The line is longer by `queue` from now on."""
        least = self.least + queue
        self.base.clear()
        self.base.append((now, least))


@dataclass(slots=True)
class _Loss:
    """Share of packets lost, and how much of that is the line's own."""

    counted: deque[tuple[float, int, int]] = field(default_factory=deque)
    own: float = 0.0
    share: float = 0.0
    counts: bool = False

    def add(self, delivered: int, lost: int, now: float) -> None:
        self.counted.append((now, delivered, lost))
        while now - self.counted[0][0] > LOSS_SECONDS:
            self.counted.popleft()
        gone = sum(one[2] for one in self.counted)
        total = gone + sum(one[1] for one in self.counted)
        self.share = gone / total if total >= LOSS_PACKETS else 0.0
        self.counts = gone >= LOST_PACKETS
        self.own = min(self.own, self.share) if total >= LOSS_PACKETS else self.own

    @property
    def beyond(self) -> float:
        """What is not the line's own."""
        return self.share - self.own if self.counts else 0.0


class RateController:
    """Feedback goes in, `target_bps` comes out."""

    def __init__(self, start_bps: float, least_bps: float, most_bps: float) -> None:
        self.least_bps, self.most_bps = least_bps, most_bps
        self.target_bps = min(max(start_bps, least_bps), most_bps)
        """What may be sent, bits a second, all in all."""
        self.delivered_bps = 0.0
        """What arrived of late."""
        self.queue = 0.0
        """Standing queue in seconds."""
        self.limited_by: Limit = ""
        """Why the target went down, while that is not long ago."""
        self._lateness = Lateness()
        self._loss = _Loss()
        self._now: float | None = None
        self._limit, self._limit_at = 0.0, -math.inf
        """What the line carried when it was full, and when that was."""
        self._decreased = -math.inf
        self._before_trial = 0.0
        self._highest = 0.0
        """Longest queue since it began to stand."""
        self._over_since: float | None = None
        self._high_since: float | None = None
        self._flat: deque[tuple[float, float]] = deque()
        self._before = 0.0
        self._free_since: float | None = None
        self._lossy_since: float | None = None
        self._loss_tried: float | None = None

    @property
    def loss(self) -> float:
        """Share of the packets that was lost of late, 0..1."""
        return self._loss.share

    def start(self, bps: float) -> None:
        """Begin with this rate, which the line is known to carry."""
        self.target_bps = min(max(bps, self.least_bps), self.most_bps)

    def feedback(
        self, delivered: Sequence[Delivery], lost: int, now: float, round_trip: float
    ) -> None:
        """Packets that arrived, how many were lost, at `now` (seconds), known a round trip late."""
        step = self._step(now)
        for packet in delivered:
            if math.isfinite(packet.arrived) and packet.size > 0:
                self._lateness.add(packet, now)
        self._loss.add(len(delivered), lost, now)
        if not self._lateness.recent:
            return
        self._lateness.forget(now)
        self.queue = self._lateness.queue()
        self.delivered_bps = self._lateness.rate(0.6)
        draining = self.queue < self._before - 0.005
        self._before = self.queue
        if self.queue > HOLD_QUEUE:
            self._free_since = None
            self._queued(draining, now, round_trip)
        else:
            self._over_since = self._high_since = None
            self._flat.clear()
            if not self._lossy(now, round_trip):
                self._grow(step, now)

    def silent(self, now: float) -> None:
        """No feedback comes though packets are under way; call it as often as you like."""
        if now - self._decreased > 0.5:
            self._decrease(0.7 * self.target_bps, "silence", now)

    def _step(self, now: float) -> float:
        """Seconds since the last feedback; a clock that jumped begins anew."""
        before, self._now = self._now, now
        if before is None:
            return 0.05
        if 0 <= now - before <= JUMP_SECONDS:
            return min(now - before, 0.3)
        self._lateness, self._loss = Lateness(), _Loss(own=self._loss.own)
        self._decreased = self._limit_at = now
        self._over_since = self._high_since = self._free_since = None
        self._lossy_since = self._loss_tried = None
        self._flat.clear()
        return 0.05

    def _queued(self, draining: bool, now: float, round_trip: float) -> None:
        """A queue stands: no growth; less when it lasts; accepted when it is the line's own."""
        if self._over_since is None:
            self._over_since, self._highest = now, 0.0
        self._highest = max(self._highest, self.queue)
        self._flat.append((now, self.queue))
        while now - self._flat[0][0] > OWN_SECONDS:
            self._flat.popleft()
        if self._is_own(now):
            own = min(queue for _, queue in self._flat)
            self._lateness.accept(own, now)
            self._over_since = self._high_since = None
            if self._highest < own + HOLD_QUEUE:
                self._give_back()
            self._flat.clear()
            return
        if self.queue <= OVER_QUEUE:
            self._high_since = None
        elif self._high_since is None:
            self._high_since = now
        if draining or now - self._decreased < max(0.25, round_trip + 0.15):
            return
        if self._on_trial(now):
            return
        lasts = self._high_since is not None and now - self._high_since >= OVER_LASTS
        if lasts or self.queue > FULL_QUEUE:
            seconds = min(0.6, max(0.15, now - self._over_since))
            self._limit, self._limit_at = self._lateness.rate(seconds), now
            share = LESS if self.queue < FULL_QUEUE else MUCH_LESS
            self._decrease(min(self.target_bps, share * self._limit), "delay", now)
        elif now - self._over_since > HOLD_LASTS:
            self._limit, self._limit_at = self.delivered_bps, now
            self._decrease(A_LITTLE_LESS * min(self.target_bps, self._limit), "delay", now)

    def _is_own(self, now: float) -> bool:
        """Whether the delay has not moved at all though we sent less."""
        sent_less = now - self._decreased >= OWN_SECONDS and self._over_since is not None
        if not sent_less or self._decreased < (self._over_since or now):
            return False
        return self._flat[-1][0] - self._flat[0][0] > 0.8 * OWN_SECONDS and self._is_flat()

    def _is_flat(self) -> bool:
        queues = [queue for _, queue in self._flat]
        return max(queues) - min(queues) < OWN_SPREAD

    def _on_trial(self, now: float) -> bool:
        """Whether we sent less a moment ago, and the queue has not moved so far."""
        tried = self._over_since is not None and self._decreased >= self._over_since
        return tried and now - self._decreased < 1.5 * OWN_SECONDS and self._is_flat()

    def _lossy(self, now: float, round_trip: float) -> bool:
        """Whether loss forbids growth; what does not go away when less is sent is accepted."""
        beyond = self._loss.beyond
        if beyond < LOSS_HOLDS:
            self._lossy_since = self._loss_tried = None
            return False
        if self._lossy_since is None:
            self._lossy_since = now
        if self._loss_tried is not None and now - self._decreased >= LOSS_TRIED_SECONDS:
            if beyond > 0.6 * self._loss_tried:
                self._loss.own = self._loss.share
                self._lossy_since = self._loss_tried = None
                self._give_back()
                return False
            self._loss_tried = None
        wait = 0.4 if beyond > LOSS_MATTERS else 1.0
        rested = now - self._decreased > max(LOSS_TRIED_SECONDS, round_trip)
        if rested and now - self._lossy_since > wait:
            self._loss_tried = beyond
            self._limit, self._limit_at = self.delivered_bps, now
            self._decrease(self.target_bps * max(0.5, 0.9 - beyond), "loss", now)
        return True

    def _give_back(self) -> None:
        """What was taken from the rate only to see whose the delay or the loss is."""
        self.target_bps = max(self.target_bps, self._before_trial)
        self._limit_at = -math.inf
        self._before_trial = 0.0
        self._flat.clear()
        self.limited_by = ""

    def _decrease(self, bps: float, why: Limit, now: float) -> None:
        if now - self._decreased > TRIAL_SECONDS:
            self._before_trial = self.target_bps
        self.target_bps = max(self.least_bps, bps)
        self.limited_by = why
        self._decreased = now
        self._free_since = None
        self._flat.clear()

    def _grow(self, step: float, now: float) -> None:
        """A quarter a second; half when nothing stood in the way for long; carefully near a limit.

        Near the limit by steps that grow with the square root of the rate only, so that several
        on one line come to equal shares.
        """
        if now - self._decreased < 0.4:
            return
        if now - self._decreased > FORGET_SECONDS:
            self.limited_by = ""
        if self._free_since is None:
            self._free_since = now
        ceiling = 1.4 * self.delivered_bps + 120_000
        if self.target_bps >= ceiling:
            return
        known = now - self._limit_at < FORGET_SECONDS
        if known and 0.5 * self._limit < self.target_bps < 1.1 * self._limit:
            grown = self.target_bps + 60_000 * math.sqrt(self.target_bps / 1e6) * step
        else:
            pace = 0.5 if now - self._free_since > 3 else 0.25
            grown = self.target_bps * (1 + pace * step)
        self.target_bps = min(grown, ceiling, self.most_bps)
