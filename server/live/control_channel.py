"""A session's end of the control data channel: messages in, in order; messages out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import Any

from aiortc import RTCDataChannel

from server.live import control

logger = logging.getLogger(__name__)

LABEL = "control"
MAX_WAITING = 64
"""Messages that are not handled yet; more are refused."""
MAX_BUFFERED_BYTES = 65_536
"""State is not sent while this much waits to leave."""


class ControlChannel:
    """Used on the event loop alone. Before the page has opened it, what is sent goes nowhere."""

    def __init__(self) -> None:
        self.last_heard = time.monotonic()
        """When the page last sent anything (`time.monotonic()`)."""
        self._channel: RTCDataChannel | None = None
        self._messages: asyncio.Queue[control.Message] = asyncio.Queue(MAX_WAITING)

    def open(self, channel: RTCDataChannel) -> bool:
        """Take the page's channel; False, and it is closed, when there is one or it is another."""
        if self._channel is not None or channel.label != LABEL:
            channel.close()
            return False
        self._channel = channel
        channel.on("message", self._on_message)
        return True

    def send(self, kind: str, **fields: Any) -> None:
        """One message to the page (docs/architecture.md lists them)."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        channel.send(json.dumps({"type": kind, **fields}))

    def send_error(self, code: str, sentence: str) -> None:
        """Something went wrong, in a sentence for a person."""
        self.send("error", code=code, message=sentence)

    @property
    def has_room(self) -> bool:
        """Whether there is a channel, and what was sent has mostly left."""
        return self._channel is not None and self._channel.bufferedAmount < MAX_BUFFERED_BYTES

    def enqueue(self, message: control.Message) -> None:
        """As if the page had sent it; left out when too many wait."""
        with contextlib.suppress(asyncio.QueueFull):
            self._messages.put_nowait(message)

    async def next_message(self) -> control.Message:
        """The next one to be handled; pings are answered before they come here."""
        return await self._messages.get()

    def _on_message(self, text: str | bytes) -> None:
        self.last_heard = time.monotonic()
        try:
            message = control.parse(text)
            if isinstance(message, control.Ping):
                self.send("pong", t=message.t)
            else:
                self._messages.put_nowait(message)
        except asyncio.QueueFull:
            self.send_error("busy", "Too many messages at once; that one was left out.")
        except control.ControlError as error:
            self.send_error("message", str(error))
        except Exception:  # It would end the call: aiortc calls this in its receiver.
            logger.exception("a message of %d characters could not be read", len(text))
            self.send_error("message", "That message could not be read.")
