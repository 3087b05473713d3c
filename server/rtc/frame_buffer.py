"""Packets of one video stream in, whole frames in order out; none whose reference is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.rtc.numbers import unwrap

MOST_BEFORE_FIRST = 50
"""Packets that may still come from before the first that came."""


class Packet(Protocol):
    """What is needed of an RTP packet, its payload format taken off."""

    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded frame."""

    data: bytes
    timestamp: int
    """RTP, 32 bits."""


def begins_h264_key_frame(data: bytes) -> bool:
    """Whether Annex B data begin with a parameter set or an IDR slice."""
    return len(data) > 4 and data[:4] == b"\0\0\0\1" and data[4] & 0x1F in (5, 7)


def begins_vp8_key_frame(data: bytes) -> bool:
    """RFC 6386, section 9.1: the lowest bit of the first byte is 0 in key frames."""
    return len(data) > 0 and not data[0] & 1


class FrameBuffer:
    """A frame ends with the RTP marker bit (RFC 3550, 5.1), or where the next timestamp begins.

    Packets without data (probing for bandwidth) belong to no frame. What is older than the next
    frame is dropped: browsers probe with packets long arrived.
    """

    def __init__(self, begins_key_frame: Callable[[bytes], bool], capacity: int = 1024) -> None:
        self.begins_key_frame = begins_key_frame
        """May be replaced when another codec begins."""
        self.waits_for_key_frame = True
        """Nothing comes out until a key frame does."""
        self.discarded = 0
        """Frames lost: incomplete, or with a reference that is."""
        self.begun = False
        """Whether a frame was complete."""
        self._capacity = capacity
        self._packets: dict[int, Packet] = {}
        self._next: int | None = None

    def add(self, packet: Packet) -> bool:
        """Take a packet; False when it is too old, or so new that all before it is given up."""
        if self._next is None:
            self._next = packet.sequence_number
        number = unwrap(packet.sequence_number, self._next)
        if number < self._next:
            if self.begun or self._next - number > MOST_BEFORE_FIRST:
                return False
            self._next = number  # The first to come need not be the first that was sent.
        if number >= self._next + self._capacity:
            self.skip(packet.sequence_number)
            self._packets[number] = packet
            return False
        self._packets[number] = packet
        return True

    def pop(self) -> Frame | None:
        """The next frame that is whole and can be decoded; ask until there is none."""
        while (found := self._take()) is not None:
            frame, first = found
            if self.waits_for_key_frame and not self.begins_key_frame(first):
                self.discarded += 1
                continue
            self.waits_for_key_frame = False
            return frame
        return None

    def _take(self) -> tuple[Frame, bytes] | None:
        """The next frame that is whole, and its first packet's data."""
        if self._next is None:
            return None
        data: list[bytes] = []
        timestamp, number = 0, self._next
        while (packet := self._packets.get(number)) is not None:
            if data and packet.timestamp != timestamp:
                return self._out(data, timestamp, number)
            number += 1
            if packet._data:
                data.append(packet._data)
                timestamp = packet.timestamp
            if packet.marker and data:
                return self._out(data, timestamp, number)
        return None

    def _out(self, data: list[bytes], timestamp: int, end: int) -> tuple[Frame, bytes]:
        self._drop_before(end)
        self.begun = True
        return Frame(b"".join(data), timestamp), data[0]

    def _drop_before(self, number: int) -> None:
        assert self._next is not None
        for old in range(self._next, min(number, self._next + self._capacity)):
            self._packets.pop(old, None)
        self._next = number

    def skip_to_key_frame(self, newest: int) -> int | None:
        """Give up what is missing: on with the next key frame, had already or yet to come.

        `newest`: the newest number that came, 16 bits. The number at which it goes on (16 bits), or
        None when the key frame is yet to come.
        """
        if self._next is None:
            return None
        for number in sorted(self._packets):
            if self.begins_key_frame(self._packets[number]._data) and self._starts(number):
                self._count_lost(number)
                self._drop_before(number)
                return number & 0xFFFF
        self.skip(newest + 1)
        return None

    def _starts(self, number: int) -> bool:
        """Whether a frame starts there, and not before what is missing."""
        assert self._next is not None
        return any(before not in self._packets for before in range(self._next, number))

    def skip(self, number: int) -> None:
        """On with the packet of that number (16 bits), and not before a key frame."""
        if self._next is None:
            return
        # Never to whatever comes next: that would be a repetition of what was given up.
        full = unwrap(number & 0xFFFF, max(self._packets, default=self._next))
        self._count_lost(full)
        self._drop_before(max(full, self._next))
        self._packets = {n: packet for n, packet in self._packets.items() if n >= self._next}
        self.waits_for_key_frame = True

    def _count_lost(self, end: int) -> None:
        times = {one.timestamp for n, one in self._packets.items() if n < end}
        self.discarded += max(1, len(times))
