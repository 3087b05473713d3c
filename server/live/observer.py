"""What the page is told about the dancer: the guide, the coverage, the raised hands."""

from __future__ import annotations

import threading
import time
from typing import Any

from capture.coverage import Coverage
from capture.quality import guide, measure
from inference.analysis import Analysis
from inference.arrays import Rgb
from server.live.gesture import HandsUp

GUIDE_SECONDS = 0.25
"""The guide is worked out no more often than this."""


class Observer:
    """Sees every analysed frame in the live thread; `state` is read on the event loop."""

    def __init__(self) -> None:
        self.gesture_enabled = False
        """Whether raised hands may start a recording."""
        self.people = 0
        """People in the newest frame."""
        self._lock = threading.Lock()
        self._hands = HandsUp()
        self._coverage = Coverage()
        self._new_pose = False
        self._guide: list[dict[str, Any]] = []
        self._guided = 0.0

    def observe(self, rgb: Rgb, analysis: Analysis, time_s: float) -> bool:
        """True at the moment raised hands ask for a recording."""
        person = analysis.person
        keypoints = None if person is None else person.keypoints
        self.people = len(analysis.others) + (person is not None)
        now = time.monotonic()
        if now - self._guided >= GUIDE_SECONDS:
            self._guided = now
            self._guide = guide(measure(rgb, analysis))
        with self._lock:
            new = keypoints is not None and self._coverage.add(keypoints, analysis.labels)
            self._new_pose = self._new_pose or new
            fired = self._hands.update(keypoints, time_s)
        return fired and self.gesture_enabled

    def reset(self) -> None:
        """Another source, or a recording, begins: cover poses anew."""
        with self._lock:
            self._coverage, self._hands = Coverage(), HandsUp()

    def state(self) -> dict[str, Any]:
        """The contract's `guide`, `coverage` and `hands_up`."""
        with self._lock:
            new, self._new_pose = self._new_pose, False
            return {
                "guide": {"items": self._guide},
                "coverage": {
                    "fraction": round(self._coverage.fraction, 3),
                    "new": new,
                    "missing": self._coverage.missing(),
                    "enough": sorted(self._coverage.enough),
                },
                "hands_up": round(self._hands.share, 2) if self.gesture_enabled else 0.0,
            }
