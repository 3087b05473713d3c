"""Who gets a session: places are counted, old selves make room."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from server.errors import Refused
from server.live.control import ControlError, LiveSettings
from server.state import AppState


class Places:
    """The places of one server."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def take(self, address: str, wanted: Mapping[str, Any]) -> LiveSettings:
        """Room for a session, and the settings it begins with.

        `wanted`: what the page sent; `resume` names the session whose place it takes.

        Raises:
            Refused: too often, full, or no network to see with.
        """
        state = self._state
        if not state.connection_rate.allows(address):
            raise Refused(429, "slow_down", "Too many connections in a minute; wait a little.")
        await self._leave_old_self(wanted.get("resume"))
        self._check_room()
        first, choices = await state.first_settings()
        changes = wanted.get("settings")
        try:
            settings = choices.change(first, changes if isinstance(changes, dict) else {})
        except ControlError:
            settings = first
        self._check_room()
        return settings

    def _check_room(self) -> None:
        places = self._state.settings.max_sessions
        if len(self._state.sessions) >= places:
            taken = "The one place is" if places == 1 else f"All {places} places are"
            sentence = f"{taken} taken: somebody else is dancing. Try again in a moment."
            raise Refused(503, "full", sentence)

    async def _leave_old_self(self, resume: Any) -> None:
        if not isinstance(resume, str):
            return
        for session in list(self._state.sessions.values()):
            if secrets.compare_digest(session.token.encode(), resume.encode()):
                await session.close("the same page connected again", lost=True)
