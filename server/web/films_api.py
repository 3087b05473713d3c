"""`/films`: what was danced, to be looked at, downloaded and deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from server.errors import Refused
from server.state import APP_STATE, AppState
from server.web.answers import read_json
from server.web.pages import render
from server.work.films import LOOPS, Film
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


@routes.get("/films/{id}/{name:[a-z.0-9]+}")
async def loop_file(request: web.Request) -> web.StreamResponse:
    """A GIF or a boomerang that was made of it."""
    state = request.app[APP_STATE]
    film = await state.background.run(state.films.get, request.match_info["id"])
    path = state.films.loop(film.id, request.match_info["name"])
    if not await state.background.run(path.is_file):
        raise Refused(404, "not_found", "That was not made of this film yet.")
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


@routes.post("/api/films/{id}/loops")
async def make_loop(request: web.Request) -> web.Response:
    """A GIF or a boomerang of some seconds, as a job."""
    state = request.app[APP_STATE]
    film = await state.background.run(state.films.get, request.match_info["id"])
    body = await read_json(request)
    kind, start = body.get("kind"), body.get("from", 0)
    if not isinstance(kind, str) or kind not in LOOPS:
        raise Refused(400, "kind", "Either a GIF or a boomerang can be made of a film.")
    if isinstance(start, bool) or not isinstance(start, int | float) or not 0 <= start <= 86_400:
        raise Refused(400, "from", "Where it begins must be a number of seconds.")
    if not state.recordings.room_left():
        raise Refused(507, "disk", "The server's disk is nearly full; delete something first.")
    return web.json_response({"job": _loop_job(state, film, kind, start).id}, status=202)


def _loop_job(state: AppState, film: Film, kind: str, start: float) -> Job:
    """The job that makes it; the same asked for twice is one."""
    paths = [str(state.films.loop(film.id, name)) for name in LOOPS[kind]]
    command = [str(RUN), "loop", str(state.films.path(film.id)), f"--from={start:.2f}"]
    command += ["--force", "--progress=json"] + (["--boomerang"] if kind == "boomerang" else [])
    command += ["--out", *paths]
    for job in state.jobs.all():
        if not job.over and list(job.command) == command:
            return job

    async def finished(job: Job, outcome: State) -> None:
        if outcome == "done":
            job.message = "It is ready."
        elif outcome == "cancelled":
            job.message = "Cancelled: nothing was made."
        # Deleted meanwhile: nothing of it stays.
        if not await state.background.run(state.films.path(film.id).is_file):
            await state.background.run(state.films.delete, film.id)

    return state.jobs.add(Job("loop", film.title, None, command, finished))


async def summaries(state: AppState) -> list[dict[str, Any]]:
    """All films as `GET /api/films` lists them."""

    def listed() -> list[tuple[Film, list[str]]]:
        return [(film, state.films.loops(film.id)) for film in state.films.all()]

    films = await state.background.run(listed)
    return [
        {
            **asdict(film),
            "film": f"/films/{film.id}/film.mp4",
            "poster": f"/films/{film.id}/poster.jpg",
            "loops": loops,
        }
        for film, loops in films
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
