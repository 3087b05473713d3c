"""`/films`: what was danced, to be looked at, downloaded and deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from server.state import APP_STATE, AppState
from server.web.pages import render
from server.work.films import Film
from server.work.imports import RUN
from server.work.jobs import Job, State

routes = web.RouteTableDef()


@routes.get("/films")
async def films_page(request: web.Request) -> web.Response:
    """All films, and the links that lead to them."""
    return render(
        request, "films.html", {"page": "films", "films": await summaries(request.app[APP_STATE])}
    )


@routes.get("/api/films")
async def list_films(request: web.Request) -> web.Response:
    """All films, newest first."""
    return web.json_response(await summaries(request.app[APP_STATE]))


@routes.delete("/api/films/{id}")
async def delete(request: web.Request) -> web.Response:
    """It is gone, and so are the links to it."""
    state = request.app[APP_STATE]
    film = await state.background.run(state.films.get, request.match_info["id"])
    await state.background.run(state.films.delete, film.id)
    state.shares.forget(film.id)
    await state.background.run(state.shares.save)
    return web.Response(status=204)


@routes.get("/films/{id}/film.mp4")
async def film_file(request: web.Request) -> web.StreamResponse:
    """The film, or the bytes of it that a player asks for."""
    state = request.app[APP_STATE]
    film = await state.background.run(state.films.get, request.match_info["id"])
    return web.FileResponse(state.films.path(film.id), headers={"Content-Type": "video/mp4"})


@routes.get("/films/{id}/poster.jpg")
async def poster(request: web.Request) -> web.StreamResponse:
    """A still picture of it."""
    state = request.app[APP_STATE]
    film = await state.background.run(state.films.get, request.match_info["id"])
    return web.FileResponse(state.films.poster(film.id))


async def summaries(state: AppState) -> list[dict[str, Any]]:
    """All films as `GET /api/films` lists them."""
    films = await state.background.run(state.films.all)
    return [
        {
            **asdict(film),
            "film": f"/films/{film.id}/film.mp4",
            "poster": f"/films/{film.id}/poster.jpg",
        }
        for film in films
    ]


async def make_of_dataset(state: AppState, dataset: str, title: str) -> Job | None:
    """The job that makes a dataset's film, or has failed to; None when it is there already."""
    if await state.background.run(state.films.of_dataset, dataset) is not None:
        return None
    folder = state.settings.datasets / dataset
    for job in state.jobs.all():
        live = not job.over or job.state == "failed"
        if job.kind == "film" and live and str(folder) in job.command:
            return job
    film = state.films.new("dataset", title, dataset)
    command = [str(RUN), "film", str(folder), f"--out={state.films.path(film.id)}"]
    return state.jobs.add(film_job(state, film, [*command, "--progress=json"]))


def film_job(state: AppState, film: Film, command: list[str]) -> Job:
    """A job that writes a film's file, and keeps it."""

    async def finished(job: Job, outcome: State) -> None:
        if outcome == "done":
            await state.background.run(state.films.keep, film)
            job.message = "The film is ready."
        else:
            await state.background.run(state.films.delete, film.id)

    return Job("film", film.title, None, command, finished)
