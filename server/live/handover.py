"""A recording outlives the call it was begun in: the page's next call goes on with it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.live.recording import LiveRecording

KEEP_SECONDS = 30.0
"""A page that has not come back by then does not get its recording back; it is a dataset then."""

End = Callable[[LiveRecording], Awaitable[object]]


@dataclass(slots=True)
class _Left:
    token: str
    recording: LiveRecording
    timer: asyncio.TimerHandle


class Handover:
    """Recordings whose call was lost, by their session's token. For the event loop alone."""

    def __init__(self, end: End) -> None:
        """`end(recording)` completes one that nobody came back for."""
        self._end = end
        self._left: list[_Left] = []
        self._ending: set[asyncio.Task[object]] = set()

    def leave(self, token: str, recording: LiveRecording) -> None:
        """Keep it for the page that knows the token, for `KEEP_SECONDS`."""
        loop = asyncio.get_running_loop()
        left = _Left(token, recording, loop.call_later(KEEP_SECONDS, self._give_up, recording))
        self._left.append(left)

    def claim(self, token: str) -> LiveRecording | None:
        """The recording that goes with this token, once."""
        for left in self._left:
            if secrets.compare_digest(left.token.encode(), token.encode()):
                left.timer.cancel()
                self._left.remove(left)
                return left.recording
        return None

    async def close(self) -> None:
        """Complete all that is left."""
        left, self._left = self._left, []
        for one in left:
            one.timer.cancel()
        ends = [self._end(one.recording) for one in left]
        await asyncio.gather(*ends, *self._ending, return_exceptions=True)

    def _give_up(self, recording: LiveRecording) -> None:
        self._left = [one for one in self._left if one.recording is not recording]
        task = asyncio.ensure_future(self._end(recording))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
