"""What is missing is asked for each round trip and then given up; what is asked of us, once."""

from itertools import pairwise

from server.rtc.downlink import Downlink
from server.rtc.loss_recovery import LossRecovery
from server.rtc.remb import RembEstimator
from server.rtc.transport_feedback import PacketStatus

RTT = 0.08


def stream(recovery: LossRecovery, numbers, began: float = 0.0, step: float = 0.004) -> float:
    now = began
    for number in numbers:
        recovery.received(number & 0xFFFF, 1200, now)
        now += step
    return now


def test_a_loss_is_asked_for_each_round_trip_until_it_comes():
    recovery = LossRecovery()
    now = stream(recovery, [*range(65_500, 65_536), *range(1, 30)])
    asked = []
    for tick in range(60):
        asked += [(tick, number) for number in recovery.due(now + tick * 0.005, RTT)]
    assert [number for _, number in asked] == [0, 0, 0, 0]
    ticks = [tick for tick, _ in asked]
    assert all(18 <= b - a <= 20 for a, b in pairwise(ticks))
    recovery.received(0, 1200, now + 0.2, again=True)
    assert not recovery.missing
    assert recovery.patience == 0.0  # It was lost, not late.


def test_it_is_given_up_in_time():
    recovery = LossRecovery()
    now = stream(recovery, [*range(200), *range(201, 230)])
    noticed = 200 * 0.004
    assert not recovery.hopeless(noticed + 0.30)
    assert recovery.hopeless(noticed + 0.36)
    recovery.forget()
    assert not recovery.hopeless(now + 10)


def test_late_packets_teach_patience_and_are_not_asked_for():
    recovery = LossRecovery()
    now = stream(recovery, range(100))
    asked = 0
    for i in range(100, 400, 4):
        for number in (i + 1, i + 2, i, i + 3):  # The first is late by 8 ms.
            recovery.received(number, 1200, now)
            now += 0.004
            asked += len(recovery.due(now, RTT))
    assert 0.005 < recovery.patience <= 0.05
    assert asked <= 2
    assert not recovery.missing


def test_patience_has_an_end():
    recovery = LossRecovery()
    stream(recovery, [0, 2])
    recovery.received(1, 1200, 30.0)
    assert recovery.patience <= 0.05


def test_more_than_the_line_brings_in_time_is_not_asked_for():
    recovery = LossRecovery()
    now = stream(recovery, range(30), step=0.03)  # 300 kbit/s
    recovery.received(60, 1200, now)
    assert recovery.hopeless(now)


def test_an_interruption_is_no_list_of_losses():
    recovery = LossRecovery()
    now = stream(recovery, range(100))
    recovery.received(20_000, 1200, now)
    assert len(recovery.missing) == 1
    assert recovery.hopeless(now)


def sent(downlink: Downlink, media: int, now: float) -> int:
    number = downlink.packets.next_number()
    downlink.sent(number, 1200, media, now)
    return number


def test_one_answer_a_round_trip_to_a_thousand_requests():
    downlink = Downlink(3e6, 0.0)
    sent(downlink, 7, 0.0)
    downlink.latest_round_trip = RTT
    answers = [downlink.asked_again(7, 0.1 + i / 1000) for i in range(1000)]
    assert answers.count(0.0) == 12  # In one second; then it is too old.
    assert downlink.asked_again(8, 0.2) is None


def test_what_has_arrived_is_not_sent_again():
    downlink = Downlink(3e6, 0.0)
    number = sent(downlink, 7, 0.0)
    downlink.feedback([PacketStatus(number, 1000)], 0.05)
    assert downlink.asked_again(7, 0.06) is None


def test_where_packets_are_mostly_late_we_look_again_before_we_send_again():
    downlink = Downlink(3e6, 0.0)
    for media in range(40):
        number = sent(downlink, media, media / 100)
        if downlink.asked_again(media, media / 100 + 0.01):
            break
        downlink.feedback([PacketStatus(number, 1000 + 40 * media)], media / 100 + 0.05)
    assert 5 < media < 30
    assert downlink.asked_again(media, media / 100 + 0.07, waited=True) == 0.0
    for lost in range(100, 130):
        sent(downlink, lost, 2.0)
        downlink.asked_again(lost, 2.1, waited=True)
        again = downlink.packets.next_number()
        downlink.sent(again, 1200, lost, 2.1, again=True)
        downlink.feedback([PacketStatus(again, 20_000 + lost)], 2.2)
    sent(downlink, 200, 3.0)
    assert downlink.asked_again(200, 3.1) == 0.0


def test_retransmissions_come_off_the_encoders_rate():
    downlink = Downlink(3e6, 0.0)
    downlink.rate.start(2e6)
    before = downlink.encoder_bps
    for i in range(50):
        downlink.sent(downlink.packets.next_number(), 1200, i, i / 100, again=True)
    assert before - downlink.encoder_bps > 0.9 * 50 * 1200 * 8 * 0.94
    for i in range(1000):
        downlink.sent(downlink.packets.next_number(), 1200, i, 0.5 + i / 10_000, again=True)
    assert downlink.encoder_bps >= 0.4 * 2e6
    downlink.may_send(5.0)
    assert downlink.encoder_bps == before


def test_the_gate_closes_on_a_dead_line_and_tries_twice_a_second():
    downlink = Downlink(3e6, 0.0)
    numbers = [sent(downlink, i, i / 30) for i in range(30)]
    for i, number in enumerate(numbers):
        downlink.feedback([PacketStatus(number, 4000 + i * 133)], i / 30 + 0.06)
    went = 0
    for i in range(300):
        now = 1.06 + i / 30
        if downlink.may_send(now):
            went += 1
            sent(downlink, 100 + i, now)
    assert 18 <= went <= 40
    assert downlink.skipped == 300 - went
    assert downlink.rate.limited_by == "silence"
    assert downlink.flush_due(12.0)
    assert downlink.asked_again(310, 12.1) is None


def test_remb_does_not_take_a_key_frame_for_a_jam():
    estimator = RembEstimator(3e6, 1e5, 6e6)
    told = []
    for frame in range(300):
        now = 1000.0 + frame / 30
        size = 60_000 if frame % 100 == 50 else 12_500
        for i in range(0, size, 1200):
            at = now + i * 8 / 20e6  # The line carries 20 Mbit/s.
            abs_send = int(now * 2**18) & 0xFFFFFF
            found = estimator.add(int((at + 0.03) * 1000), abs_send, 1200, 5)
            told += [found] if found else []
    assert told[-1][1] == [5]
    assert min(bps for bps, _ in told) > 2.9e6


def test_remb_follows_a_narrow_line():
    estimator = RembEstimator(3e6, 1e5, 6e6)
    free, bps = 0.0, 3e6
    for frame in range(600):
        now = 70.0 + frame / 30  # abs-send-time wraps at 64 s, several times
        for _ in range(int(bps / 30 / 8 / 1200) + 1):
            free = max(free, now) + 1200 * 8 / 1e6
            found = estimator.add(int((free + 0.03) * 1000), int(now * 2**18) & 0xFFFFFF, 1200, 5)
            bps = found[0] if found else bps
    assert 5e5 < bps < 1.1e6
    assert free - now < 0.3


def test_what_lies_between_the_first_to_come_and_the_first_that_was_sent_is_missing_too():
    recovery = LossRecovery()
    recovery.received(1, 1200, 0.0, begun=False)
    recovery.received(0xFFFE, 1200, 0.001, begun=False)
    assert recovery.due(0.002, RTT) == [0xFFFF, 0]
    recovery.received(0xFFF0, 1200, 0.003, begun=True)  # Late, when the first frame was there.
    assert len(recovery.missing) == 2


def test_in_a_full_line_the_answer_is_waited_for():
    """A key frame would stand behind it in the same queue."""
    recovery = LossRecovery()
    stream(recovery, [*range(200), *range(201, 230)])
    noticed = 200 * 0.004
    assert recovery.hopeless(noticed + 0.4, queue=0.05)
    assert not recovery.hopeless(noticed + 1.2, queue=0.7)
    assert recovery.hopeless(noticed + 1.3, queue=0.7)
