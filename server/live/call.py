"""What a session needs of the way to its browser, and that way over WebRTC."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiortc import RTCPeerConnection

from server.live.connection_stats import Bitrates
from server.rtc.aiortc_tuning import MediaLink

CLOSE_SECONDS = 5.0


class Call(Protocol):
    """Video both ways and the control channel."""

    @property
    def connected(self) -> bool:
        """Whether media can flow."""

    @property
    def frames_lost(self) -> int:
        """Frames of the camera that did not come, or came damaged, so far."""

    def damaged(self) -> None:
        """Count a frame that was decoded with damage."""

    def bitrates(self) -> tuple[int, int]:
        """kbit/s in and out since last asked."""

    def figures(self) -> dict[str, object]:
        """What the page shows of the line."""

    async def close(self) -> None:
        """Hang up."""


class RtcCall:
    """A WebRTC connection; `link` is set once the descriptions are."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self.link: MediaLink | None = None
        self._connection = connection
        self._bitrates = Bitrates(connection)

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return bool(self._connection.connectionState == "connected")

    @property
    def frames_lost(self) -> int:
        """Frames of the camera that did not come, or came damaged, so far."""
        return self.link.frames.discarded if self.link is not None else 0

    def damaged(self) -> None:
        """Count a frame that was decoded with damage."""
        if self.link is not None:
            self.link.frames.discarded += 1

    def bitrates(self) -> tuple[int, int]:
        """kbit/s in and out since last asked."""
        return self._bitrates.since_last()

    def figures(self) -> dict[str, object]:
        """What the page shows of the line."""
        known = self.link.figures() if self.link is not None else {}
        return {"transport": "webrtc", **known}

    async def close(self) -> None:
        """Hang up."""
        if self.link is not None:
            self.link.close()
        async with asyncio.timeout(CLOSE_SECONDS):
            await self._connection.close()
