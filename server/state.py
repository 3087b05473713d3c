"""The application's state: the services, and the sessions that use them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from server.live.services import Services
from server.live.session import Session
from server.rate_limit import RateLimit


@dataclass(slots=True)
class AppState(Services):
    """One server; whoever handles a request takes from it what is needed."""

    sessions: dict[str, Session] = field(default_factory=dict)
    """Connected browsers by id, until they end."""
    connection_rate: RateLimit = field(default_factory=lambda: RateLimit(events=120, seconds=60.0))
    """How often one address may ask for a session."""

    def forget(self, session_id: str) -> None:
        """A session has ended."""
        self.sessions.pop(session_id, None)

    async def close(self) -> None:
        """End every session and job; may take a few seconds, never hangs."""
        ending = [session.close("the server is stopping") for session in self.sessions.values()]
        await asyncio.gather(*ending, return_exceptions=True)
        await self.handover.close()
        await self.uploads.close()
        await self.jobs.close()
        await self.preparations.close()
        await self.trainings.close()
        self.background.close()


APP_STATE = web.AppKey("app_state", AppState)
