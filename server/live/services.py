"""What serves every session and every request: settings, networks, performers, recordings, jobs."""

from __future__ import annotations

from dataclasses import dataclass

from inference.analyzer import AnalyzerOptions
from inference.errors import ModelError
from inference.views import VIEWS, ViewOptions
from server.background import Background
from server.errors import Refused
from server.live.control import Choices, LiveSettings
from server.live.handover import Handover
from server.live.recording import Recordings
from server.networks import Networks
from server.performers import Performers
from server.settings import Settings
from server.work.films import Films
from server.work.jobs import Jobs
from server.work.preparations import Preparations
from server.work.shares import Shares
from server.work.trainings import Trainings
from server.work.uploads import Uploads


@dataclass(slots=True)
class Services:
    """One server's belongings, without those who use them."""

    settings: Settings
    background: Background
    networks: Networks
    performers: Performers
    recordings: Recordings
    handover: Handover
    jobs: Jobs
    uploads: Uploads
    preparations: Preparations
    trainings: Trainings
    films: Films
    shares: Shares

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
