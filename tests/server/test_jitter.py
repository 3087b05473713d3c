"""The jitter buffer on the marker bit: against a slow reference, with loss, reordering, wraps."""

import random

import pytest
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from server import aiortc_tuning


@pytest.fixture(autouse=True)
def _tuned():
    assert aiortc_tuning.install(), "this aiortc is not one the change was tested with"


def packets(frames: list[int], first: int = 0, first_time: int = 1000) -> list[RtpPacket]:
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
            packet._data = f"{number}.{place};".encode()  # type: ignore[attr-defined]
            made.append(packet)
            sequence += 1
    return made


def whole(number: int, count: int) -> bytes:
    return b"".join(f"{number}.{place};".encode() for place in range(count))


def feed(buffer: JitterBuffer, stream: list[RtpPacket]) -> list[bytes]:
    return [frame.data for packet in stream if (frame := buffer.add(packet)[1]) is not None]


def test_a_frame_comes_out_with_its_last_packet():
    buffer = JitterBuffer(512, is_video=True)
    stream = packets([3, 2])
    outcome = [buffer.add(packet)[1] for packet in stream]
    assert [frame is not None for frame in outcome] == [False, False, True, False, True]


def test_audio_is_left_as_it_was():
    buffer = JitterBuffer(16, prefetch=4)
    assert feed(buffer, packets([1] * 4)) == []


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=30),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
)
def test_in_order_every_frame_comes_out_whole_across_wraparound(frames, first, first_time):
    buffer = JitterBuffer(512, is_video=True)
    assert feed(buffer, packets(frames, first, first_time)) == [
        whole(number, count) for number, count in enumerate(frames)
    ]


@settings(max_examples=200)
@given(st.lists(st.integers(2, 6), min_size=5, max_size=30), st.integers(0, 65535), st.randoms())
def test_reordered_packets_give_the_same_frames_in_order(frames, first, rng: random.Random):
    stream = packets(frames, first)
    shuffled = _shuffle(stream, rng)
    # More frames flush what reordering left behind: one packet lets one frame out.
    flush = packets([*frames, *[1] * len(frames)], first)[len(stream) :]
    out = feed(JitterBuffer(512, is_video=True), shuffled + flush)
    expected = [whole(number, count) for number, count in enumerate(frames)]
    assert out[: len(expected)] == expected


def _shuffle(stream: list[RtpPacket], rng: random.Random) -> list[RtpPacket]:
    """Each packet but the first is late by up to four places."""
    late = [(0.0 if not i else i + rng.uniform(0, 4), i) for i in range(len(stream))]
    return [stream[i] for _, i in sorted(late)]


@given(st.data())
def test_a_lost_and_repeated_packet_delays_but_loses_nothing(data):
    frames = data.draw(st.lists(st.integers(2, 6), min_size=6, max_size=20))
    stream = packets(frames)
    lost = data.draw(st.integers(1, len(stream) // 2))
    back = data.draw(st.integers(lost + 1, len(stream) - 1))
    order = stream[:lost] + stream[lost + 1 : back] + [stream[lost]] + stream[back:]
    flush = packets([*frames, *[1] * len(frames)])[len(stream) :]
    out = feed(JitterBuffer(512, is_video=True), order + flush)
    expected = [whole(number, count) for number, count in enumerate(frames)]
    assert out[: len(expected)] == expected


def test_packets_lost_for_good_ask_for_a_key_frame_and_the_stream_goes_on():
    buffer = JitterBuffer(64, is_video=True)
    stream = packets([4] * 60)
    del stream[9]
    asked, out = False, []
    for packet in stream:
        loss, frame = buffer.add(packet)
        asked = asked or loss
        if frame is not None:
            out.append(frame.data)
    assert asked
    assert out[:2] == [whole(0, 4), whole(1, 4)]
    assert whole(59, 4) in out
    assert all(data in [whole(number, 4) for number in range(60)] for data in out)


def test_a_frame_without_a_marker_ends_where_the_next_begins():
    stream = packets([2, 2])
    stream[1].marker = 0
    buffer = JitterBuffer(512, is_video=True)
    outcome = [buffer.add(packet)[1] for packet in stream]
    assert outcome[2].data == whole(0, 2)


def test_padding_between_frames_never_becomes_an_empty_frame():
    stream = packets([2, 1, 2])
    padding = stream[2]
    padding.timestamp, padding.marker = stream[1].timestamp, 0
    padding._data = b""
    assert feed(JitterBuffer(512, is_video=True), stream) == [whole(0, 2), whole(2, 2)]


def test_a_backlog_drains_when_frames_have_several_packets():
    stream = packets([3] * 40)
    late = stream.pop(4)
    stream.insert(40, late)
    buffer = JitterBuffer(512, is_video=True)
    out = [(packet, buffer.add(packet)[1]) for packet in stream]
    packet, frame = out[-1]
    assert frame is not None
    assert frame.timestamp == packet.timestamp
