"""Frames that a mended loss brings at once: all are looked at where there is time for it."""

import time
from typing import Any

import av
import numpy as np
import pytest

from inference.views import ViewOptions
from server.live.live_thread import LiveEvents, LiveThread


class Eyes:
    """Sees nothing, and takes its time for it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def analyse(self, rgb: Any, seconds: float) -> None:
        time.sleep(self.seconds)

    def reset(self) -> None:
        pass


def frame(number: int) -> av.VideoFrame:
    made = av.VideoFrame.from_ndarray(np.full((48, 32), 90, np.uint8), format="yuv420p")
    made.pts = number * 3000
    return made


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, {3}), (0.04, {1, 2})])
def test_three_at_once(seconds: float, shown: set[int]):
    arrivals: list[float] = []

    def picture(_: Any, arrival: float | None) -> None:
        if arrival is not None:
            arrivals.append(arrival)

    eyes: Any = Eyes(seconds)
    events = LiveEvents(picture, analysed=lambda *_: None, failed=lambda _: None)
    live = LiveThread(eyes, ViewOptions(), None, events)
    live.start()
    try:
        for number in range(20):
            live.offer(frame(number))
            time.sleep(seconds + 0.02)
        before = len(arrivals)
        for number in range(20, 23):
            live.offer(frame(number))
        time.sleep(0.4)
        assert len(arrivals) - before in shown
        assert live.slot.dropped == 3 - (len(arrivals) - before)
    finally:
        live.close()
