"""Films of what one session performs: recorded on request, or the last moment kept afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from server.live.control import ControlError, FilmOrder
from server.live.film_tape import FilmTape
from server.live.services import Services
from server.work.films import Film


class Filming:
    """Used on the event loop alone; its tape takes pictures in the live thread."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.tape = FilmTape(settings.moment_seconds, settings.max_recording_seconds)
        self._services = services
        self._film: Film | None = None

    async def obey(self, order: FilmOrder) -> dict[str, Any] | None:
        """Do it; a `filmed` message's fields when there is a new film, else None."""
        self.tape.beside = order.beside
        if order.action == "begin":
            await self._begin(order.title)
            return None
        if order.action == "end":
            return await self.end()
        if order.action == "moment":
            return await self._keep_moment(order.title)
        return None

    async def _begin(self, title: str) -> None:
        if self._film is not None:
            raise ControlError("A film is being recorded already.")
        if not self._services.recordings.room_left():
            raise ControlError("The server's disk is nearly full; delete something first.")
        self._film = film = self._services.films.new("performance", title or "Performance")
        await self._wait(self.tape.begin, self._services.films.path(film.id))

    async def end(self) -> dict[str, Any] | None:
        """Finish the recording, if there is one; it is kept as a film."""
        film, self._film = self._film, None
        if film is None:
            return None
        dropped, error = self.tape.dropped, self.tape.error
        shown = await self._wait(self.tape.end)
        if not shown:
            raise ControlError(error or "Nobody was performed meanwhile: there is no film.")
        await self._services.background.run(self._services.films.keep, film)
        return {"film": film.id, "title": film.title, "dropped": dropped}

    async def _keep_moment(self, title: str) -> dict[str, Any]:
        film = self._services.films.new("performance", title or "That was the moment")
        path = self._services.films.path(film.id)
        if not await self._wait(self.tape.keep, path):
            raise ControlError("Nothing was performed just now: there is no moment to keep.")
        await self._services.background.run(self._services.films.keep, film)
        return {"film": film.id, "title": film.title, "dropped": 0}

    def state(self) -> dict[str, Any]:
        """For the page, four times a second."""
        seconds = self.tape.seconds if self._film is not None else None
        return {
            "seconds": None if seconds is None else round(seconds, 1),
            "moment": round(self.tape.kept, 1),
        }

    async def close(self) -> None:
        """The session ends: a recording is kept."""
        try:
            with contextlib.suppress(ControlError):  # There was nothing to be kept.
                await self.end()
        finally:
            await self._services.background.run(self.tape.close)

    async def _wait(self, order: Any, *arguments: Any) -> Any:
        """Its queue may be full for a moment, so it is not waited for on the loop."""
        done = await self._services.background.run(order, *arguments)
        return await asyncio.wrap_future(done)
