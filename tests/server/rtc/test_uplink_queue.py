"""What waits in the browser's line is told from what waits in ours."""

import random

from server.rtc.downlink import Downlink
from server.rtc.transport_feedback import PacketStatus
from server.rtc.uplink_queue import MOST_SECONDS, UplinkQueue


def told(queue: UplinkQueue, began: float, seconds: float, waits) -> float:
    """Packets every 5 ms; `waits(s)`: what each waits beyond 30 ms. The time when it is over."""
    sent = [(began + i * 0.005) for i in range(int(seconds / 0.005))]
    for at in sorted(sent):
        abs_send = int(at * 2**18) & 0xFFFFFF
        queue.received(abs_send, 1200, at + 0.03 + waits(at - began) + 5_000.0)
    return sent[-1]


def test_a_standing_queue_is_seen_and_a_burst_is_not():
    queue = UplinkQueue()
    now = told(queue, 60.0, 5, lambda s: 0.0)  # The 24 bits wrap at 64 s.
    assert queue.seconds < 0.01
    now = told(queue, now, 2, lambda s: 0.15 if s % 0.2 < 0.1 else 0.0)
    assert queue.seconds < 0.02
    now = told(queue, now, 2, lambda s: min(0.6, s))
    assert 0.55 < queue.seconds <= 0.61
    told(queue, now, 1, lambda s: 0.0)
    assert queue.seconds < 0.01


def test_whatever_a_browser_writes_it_is_never_long():
    queue, rng, now = UplinkQueue(), random.Random(3), 10.0
    for _ in range(3000):
        now += rng.choice([0.0, 0.001, 0.05, 2.0])
        queue.received(rng.randrange(1 << 24), rng.randrange(1500), now)
        assert 0.0 <= queue.seconds <= MOST_SECONDS


def steady(downlink: Downlink, began: float, late: float) -> float:
    """A second of pictures whose feedback comes after `late` seconds."""
    numbers = []
    for i in range(30):
        number = downlink.packets.next_number()
        downlink.sent(number, 1200, i, began + i / 30)
        numbers.append((began + i / 30, number))
    for at, number in numbers:
        downlink.feedback([PacketStatus(number, int((at + 0.02) * 4000))], at + late)
    return began + 29 / 30 + late


def test_feedback_that_waited_in_the_line_up_does_not_close_the_line_down():
    closed, opened = Downlink(3e6, 0.0), Downlink(3e6, 0.0)
    for downlink in (closed, opened):
        now = steady(downlink, 0.0, 0.05)
        downlink.sent(downlink.packets.next_number(), 1200, 99, now)
    opened.uplink.seconds = 0.8
    tries = [0.1 * i for i in range(4, 9)]
    assert sum(closed.may_send(now + late) for late in tries) <= 2
    assert all(opened.may_send(now + late) for late in tries)
    assert closed.rate.limited_by == "silence"
    assert opened.rate.limited_by == ""
    assert not opened.may_send(now + 2.0) or not opened.may_send(now + 2.1)


def test_what_a_late_request_asks_for_is_still_sent_again_and_else_a_key_frame_comes():
    downlink = Downlink(3e6, 0.0)
    downlink.sent(downlink.packets.next_number(), 1200, 7, 0.0)
    assert downlink.asked_again(7, 1.3) is None
    assert downlink.flush_due(1.3)
    assert not downlink.flush_due(2.5)  # Once, for all from before it.
    assert downlink.asked_again(7, 2.6) is None
    assert not downlink.flush_due(4.0)
    downlink.sent(downlink.packets.next_number(), 1200, 8, 3.0)
    downlink.uplink.seconds = 0.8
    assert downlink.asked_again(8, 4.3) == 0.0
