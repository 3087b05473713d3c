"""Sound in order, with nothing lost but what the line lost."""

from __future__ import annotations

from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from server.rtc.frame_buffer import Frame
from server.rtc.sound_buffer import HELD, SoundBuffer


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number % 65536, timestamp=960 * number % 2**32)
    made._data = str(number).encode()  # type: ignore[attr-defined]
    return made


def heard(numbers: list[int]) -> list[int]:
    buffer = SoundBuffer()
    found = [buffer.add(packet(number)) for number in numbers]
    return [int(frame.data) for frame in found if frame is not None]


@given(
    st.integers(0, 65535),
    st.lists(st.booleans(), min_size=HELD + 2, max_size=200),
    st.randoms(use_true_random=False),
)
def test_only_what_is_lost_is_missing(first: int, lost: list[bool], random: object) -> None:
    """Numbers wrap; packets change places with their neighbours and come twice."""
    sent = [first + number for number, gone in enumerate(lost) if not gone]
    came = list(sent)
    for place in range(0, len(came) - 1, 2):
        if random.random() < 0.5:  # type: ignore[attr-defined]
            came[place : place + 2] = came[place : place + 2][::-1]
    twice = [number for number in came for _ in range(2)]
    assert heard(twice) == sent[: max(len(sent) - HELD, 0)]


def test_a_frame_is_the_packets_data_and_time() -> None:
    buffer = SoundBuffer()
    for number in range(7, 7 + HELD):
        assert buffer.add(packet(number)) is None
    assert buffer.add(packet(7 + HELD)) == Frame(b"7", 7 * 960)


def test_what_comes_too_late_is_left_out() -> None:
    in_time = list(range(20))
    assert heard([*in_time[:3], *in_time[4:], 3]) == [0, 1, 2, *range(4, 16)]


def test_another_stream_begins_anew() -> None:
    assert heard([*range(5000, 5010), *range(4000, 4010)]) == [
        *range(5000, 5006),
        *range(4000, 4006),
    ]
