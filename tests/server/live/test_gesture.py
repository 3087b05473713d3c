"""Both hands above the head for a second: from a real dancer's raised arms to the message."""

from __future__ import annotations

import asyncio

import av
import cv2
import numpy as np
import pytest

from inference.analyzer import Analyzer
from inference.pool import NetworkPool
from server.live.gesture import HandsUp, hands_are_up
from tests.server.browser import Browser, ClipTrack


@pytest.fixture(scope="module")
def stills(videos, models):
    """One frame of jumping jacks with the hands up, one with the hands down, RGB and key points."""
    pool = NetworkPool.open("bodypix-075", "cpu")
    analyzer, found = Analyzer(pool), {}
    with av.open(str(videos / "dancer_d.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 3:
                continue
            rgb = cv2.resize(frame.to_ndarray(format="rgb24"), (640, 360), cv2.INTER_AREA)
            person = analyzer.analyse(np.ascontiguousarray(rgb), number / 30).person
            if person is not None:
                found.setdefault(hands_are_up(person.keypoints), (rgb, person.keypoints))
            if len(found) == 2:
                break
    pool.close()
    return found[True], found[False]


def test_it_fires_once_after_a_second_and_again_only_after_lowering(stills):
    (_, up), (_, down) = stills
    hands = HandsUp()
    times = np.arange(0, 4, 1 / 30)
    fired = [t for t in times if hands.update(down if 2 <= t < 2.5 else up, float(t))]
    assert fired == pytest.approx([1.0, 3.5], abs=0.08)


def test_a_wrist_that_is_missed_for_a_moment_does_not_count_as_lowered(stills):
    (_, up), _ = stills
    hands, hidden = HandsUp(), up.copy()
    hidden[9, 2] = 0
    fired = [t for t in range(40) if hands.update(hidden if 10 <= t < 16 else up, t / 30)]
    assert len(fired) == 1


def test_raised_in_passing_does_not_start(stills):
    (_, up), (_, down) = stills
    hands = HandsUp()
    assert not any(hands.update(up if t % 30 < 18 else down, t / 30) for t in range(300))


async def test_the_page_is_told_to_count_down(serve, stills):
    (raised, _), (lowered, _) = stills
    up, down = (cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420) for rgb in (raised, lowered))
    track = ClipTrack([down] * 30)
    async with serve() as http, Browser(http, track) as browser:
        await browser.sees_camera(20)
        browser.send("gesture", enabled=True)
        await asyncio.sleep(1.5)
        assert not browser.heard("hands_up")
        track.change([up] * 30)
        await browser.hears("hands_up", 5)
        await browser.until_state(lambda state: state["hands_up"] == 1)
        assert len(browser.heard("hands_up")) == 1
