"""What all requests share: settings, networks, sessions, recordings, uploads, jobs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from inference.analyzer import AnalyzerOptions
from inference.errors import ModelError
from inference.views import VIEWS, ViewOptions
from server.access import RateLimit
from server.background import Background
from server.control import Choices, LiveSettings
from server.errors import Refused
from server.jobs import Jobs
from server.networks import Networks
from server.performers import Performers
from server.recording import Recordings
from server.settings import Settings
from server.uploads import Uploads

if TYPE_CHECKING:
    from server.session import Session


@dataclass(slots=True)
class AppState:
    """One server's belongings; whoever handles a request takes from it what is needed."""

    settings: Settings
    background: Background
    networks: Networks
    performers: Performers
    recordings: Recordings
    jobs: Jobs
    uploads: Uploads
    sessions: dict[str, Session] = field(default_factory=dict)
    """Connected browsers by id; a session takes itself out when it ends."""
    connection_rate: RateLimit = field(default_factory=lambda: RateLimit(events=120, seconds=60.0))
    """How often one address may ask for a session."""

    async def choices(self) -> Choices:
        """What a page may choose from, now."""
        return await self.background.run(self._choices)

    def _choices(self) -> Choices:
        views = (*(view.name for view in VIEWS), *self.performers.names())
        return Choices(views, self.networks.models(), self.networks.long_sides)

    async def first_settings(self) -> tuple[LiveSettings, Choices]:
        """What a session begins with; `Refused` with code `no_model` when there is no network."""
        try:
            choices = await self.choices()
        except ModelError as error:
            raise Refused(503, "no_model", str(error)) from error
        view = ViewOptions()
        first = LiveSettings(
            view=view.view,
            opacity=view.opacity,
            threshold=AnalyzerOptions().threshold,
            model=next(iter(choices.models)),
            long_side=self.networks.default_long_side,
        )
        return first, choices

    async def close(self) -> None:
        """End every session and job; may take a few seconds, never hangs."""
        ending = [session.close("the server is stopping") for session in self.sessions.values()]
        await asyncio.gather(*ending, return_exceptions=True)
        await self.uploads.close()
        await self.jobs.close()
        self.background.close()


APP_STATE = web.AppKey("house", AppState)
