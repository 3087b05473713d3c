"""Packets in, whole frames out: loss, reordering, wraps, and nothing without its reference."""

import random

from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rtc.frame_buffer import FrameBuffer, begins_h264_key_frame, begins_vp8_key_frame


def packets(
    frames: list[int], first: int = 0, first_time: int = 1000, keys: tuple[int, ...] = ()
) -> list[RtpPacket]:
    """Packets of frames with so many packets each; each packet's data names frame and place."""
    made = []
    sequence = first
    for number, count in enumerate(frames):
        for place in range(count):
            packet = RtpPacket(
                sequence_number=sequence % 65536,
                timestamp=(first_time + 3000 * number) % 2**32,
                marker=int(place == count - 1),
            )
            kind = "K" if number in keys and place == 0 else ""
            packet._data = f"{kind}{number}.{place};".encode()  # type: ignore[attr-defined]
            made.append(packet)
            sequence += 1
    return made


def begins_key(data: bytes) -> bool:
    return data.startswith(b"K")


def new_buffer(capacity: int = 512) -> FrameBuffer:
    """One that has had its first key frame."""
    buffer = FrameBuffer(begins_key, capacity)
    buffer.waits_for_key_frame = False
    return buffer


def whole(number: int, count: int) -> bytes:
    return b"".join(f"{number}.{place};".encode() for place in range(count))


def feed(buffer: FrameBuffer, stream: list[RtpPacket]) -> list[bytes]:
    found = []
    for packet in stream:
        buffer.add(packet)
        while (frame := buffer.pop()) is not None:
            found.append(frame.data)
    return found


def test_a_frame_comes_out_with_its_last_packet():
    buffer, outcome = new_buffer(), []
    for packet in packets([3, 2]):
        buffer.add(packet)
        outcome.append(buffer.pop() is not None)
    assert outcome == [False, False, True, False, True]


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=30),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
)
def test_in_order_every_frame_comes_out_whole_across_wraparound(frames, first, first_time):
    assert feed(new_buffer(), packets(frames, first, first_time)) == [
        whole(number, count) for number, count in enumerate(frames)
    ]


@settings(max_examples=200)
@given(st.lists(st.integers(2, 6), min_size=5, max_size=30), st.integers(0, 65535), st.randoms())
def test_reordered_packets_give_the_same_frames_in_order(frames, first, rng: random.Random):
    late = [(0.0 if not i else i + rng.uniform(0, 4), i) for i in range(sum(frames))]
    stream = packets(frames, first)
    shuffled = [stream[i] for _, i in sorted(late)]
    assert feed(new_buffer(), shuffled) == [whole(n, count) for n, count in enumerate(frames)]


@given(st.data())
def test_a_lost_and_repeated_packet_delays_but_loses_nothing(data):
    frames = data.draw(st.lists(st.integers(2, 6), min_size=6, max_size=20))
    stream = packets(frames)
    lost = data.draw(st.integers(1, len(stream) // 2))
    back = data.draw(st.integers(lost + 1, len(stream)))
    order = stream[:lost] + stream[lost + 1 : back] + [stream[lost]] + stream[back:]
    assert feed(new_buffer(), order) == [whole(n, count) for n, count in enumerate(frames)]


def test_given_up_frames_come_out_no_more_until_a_key_frame():
    stream = packets([3] * 20, first=65_530, keys=(12,))
    buffer = new_buffer()
    assert len(feed(buffer, stream[:3] + stream[4:18])) == 1
    assert buffer.skip_to_key_frame(stream[17].sequence_number) is None
    assert buffer.waits_for_key_frame
    out = feed(buffer, stream[18:])
    assert out[0] == b"K" + whole(12, 3)
    assert out[1:] == [whole(number, 3) for number in range(13, 20)]
    assert buffer.discarded == 11  # Frames 1 to 5 were given up, 6 to 11 lack their reference.


def test_a_key_frame_that_is_there_already_is_gone_on_with():
    stream = packets([3] * 8, keys=(4,))
    buffer = new_buffer()
    feed(buffer, stream[:4] + stream[5:])
    assert buffer.skip_to_key_frame(stream[-1].sequence_number) == 12
    found = []
    while (frame := buffer.pop()) is not None:
        found.append(frame.data)
    assert found == [b"K" + whole(4, 3), *(whole(number, 3) for number in (5, 6, 7))]


def test_repetitions_of_what_was_given_up_change_nothing():
    stream = packets([2] * 30, keys=(10,))
    buffer = new_buffer()
    feed(buffer, stream[:5] + stream[6:12])
    buffer.skip_to_key_frame(stream[11].sequence_number)
    assert feed(buffer, [stream[5], *stream[2:5]]) == []
    assert feed(buffer, stream[12:])[0] == b"K" + whole(10, 2)


def test_packets_sent_once_more_as_a_probe_are_dropped_however_old():
    stream = packets([2] * 400, first=60_000)
    buffer = new_buffer()
    out = feed(buffer, stream[:600] + stream[100:300] + stream[600:])
    assert out == [whole(number, 2) for number in range(400)]


def test_a_gap_beyond_what_is_kept_waits_for_a_key_frame():
    stream = packets([1] * 100, keys=(90,))
    out = feed(new_buffer(16), stream[:10] + stream[60:])
    assert out == [whole(n, 1) for n in range(10)] + [b"K" + whole(90, 1)] + [
        whole(n, 1) for n in range(91, 100)
    ]


def test_a_frame_without_a_marker_ends_where_the_next_begins():
    stream = packets([2, 2])
    stream[1].marker = 0
    assert feed(new_buffer(), stream[:3]) == [whole(0, 2)]


def test_padding_between_frames_never_becomes_an_empty_frame():
    stream = packets([2, 1, 2])
    padding = stream[2]
    padding.timestamp, padding.marker = stream[1].timestamp, 0
    padding._data = b""
    assert feed(new_buffer(), stream) == [whole(0, 2), whole(2, 2)]


def test_nothing_comes_out_before_the_first_key_frame_however_its_packets_come():
    stream = packets([2, 2, 3, 1], keys=(2,))
    buffer = FrameBuffer(begins_key)
    assert feed(buffer, stream) == [b"K" + whole(2, 3), whole(3, 1)]
    stream = packets([3, 1], first=65_535, keys=(0,))
    assert feed(FrameBuffer(begins_key), [stream[1], stream[0], *stream[2:]]) == [
        b"K" + whole(0, 3),
        whole(1, 1),
    ]


def test_key_frames_are_told_from_others():
    assert begins_h264_key_frame(b"\0\0\0\1\x67..")
    assert begins_h264_key_frame(b"\0\0\0\1\x65..")
    assert not begins_h264_key_frame(b"\0\0\0\1\x61..")
    assert not begins_h264_key_frame(b"")
    assert begins_vp8_key_frame(b"\x50\x01")
    assert not begins_vp8_key_frame(b"\x51\x01")
    assert not begins_vp8_key_frame(b"")
