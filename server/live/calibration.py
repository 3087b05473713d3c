"""Two seconds of standing still, looked at on request."""

from __future__ import annotations

from inference.analysis import Analysis
from inference.arrays import Keypoints
from transfer.target.standing import SECONDS, Standing


class Calibration:
    """Collects poses in the live thread once `begin` was called, from any thread."""

    def __init__(self) -> None:
        self._wanted = False
        self._poses: list[Keypoints | None] | None = None
        self._seconds: list[float] = []

    def begin(self) -> None:
        """Look from the next frame on; anew when it has begun already."""
        self._wanted = True

    @property
    def share(self) -> float | None:
        """0..1: how much has been looked at; None when nothing is wanted."""
        if self._poses is None:
            return 0.0 if self._wanted else None
        return min((self._seconds[-1] - self._seconds[0]) / SECONDS, 1.0)

    def see(self, analysis: Analysis, time_s: float) -> Standing | None:
        """One frame's analysis; the poses when that was the last one wanted.

        Raises `NotStill` then, when they tell nothing.
        """
        if self._wanted:
            self._wanted, self._seconds, self._poses = False, [time_s], []
        if self._poses is None:
            return None
        there = analysis.person is not None
        self._poses.append(analysis.smoothed if there else None)
        if len(self._poses) > 1:
            self._seconds.append(time_s)
        if time_s - self._seconds[0] < SECONDS:
            return None
        poses, self._poses = self._poses, None
        return Standing.of(poses, self._seconds)
