"""Films of a call, and films of uploaded videos, as somebody else."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import av
from aiohttp.test_utils import TestClient

from server.state import APP_STATE
from tests.capture.real import CLIP
from tests.server.browser import Browser, ClipTrack
from tests.server.waiting import until
from tests.server.web.test_datasets_api import ID, make

PATIENCE = 60.0
"""Seconds: other things may run on this machine."""


async def film(http: TestClient, film_id: str) -> tuple[int, tuple[int, int]]:
    """Its pictures, and their size."""
    data = await (await http.get(f"/films/{film_id}/film.mp4")).read()
    with av.open(io.BytesIO(data)) as container:
        frames = [*container.decode(video=0)]
    return len(frames), (frames[0].width, frames[0].height)


async def test_what_is_performed_is_filmed_and_the_moment_kept(
    serve: Any, booth_small: Any
) -> None:
    async with serve(moment_seconds=2.0) as http:
        make(http)
        async with Browser(http, ClipTrack(booth_small), view=f"as:{ID}") as browser:
            await browser.hears("state", PATIENCE)
            # What comes back may be smaller on a poor line; what is filmed is not.
            await browser.until_state(lambda state: state["film"]["moment"] > 0.8, PATIENCE)
            browser.send("film", action="moment", title="Ha")
            moment = await browser.hears("filmed", PATIENCE)
            assert moment["title"] == "Ha"
            browser.send("film", action="begin", title="Dance", beside=True)
            await browser.until_state(lambda state: (state["film"]["seconds"] or 0) > 0.8, PATIENCE)
            browser.send("film", action="begin")
            assert "already" in (await browser.hears("error"))["message"]
            browser.send("film", action="end")
            recorded = await browser.hears("filmed", PATIENCE, after=1)
            # As a browser that vanishes: what was recorded is kept.
            await browser.next_state()  # The last one may still tell of the film before.
            browser.send("film", action="begin", title="Cut off")
            await browser.until_state(lambda state: (state["film"]["seconds"] or 0) > 0.5, PATIENCE)
        state = http.server.app[APP_STATE]
        await until(lambda: len(state.films.all()) == 3, PATIENCE)
        assert (await film(http, moment["film"]))[1] == (320, 180)
        count, size = await film(http, recorded["film"])
        assert count >= 2
        assert size == (560, 180)
        listed = await (await http.get("/api/films")).json()
        assert {one["title"] for one in listed} == {"Ha", "Dance", "Cut off"}
        assert {one["kind"] for one in listed} == {"performance"}
        assert (await http.get(listed[0]["poster"])).status == 200
        assert (await http.delete(f"/api/films/{moment['film']}")).status == 204
        assert (await http.get(f"/films/{moment['film']}/film.mp4")).status == 404


async def test_without_a_performer_there_is_nothing_to_film(serve: Any, booth_small: Any) -> None:
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await browser.hears("state")
        browser.send("film", action="moment")
        assert "no moment" in (await browser.hears("error"))["message"]
        browser.send("film", action="begin")
        browser.send("film", action="end")
        assert "no film" in (await browser.hears("error", after=1))["message"]
        browser.send("film", action="rewind")
        assert "begun or ended" in (await browser.hears("error", after=2))["message"]
        assert http.server.app[APP_STATE].films.all() == []


async def upload(http: TestClient, data: bytes, **more: Any) -> tuple[int, dict[str, Any]]:
    """The status and answer of the request that ends it, or of the first."""
    body = {"name": "dance.mp4", "size": len(data), "purpose": "rendition", **more}
    answer = await http.post("/api/uploads", json=body)
    begun = await answer.json()
    if answer.status != 201:
        return answer.status, begun
    await http.put(f"/api/uploads/{begun['id']}?offset=0", data=data)
    answer = await http.post(f"/api/uploads/{begun['id']}/finish")
    return answer.status, await answer.json()


async def test_a_video_goes_in_and_a_film_comes_back(serve: Any, tmp_path: Path) -> None:
    async with serve() as http:
        make(http)
        status, answer = await upload(http, CLIP.read_bytes(), performer=f"as:{ID}")
        assert status == 202
        jobs = http.server.app[APP_STATE].jobs
        await until(lambda: jobs.get(answer["job"]).over, 60)
        assert jobs.get(answer["job"]).state == "done", jobs.get(answer["job"]).message
        [made] = await (await http.get("/api/films")).json()
        assert (made["title"], made["kind"]) == ("dance", "rendition")
        with av.open(str(CLIP)) as container:
            expected = sum(1 for _ in container.decode(video=0))
        assert await film(http, made["id"]) == (expected, (320, 180))
        assert not list((tmp_path / "data" / "uploads").iterdir())


async def test_what_is_no_video_leaves_no_film(serve: Any) -> None:
    async with serve() as http:
        make(http)
        for performer in (None, "as:", "as:../x", "as:run:nobody", "parts"):
            status, answer = await upload(http, b"x", performer=performer)
            assert (status, answer["code"]) == (400, "performer")
        status, answer = await upload(http, b"not a video", performer=f"as:{ID}")
        assert status == 202
        jobs = http.server.app[APP_STATE].jobs
        await until(lambda: jobs.get(answer["job"]).over, 60)
        job = jobs.get(answer["job"])
        assert job.state == "failed"
        assert "dance.mp4" in job.message
        await asyncio.sleep(0)
        assert await (await http.get("/api/films")).json() == []
