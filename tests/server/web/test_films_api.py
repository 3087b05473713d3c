"""GIFs and boomerangs of films, over HTTP."""

from __future__ import annotations

import io
import shutil
from typing import Any

import av
from aiohttp.test_utils import TestClient
from PIL import Image

from server.state import APP_STATE
from server.work.films import Film
from tests.capture.real import CLIP
from tests.server.waiting import until

PATIENCE = 60.0
"""Seconds: other things may run on this machine."""


def made(http: TestClient) -> Film:
    """A film of the juggler."""
    films = http.server.app[APP_STATE].films
    film: Film = films.new("performance", "Juggled")
    shutil.copyfile(CLIP, films.path(film.id))
    films.keep(film)
    return film


async def loop(http: TestClient, film: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await http.post(f"/api/films/{film}/loops", json=body)
    return answer.status, await answer.json()


async def test_a_gif_and_a_boomerang_are_made_listed_and_deleted_with_their_film(
    serve: Any,
) -> None:
    async with serve() as http:
        state = http.server.app[APP_STATE]
        film = made(http)
        assert (await http.get(f"/films/{film.id}/film.gif")).status == 404
        jobs = []
        for kind in ("gif", "boomerang", "boomerang"):
            status, answer = await loop(http, film.id, kind=kind, **{"from": 0.25})
            assert status == 202
            jobs.append(answer["job"])
        assert jobs[1] == jobs[2], "the same asked for twice is one"
        await until(lambda: all(state.jobs.get(job).over for job in jobs), PATIENCE)
        assert [state.jobs.get(job).state for job in jobs] == ["done"] * 3
        [listed] = await (await http.get("/api/films")).json()
        assert listed["loops"] == ["film.gif", "boomerang.mp4", "boomerang.gif"]
        for name, kind in (("film.gif", "image/gif"), ("boomerang.mp4", "video/mp4")):
            answer = await http.get(f"/films/{film.id}/{name}")
            assert answer.headers["Content-Type"] == kind
            data = await answer.read()
            if kind == "image/gif":
                with Image.open(io.BytesIO(data)) as gif:
                    assert gif.n_frames > 10
            else:
                with av.open(io.BytesIO(data)) as container:
                    assert sum(1 for _ in container.decode(video=0)) > 50
        part = await http.get(f"/films/{film.id}/boomerang.mp4", headers={"Range": "bytes=0-1"})
        assert (part.status, len(await part.read())) == (206, 2)
        assert (await http.delete(f"/api/films/{film.id}")).status == 204
        assert list(state.settings.data.glob("films/*")) == []


async def test_what_makes_no_sense_is_refused(serve: Any) -> None:
    async with serve() as http:
        film = made(http)
        for body in (
            {"kind": "webm"},
            {"kind": ["gif"]},
            {},
            {"kind": "gif", "from": -1},
            {"kind": "gif", "from": "0"},
            {"kind": "gif", "from": float("nan")},
            {"kind": "gif", "from": 1e300},
            {"kind": "gif", "from": True},
        ):
            status, answer = await loop(http, film.id, **body)
            assert (status, answer["error"].endswith(".")) == (400, True), body
        assert (await loop(http, "20200101-000000-abcdef", kind="gif"))[0] == 404
        assert (await http.get(f"/films/{film.id}/dataset.json")).status == 404
        assert http.server.app[APP_STATE].jobs.all() == []


async def test_a_film_that_is_deleted_meanwhile_leaves_nothing(serve: Any) -> None:
    async with serve() as http:
        state = http.server.app[APP_STATE]
        film = made(http)
        _, answer = await loop(http, film.id, kind="boomerang")
        await http.delete(f"/api/films/{film.id}")
        await until(lambda: state.jobs.get(answer["job"]).over, PATIENCE)
        assert list(state.settings.data.glob("films/*")) == []
