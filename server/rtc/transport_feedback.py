"""Transport-wide feedback: which packets arrived, and when.

draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1. Times are ticks of 250 us; the
reference time of 24 bits counts 64 ms, so that ticks wrap at 2^32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from server.rtc.numbers import unwrap

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
TICKS_PER_SECOND = 4000
RTPFB, FORMAT = 205, 15
"""Packet type (RFC 4585) and format of this feedback."""

_TICKS_PER_REFERENCE = 256
_KEEP_SECONDS = 0.5
"""So long an arrival may be told once more, with a late one before it."""
_MOST_PACKETS = 400
"""Told in one feedback packet."""
_LOST, _SMALL, _LARGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PacketStatus:
    """One packet's fate."""

    number: int
    """Its transport-wide number, 16 bits."""
    ticks: int | None
    """Arrival on the receiver's clock, 32 bits; None: it has not arrived."""


def pack(ssrc: int, media_ssrc: int, base: int, ticks: list[int | None], count: int) -> bytes:
    """A whole RTCP packet about the packets `base`, `base + 1`, ...

    `ticks`: arrival of each, at least one not None; `count`: of this feedback packet, it wraps.
    """
    first = next(tick for tick in ticks if tick is not None)
    reference = first // _TICKS_PER_REFERENCE
    symbols, deltas = _deltas(ticks, reference * _TICKS_PER_REFERENCE)
    body = struct.pack("!LLHH", ssrc, media_ssrc, base & 0xFFFF, len(ticks))
    body += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([count & 0xFF])
    body += _chunks(symbols) + deltas
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes([padding])
    first_byte = 0x80 | (0x20 if padding else 0) | FORMAT
    return struct.pack("!BBH", first_byte, RTPFB, len(body) // 4) + body


def _deltas(ticks: list[int | None], last: int) -> tuple[list[int], bytes]:
    symbols, deltas = [], bytearray()
    for tick in ticks:
        if tick is None:
            symbols.append(_LOST)
            continue
        delta = tick - last
        if 0 <= delta <= 255:
            symbols.append(_SMALL)
            deltas.append(delta)
        else:
            delta = max(-32768, min(32767, delta))
            symbols.append(_LARGE)
            deltas += struct.pack("!h", delta)
        last += delta
    return symbols, bytes(deltas)


def _chunks(symbols: list[int]) -> bytes:
    """Runs of seven equal symbols or more, else vectors of seven two-bit symbols."""
    chunks, i = bytearray(), 0
    while i < len(symbols):
        run = 1
        while i + run < len(symbols) and symbols[i + run] == symbols[i] and run < 8191:
            run += 1
        if run >= 7:
            chunks += struct.pack("!H", symbols[i] << 13 | run)
            i += run
            continue
        word = 0xC000
        for place, symbol in enumerate(symbols[i : i + 7]):
            word |= symbol << (12 - 2 * place)
        chunks += struct.pack("!H", word)
        i += 7
    return bytes(chunks)


def parse(packet: bytes) -> list[PacketStatus]:
    """The fates told by one RTCP packet (with its header); padding is of no matter.

    Raises:
        ValueError: the packet is shorter than what it announces, or uses a reserved symbol.
    """
    if len(packet) < 20:
        raise ValueError("transport feedback is too short")
    base, count = struct.unpack_from("!HH", packet, 12)
    at = int.from_bytes(packet[16:19], "big") * _TICKS_PER_REFERENCE
    try:
        symbols, place = _symbols(packet, 20, count)
        found = []
        for offset, symbol in enumerate(symbols):
            if symbol == _SMALL:
                at, place = at + packet[place], place + 1
            elif symbol == _LARGE:
                at, place = at + struct.unpack_from("!h", packet, place)[0], place + 2
            elif symbol != _LOST:
                raise ValueError("transport feedback uses a reserved symbol")
            ticks = None if symbol == _LOST else at & 0xFFFFFFFF
            found.append(PacketStatus((base + offset) & 0xFFFF, ticks))
    except (struct.error, IndexError) as error:
        raise ValueError("transport feedback ends too early") from error
    return found


def _symbols(packet: bytes, place: int, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    while len(symbols) < count:
        (word,) = struct.unpack_from("!H", packet, place)
        place += 2
        if not word & 0x8000:
            symbols += [word >> 13 & 3] * min(word & 0x1FFF, count - len(symbols))
            if not word & 0x1FFF:
                raise ValueError("transport feedback has an empty run")
        elif word & 0x4000:
            symbols += [word >> (12 - 2 * k) & 3 for k in range(7)]
        else:
            symbols += [word >> (13 - k) & 1 for k in range(14)]
    return symbols[:count], place


class ArrivalLog:
    """Arrivals of packets that carry a transport-wide number, and the feedback about them."""

    def __init__(self) -> None:
        self._ticks: dict[int, int] = {}
        self._newest: int | None = None
        self._next = 0
        self._count = 0
        self._media_ssrc = 0

    def received(self, number: int, media_ssrc: int, now: float) -> None:
        """A packet came at `now` (seconds of any clock that only rises)."""
        full = number if self._newest is None else unwrap(number, self._newest)
        if self._newest is None:
            self._newest = self._next = full
        if full < self._newest - 2000:
            return
        self._newest = max(self._newest, full)
        # A late one is told with an earlier base, and what came after it once more.
        self._next = min(self._next, full)
        self._ticks[full] = int(now * TICKS_PER_SECOND)
        self._media_ssrc = media_ssrc

    def feedback(self, ssrc: int, now: float) -> list[bytes]:
        """RTCP packets about what came since last asked; none when nothing did."""
        packets: list[bytes] = []
        if self._newest is None:
            return packets
        while self._next <= self._newest:
            base, last = self._next, min(self._newest, self._next + _MOST_PACKETS - 1)
            self._next = last + 1
            ticks = [self._ticks.get(number) for number in range(base, last + 1)]
            if any(tick is not None for tick in ticks):
                packets.append(pack(ssrc, self._media_ssrc, base, ticks, self._count))
                self._count += 1
        oldest = int((now - _KEEP_SECONDS) * TICKS_PER_SECOND)
        self._ticks = {number: tick for number, tick in self._ticks.items() if tick >= oldest}
        return packets
