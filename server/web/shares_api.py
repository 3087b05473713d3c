"""Links: made and taken back by those who are let in; `/s/TOKEN` is for everybody who has one."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import segno
from aiohttp import web

from capture.manifest import Manifest
from server.errors import Refused
from server.settings import Settings
from server.state import APP_STATE, AppState
from server.web.answers import read_json
from server.web.certificate import own_address
from server.web.datasets_api import checked_dataset, send_export
from server.web.films_api import make_of_dataset
from server.web.pages import render
from server.work.shares import DAYS, Share

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,255}")
routes = web.RouteTableDef()


# For those who are let in


@routes.get("/api/shares")
async def list_shares(request: web.Request) -> web.Response:
    """All links that lead somewhere."""
    state = request.app[APP_STATE]
    return web.json_response(
        {"shares": [_as_json(one) for one in state.shares.all()], "reach": _reach(request)}
    )


@routes.post("/api/shares")
async def share(request: web.Request) -> web.Response:
    """A new link to a film or a dataset."""
    state, wanted = request.app[APP_STATE], await read_json(request)
    kind, target, days = wanted.get("kind"), str(wanted.get("target", "")), wanted.get("days", 7)
    if isinstance(days, bool) or days not in DAYS:
        raise Refused(400, "days", f"A link lives {DAYS[0]}, {DAYS[1]} or {DAYS[2]} days.")
    job = None
    if kind == "dataset":
        checked_dataset(state, target)
        manifest = await state.background.run(Manifest.load, state.settings.datasets / target)
        if manifest.state != "complete" or state.jobs.writing(target):
            raise Refused(409, "busy", "This dataset is still being made; wait until it is done.")
        title = manifest.title
        job = await make_of_dataset(state, target, title)
    elif kind == "film":
        title = (await state.background.run(state.films.get, target)).title
    else:
        raise Refused(400, "kind", "A film or a dataset can be shared.")
    made = state.shares.add(kind, target, title, days, bool(wanted.get("data", False)))
    await state.background.run(state.shares.save)
    answer = {**_as_json(made), "reach": _reach(request), "job": job.id if job else None}
    return web.json_response(answer, status=201)


@routes.delete("/api/shares/{token}")
async def revoke(request: web.Request) -> web.Response:
    """From now on it leads nowhere."""
    state = request.app[APP_STATE]
    state.shares.revoke(request.match_info["token"])
    await state.background.run(state.shares.save)
    return web.Response(status=204)


@routes.get("/api/shares/{token}/qr.svg")
async def qr_code(request: web.Request) -> web.Response:
    """The link as a QR code; `origin`: with which the address begins, as others reach us."""
    state, token = request.app[APP_STATE], request.match_info["token"]
    origin = request.query.get("origin", "")
    if token not in {one.token for one in state.shares.all()} or not _ORIGIN.fullmatch(origin):
        raise Refused(404, "not_found", "There is no such link.")
    picture = io.BytesIO()
    code = segno.make(f"{origin}{state.settings.prefix}/s/{token}", error="m", micro=False)
    code.save(picture, kind="svg", scale=6, border=4, light="#fff", xmldecl=False)
    return web.Response(body=picture.getvalue(), content_type="image/svg+xml")


def _as_json(one: Share) -> dict[str, Any]:
    return {
        "token": one.token,
        "kind": one.kind,
        "target": one.target,
        "title": one.title,
        "expires": datetime.fromtimestamp(one.expires, UTC).isoformat(timespec="seconds"),
        "data": one.with_data,
        "path": f"/s/{one.token}",
    }


def _reach(request: web.Request) -> dict[str, Any]:
    """From where links can be opened; `origin`: for pages that were opened as `localhost`."""
    settings: Settings = request.app[APP_STATE].settings
    if settings.loopback:
        return {
            "others": False,
            "origin": None,
            "sentence": "This server can be reached from this machine alone, so the link works "
            "here only. Start it with --host 0.0.0.0 to share with others.",
        }
    host, _, port = request.host.rpartition(":")
    sentence = "It works for whoever can reach this server: on the same network, as a rule."
    if not settings.certificate:
        sentence += " Their browser will warn of the certificate first, which is self-signed."
    name = settings.announce or own_address()
    return {
        "others": True,
        "origin": f"{request.scheme}://{name}:{port}" if host else f"{request.scheme}://{name}",
        "sentence": sentence,
    }


# For everybody who has the link


@routes.get("/s/{token}")
async def shared_page(request: web.Request) -> web.Response:
    """A player, and nothing else of this server."""
    try:
        found, film = await _found(request)
    except Refused as error:
        data = {"page": "shared", "message": str(error)}
        return render(request, "shared.html", data, error.status, share=None, film=None)
    until = datetime.fromtimestamp(found.expires, UTC)
    data = {"page": "shared", "title": found.title}
    return render(
        request, "shared.html", data, share=found, film=film, until=f"{until:%d %B %Y, %H:%M} UTC"
    )


@routes.get("/s/{token}/film.mp4")
async def shared_film(request: web.Request) -> web.StreamResponse:
    """Its film, or the bytes of it that a player asks for."""
    state = request.app[APP_STATE]
    _, film = await _found(request)
    if film is None:
        raise Refused(404, "not_ready", "The film is still being made.")
    headers = {"Content-Type": "video/mp4"}
    if "save" in request.query:
        headers["Content-Disposition"] = f'attachment; filename="understudy-{film[:15]}.mp4"'
    return web.FileResponse(state.films.path(film), headers=headers)


@routes.get("/s/{token}/poster.jpg")
async def shared_poster(request: web.Request) -> web.StreamResponse:
    """A still picture of it."""
    _, film = await _found(request)
    if film is None:
        raise Refused(404, "not_ready", "The film is still being made.")
    return web.FileResponse(request.app[APP_STATE].films.poster(film))


@routes.get("/s/{token}/data.zip")
async def shared_data(request: web.Request) -> web.StreamResponse:
    """A dataset's files, where that is part of the link."""
    found, _ = await _found(request)
    if found.kind != "dataset" or not found.with_data:
        raise Refused(404, "not_found", "Files are no part of this link.")
    return await send_export(request, found.target, "native")


async def _found(request: web.Request) -> tuple[Share, str | None]:
    """The link, and its film's id; None while that is being made. `Refused` 404 or 429."""
    state: AppState = request.app[APP_STATE]
    found = state.shares.find(request.match_info["token"], request.remote or "")
    if found.kind == "film":
        await state.background.run(state.films.get, found.target)
        return found, found.target
    checked_dataset(state, found.target)
    film = await state.background.run(state.films.of_dataset, found.target)
    if film is None:  # Frames were deleted since.
        await make_of_dataset(state, found.target, found.title)
    return found, film.id if film else None
