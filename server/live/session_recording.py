"""The recording of one session, if there is one: begun, ended, or left to the page's next call."""

from __future__ import annotations

from typing import Any

from inference.analysis import Analysis
from inference.arrays import Rgb
from inference.pool import NetworkPool
from server.live.control import ControlError, Record
from server.live.recording import LiveRecording
from server.live.services import Services


class SessionRecording:
    """Used on the event loop; only `offer` is called in the live thread."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._current: LiveRecording | None = None
        self._frames_lost = 0

    @property
    def running(self) -> bool:
        """Whether there is one."""
        return self._current is not None

    @property
    def heads(self) -> bool:
        """Whether it keeps the network's raw heads."""
        return self._current is not None and self._current.heads

    def offer(self, rgb: Rgb, analysis: Analysis, seconds: float) -> bool:
        """A frame and its own analysis; False when the recording's time is over."""
        current = self._current
        return current is None or current.offer(rgb, analysis, seconds)

    async def begin(
        self, wanted: Record, size: tuple[int, int] | None, pool: NetworkPool, threshold: float
    ) -> str:
        """The dataset that it becomes; `size`: width and height of the frames, None: none came.

        Raises `ControlError` when there is one already, or nothing to record.
        """
        if self._current is not None:
            raise ControlError("A recording is running already.")
        if size is None:
            raise ControlError("There is no picture yet to record.")
        self._current = await self._services.recordings.begin(wanted, size, pool, threshold)
        return self._current.dataset

    async def end(self) -> dict[str, Any] | None:
        """Complete it; the contract's `recorded`, None when there was none."""
        recording, self._current = self._current, None
        if recording is None:
            return None
        counts = await self._services.recordings.end(recording)
        return {"dataset": recording.dataset, **counts}

    def leave(self, token: str) -> None:
        """Leave it to the page's next call, which shows this token."""
        recording, self._current = self._current, None
        if recording is not None:
            self._services.handover.leave(token, recording)

    def claim(self, token: Any) -> bool:
        """Go on with the recording of the call that this page lost; False when there is none."""
        left = self._services.handover.claim(token) if isinstance(token, str) else None
        if left is None:
            return False
        left.resume()
        self._current = left
        return True

    def count_lost(self, frames: int) -> None:
        """`frames` of the camera came damaged or not at all, so far in this call."""
        before, self._frames_lost = self._frames_lost, frames
        if self._current is not None:
            self._current.lost(frames - before)

    @property
    def overdue(self) -> bool:
        """Whether its time is over, though no frame comes to say so."""
        return self._current is not None and self._current.overdue

    def why_stop(self) -> str | None:
        """Why it cannot go on; None when it can, or there is none."""
        if self._current is None:
            return None
        if not self._services.recordings.room_left():
            return "The disk is nearly full: the recording was stopped."
        return self._current.error

    def state(self) -> dict[str, Any] | None:
        """For the page, four times a second."""
        return None if self._current is None else self._current.state()
