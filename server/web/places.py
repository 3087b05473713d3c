"""Who gets a session: places are counted, old selves make room."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from server.errors import Refused
from server.live.control import ControlError, LiveSettings
from server.live.session import Session
from server.state import AppState


class Places:
    """The places of one server."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def take(
        self, address: str, wanted: Mapping[str, Any]
    ) -> tuple[LiveSettings, Session | None]:
        """Room for a session: the settings it begins with, and the session whose place it takes.

        `wanted`: what the page sent; `resume` is that session's token. It lives until the new one
        is up: a page tries another way while the old one may still come back.

        Raises:
            Refused: too often, full, or no network to see with.
        """
        state = self._state
        if not state.connection_rate.allows(address):
            raise Refused(429, "slow_down", "Too many connections in a minute; wait a little.")
        old = self._old_self(wanted.get("resume"))
        await self._leave_other_tries(old)
        self._check_room(old)
        first, choices = await state.first_settings()
        changes = wanted.get("settings")
        try:
            settings = choices.change(first, changes if isinstance(changes, dict) else {})
        except ControlError:
            settings = first
        self._check_room(old)
        return settings, old

    def _check_room(self, old: Session | None) -> None:
        places = self._state.settings.max_sessions
        if sum(one is not old for one in self._state.sessions.values()) >= places:
            taken = "The one place is" if places == 1 else f"All {places} places are"
            sentence = f"{taken} taken: somebody else is dancing. Try again in a moment."
            raise Refused(503, "full", sentence)

    def _old_self(self, resume: Any) -> Session | None:
        if not isinstance(resume, str):
            return None
        for session in self._state.sessions.values():
            if secrets.compare_digest(session.token.encode(), resume.encode()):
                return session
        return None

    async def _leave_other_tries(self, old: Session | None) -> None:
        """Of one page's calls there are two at most."""
        for session in list(self._state.sessions.values()):
            if old is not None and session.old is old:
                await session.close("the same page tries another way")
