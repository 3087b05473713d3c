"""The controller on simulated lines with known right answers."""

import math
import random

import numpy as np
import pytest

from bench.network.lines import Line
from server.rtc.downlink import Downlink
from server.rtc.rate_controller import RateController
from server.rtc.sent_packets import Delivery
from tests.server.rtc.simulated import Call, Second

FREE = Line(100_000, 10)


def mean_rate(seconds: list[Second]) -> float:
    return float(np.mean([one.delivered_bps for one in seconds]))


def late(seconds: list[Second], percent: float = 95) -> float:
    return float(np.percentile([delay for one in seconds for delay in one.delays], percent))


@pytest.mark.parametrize("kbps", [300, 700, 1000, 2000])
def test_it_uses_a_line_and_does_not_fill_it(kbps: int):
    seconds = Call(Line(kbps, 30)).run(40)[10:]
    assert 0.65 <= mean_rate(seconds) / (kbps * 1000) <= 0.97
    assert late(seconds) < 0.03 + 0.15


def test_a_free_line_gets_all_there_is_within_seconds():
    seconds = Call(FREE).run(15)
    assert mean_rate(seconds[10:]) > 0.9 * 0.94 * 3e6
    assert late(seconds[3:]) < 0.02


def test_a_line_that_becomes_narrow_and_wide_again_is_followed():
    call = Call(FREE, start_bps=3e6)
    call.run(5)
    narrow = call.run(20, Line(2_000, 10))
    assert 0.6 < mean_rate(narrow[3:]) / 2e6 < 0.97
    assert late(narrow[3:]) < 0.17
    wide = call.run(25, FREE)
    assert mean_rate(wide[20:]) > 2.5e6


def test_a_tenth_of_the_rate_is_survived_at_once():
    call = Call(FREE, start_bps=3e6)
    call.run(5)
    thin = call.run(20, Line(300, 30))
    assert late(thin[4:]) < 0.25
    assert 0.6 < mean_rate(thin[6:]) / 300e3 < 1.0


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.1])
def test_loss_that_is_the_lines_own_costs_little(loss: float):
    call = Call(FREE, start_bps=3e6)
    call.run(5)
    seconds = call.run(40, Line(100_000, 10, loss=loss))
    assert mean_rate(seconds[25:]) > 0.85 * 3e6 * 0.94 * (1 - loss)
    assert min(one.target_bps for one in seconds) > 1.5e6


def test_a_short_queue_is_found_by_its_losses():
    seconds = Call(Line(2_000, 20, queue_ms=60)).run(60)[20:]
    assert mean_rate(seconds) > 1.2e6
    assert np.mean([one.target_bps for one in seconds]) < 2.2e6


@pytest.mark.parametrize("jitter", [10, 30, 60])
def test_jitter_is_no_queue(jitter: int):
    call = Call(FREE, start_bps=3e6)
    call.run(5)
    seconds = call.run(20, Line(20_000, 40, jitter_ms=jitter))
    assert mean_rate(seconds[5:]) > 2.3e6


def test_a_longer_way_is_no_queue():
    call = Call(FREE, start_bps=3e6)
    call.run(10)
    seconds = call.run(30, Line(100_000, 90))
    assert mean_rate(seconds[20:]) > 2.3e6


def test_a_competing_flow_takes_its_part_and_gives_it_back():
    call = Call(Line(3_000, 30), most_bps=2.8e6)
    call.run(15)
    call.other_bps = 1.5e6
    shared = call.run(30)
    assert 0.8e6 < mean_rate(shared[10:]) < 1.5e6
    assert late(shared[10:]) < 0.25
    call.other_bps = 0.0
    assert mean_rate(call.run(25)[15:]) > 1.8e6


def test_a_sender_of_few_pictures_keeps_its_quality():
    """A server without time draws three pictures a second: the line is not what limits it."""
    call = Call(FREE, start_bps=3e6)
    call.senders[0].fps = 3
    call.run(10)
    call.pipe.line = Line(100_000, 80)  # A longer way looks like a queue at first.
    seconds = call.run(30)
    assert min(one.target_bps for one in seconds[10:]) > 2e6


def test_four_on_one_line_come_to_fair_shares():
    call = Call(Line(4_000, 30), senders=4)
    call.senders[0].downlink.rate.start(3e6)
    call.senders[1].downlink.rate.start(2e5)
    call.run(60)
    for sender in call.senders:
        share = mean_rate(sender.seconds[-40:]) / 1e6
        assert 0.6 <= share <= 1.4


def test_a_line_that_is_cut_is_tried_now_and_then_and_found_again():
    call = Call(FREE, start_bps=3e6)
    call.run(5)
    cut = call.run(10, Line(0, 10))
    assert sum(len(one.delays) for one in cut[1:]) == 0
    assert call.senders[0].downlink.rate.limited_by == "silence"
    back = call.run(12, FREE)
    assert back[1].delays
    assert mean_rate(back[10:]) > 1.5e6


# What a browser, or somebody who plays one, can send


def steady(rate: RateController, seconds: float, bps: float, began: float = 0.0) -> float:
    """Feedback about a line that carries `bps` without any queue."""
    now, count = began, int(seconds * 20)
    for _ in range(count):
        packets = [
            Delivery(now + i / 200, now + i / 200 + 7.0, int(bps / 8 / 200)) for i in range(10)
        ]
        now += 0.05
        rate.feedback(packets, 0, now, 0.05)
    return now


def test_the_rate_stays_within_its_bounds_whatever_is_reported():
    rng = random.Random(4)
    rate = RateController(1e6, 1e5, 3e6)
    now = 0.0
    for _ in range(3000):
        now += rng.choice([0.0, 0.01, 0.05, 1.0, 100.0, -3.0])
        arrivals = [
            Delivery(
                now - rng.random(),
                rng.choice([now, rng.uniform(-1e9, 1e9), math.inf, math.nan]),
                rng.choice([1, 1200, 10**9, 0, -5]),
            )
            for _ in range(rng.randrange(20))
        ]
        rate.feedback(arrivals, rng.choice([0, 1, 10**6]), now, rng.choice([0.0, 0.1, 1e6]))
        if rng.random() < 0.1:
            rate.silent(now)
        assert 1e5 <= rate.target_bps <= 3e6
        assert math.isfinite(rate.delivered_bps)


def test_a_receivers_clock_that_jumps_is_no_queue():
    rate = RateController(2e6, 1e5, 3e6)
    now = steady(rate, 5, 2e6)
    before = rate.target_bps
    for jump in (3600.0, -7200.0):
        packets = [Delivery(now + i / 200, now + i / 200 + jump, 1250) for i in range(10)]
        now += 0.05
        rate.feedback(packets, 0, now, 0.05)
    assert rate.target_bps >= before


def test_our_own_clock_may_jump():
    rate = RateController(2e6, 1e5, 3e6)
    now = steady(rate, 3, 2e6)
    now = steady(rate, 3, 2e6, began=now + 3600)
    steady(rate, 3, 2e6, began=now - 1800)
    assert rate.target_bps > 1.5e6


def test_no_feedback_at_all_leaves_the_start_and_the_browsers_own_estimate_counts():
    downlink = Downlink(3e6, 0.0)
    for i in range(100):
        downlink.sent(downlink.packets.next_number(), 1200, i, i / 30)
        assert downlink.may_send(i / 30)
    downlink.estimate(700_000)
    assert downlink.rate.target_bps == 700_000
    for absurd in (math.inf, math.nan, -1.0, 1e30):
        downlink.estimate(absurd)
        assert 1e5 <= downlink.rate.target_bps <= 3e6


def test_loss_reports_are_heard_where_there_is_nothing_better():
    downlink = Downlink(3e6, 0.0)
    for _ in range(10):
        downlink.reported_loss(0.2)
    assert downlink.rate.target_bps < 5e5
    for _ in range(60):
        downlink.reported_loss(0.0)
    assert downlink.rate.target_bps > 2e6
