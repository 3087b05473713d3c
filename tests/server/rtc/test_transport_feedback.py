"""Feedback packed and parsed back; what nobody should send; arrivals told once, late ones again."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rtc.sent_packets import Sent, SentPackets
from server.rtc.transport_feedback import ArrivalLog, PacketStatus, pack, parse

# A packet as in the draft's figures: run of 2 small deltas, vector with a large one, padding.
BY_HAND = bytes.fromhex(
    "afcd0006"  # V=2, P=1, FMT=15; PT=205; 7 words
    "00000001"
    "00000002"  # SSRC of sender, of medium
    "fffe0005"  # base 65534, 5 packets
    "00000105"  # reference time 1 (64 ms), feedback packet 5
    "2002"
    "d200"  # run of 2 x small; vector: small, not received, large
    "0428"
    "10"
    "ff9c"  # 1 ms, 10 ms, 4 ms, -25 ms
    "000003"
)


def test_a_packet_written_by_hand_is_understood():
    assert parse(BY_HAND) == [
        PacketStatus(65534, 256 + 4),
        PacketStatus(65535, 256 + 44),
        PacketStatus(0, 256 + 60),
        PacketStatus(1, None),
        PacketStatus(2, 256 - 40),
    ]


@settings(max_examples=300)
@given(
    st.integers(0, 65535),
    st.lists(st.none() | st.integers(-30_000, 30_000), min_size=1, max_size=300),
    st.integers(0, 2**31),
)
def test_what_is_packed_is_parsed(base, steps, start):
    ticks, at = [], start + 10**7
    for step in steps:
        at += step or 0
        ticks.append(None if step is None else at)
    if all(tick is None for tick in ticks):
        ticks[0] = at
    data = pack(1, 2, base, ticks, 300)
    assert len(data) % 4 == 0
    assert struct.unpack_from("!H", data, 2)[0] == len(data) // 4 - 1
    assert parse(data) == [
        PacketStatus((base + i) & 0xFFFF, None if tick is None else tick % 2**32)
        for i, tick in enumerate(ticks)
    ]


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_forged_packets_are_refused_or_mean_something(data, cut):
    for forged in (data, BY_HAND[:cut], BY_HAND[:12] + data, BY_HAND[:20] + data):
        try:
            found = parse(forged)
        except ValueError:
            continue
        assert len(found) <= 65535


def test_a_huge_count_takes_no_memory():
    with pytest.raises(ValueError, match=r"ends too early|empty run"):
        parse(BY_HAND[:14] + b"\xff\xff" + BY_HAND[16:])


def test_each_arrival_is_told_once_and_a_late_one_with_what_followed():
    log = ArrivalLog()
    for number in (65534, 65535, 1):
        log.received(number, 9, 1.0)
    (first,) = log.feedback(5, 1.05)
    assert [(one.number, one.ticks is not None) for one in parse(first)] == [
        (65534, True),
        (65535, True),
        (0, False),
        (1, True),
    ]
    assert log.feedback(5, 1.1) == []
    log.received(0, 9, 1.12)
    log.received(2, 9, 1.13)
    (second,) = log.feedback(5, 1.15)
    assert [one.number for one in parse(second)] == [0, 1, 2]
    assert parse(second)[0].ticks == int(1.12 * 4000)
    assert second[19] == first[19] + 1


def test_a_long_gap_is_told_in_several_packets_and_ancient_numbers_not_at_all():
    log = ArrivalLog()
    for number in [*range(100), *range(900, 1000)]:
        log.received(number, 9, 2.0)
    told = [one for data in log.feedback(5, 2.05) for one in parse(data)]
    assert [one.number for one in told if one.ticks is not None] == [
        *range(100),
        *range(900, 1000),
    ]
    log.received((1000 - 3000) & 0xFFFF, 9, 2.1)
    assert log.feedback(5, 2.15) == []


def test_fates_across_wraps_of_all_counters():
    packets = SentPackets(first=65_500)
    for i in range(100):
        packets.sent(packets.next_number(), Sent(i / 100, 1000, i))
    start = 2**32 - 200
    numbers = [(65_500 + i) & 0xFFFF for i in range(100)]
    statuses = [PacketStatus(n, (start + 40 * i) % 2**32) for i, n in enumerate(numbers) if i != 10]
    fates = packets.feedback(statuses)
    assert [one.media for one in fates.lost] == [10]
    arrivals = [one.arrived for one in fates.delivered]
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] - arrivals[0] == pytest.approx(0.99)


def test_feedback_twice_out_of_order_and_for_packets_never_sent_counts_once():
    packets = SentPackets(first=10)
    for i in range(5):
        packets.sent(packets.next_number(), Sent(i / 100, 1000, i))
    late = [PacketStatus(13, 500), PacketStatus(14, 540)]
    early = [PacketStatus(10, 380), PacketStatus(11, 420), PacketStatus(12, None)]
    never = [PacketStatus(n, 999) for n in (9, 15, 40_000)]
    assert len(packets.feedback(late).delivered) == 2
    assert len(packets.feedback(early).delivered) == 2
    for again in (late, early, never):
        fates = packets.feedback(again)
        assert (fates.delivered, fates.lost, fates.newest_sent) == ([], [], None)


def test_a_packet_is_late_before_it_is_lost():
    packets = SentPackets(first=0)
    for i in range(30):
        packets.sent(packets.next_number(), Sent(i / 100, 1000, i))
    assert packets.feedback([PacketStatus(5, 1000)]).lost == []
    fates = packets.feedback([PacketStatus(n, 1000 + n) for n in range(6, 15)])
    assert [one.media for one in fates.lost] == [0, 1, 2]
    assert packets.feedback([PacketStatus(3, 1100)]).delivered[0].media == 3


def test_packets_nobody_tells_about_take_no_memory():
    packets = SentPackets()
    for i in range(100_000):
        packets.sent(packets.next_number(), Sent(i / 1000, 1200, i))
    assert len(packets._flight) <= 4000
