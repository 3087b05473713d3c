"""The performer that a session wants: made ready in the background, then shown."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from inference.errors import UnderstudyError
from inference.views import ViewOptions
from server.live.live_thread import LiveThread
from server.performers import Performers, is_performer, note

logger = logging.getLogger(__name__)

NOT_READY = "Your double could not be made ready; the server's log says why."


class Performing:
    """Follows the wanted view of one session; used on the event loop alone."""

    def __init__(
        self,
        performers: Performers,
        live: LiveThread,
        start: Callable[[Coroutine[Any, Any, None]], None],
        failed: Callable[[str], None],
    ) -> None:
        """`start` runs a task for as long as the session; `failed` gets a sentence."""
        self.plain_view = ViewOptions().view
        """Shown until a performer is ready, or when it cannot be."""
        self._performers, self._live = performers, live
        self._start, self._failed = start, failed
        self._wanted = ""
        """Name of the view whose performer is shown or being made ready; empty: a plain view."""
        self._since = 0.0

    def show(self, view: str) -> None:
        """Show a view as soon as it can be: a plain one now, a performer when it is ready."""
        if not is_performer(view):
            self.plain_view, self._wanted = view, ""
            self._live.performer = None
        elif view != self._wanted:
            self._wanted = view
            self._start(self._open(view))

    def note(self, stats: dict[str, Any]) -> str:
        """What is to be said over the picture; empty: nothing."""
        if not self._wanted:
            return ""
        return note(stats, self._live.performer, time.monotonic() - self._since)

    async def _open(self, view: str) -> None:
        try:
            performer = await self._performers.open(view)
        except Exception as error:  # Else "getting ready" would stand there for ever.
            known = isinstance(error, UnderstudyError)
            if not known:
                logger.exception("%s could not be made ready", view)
            if self._wanted == view:
                self._failed(str(error) if known else NOT_READY)
            return
        if self._wanted == view:
            self._live.performer = performer
            self._since = time.monotonic()
