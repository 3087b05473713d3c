"""Links: unguessable, revocable, expiring, bounded, and what they lead to over HTTP."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path

import av
import pytest

from server.errors import Refused
from server.state import APP_STATE
from server.work.shares import REQUESTS, WRONG, Shares
from tests.capture.real import write
from tests.server.conftest import Serve
from tests.server.waiting import until

ID = "20261120-142233-7f3a9c"
DAY = 86_400


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_links_are_kept_and_expire(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "shares.json"
    shares = Shares(path, clock)
    one = shares.add("film", "a", "Dance", 7, False)
    other = shares.add("dataset", ID, "Me", 1, True)
    assert len(one.token) >= 22
    shares.save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Shares(path, clock)
    assert again.find(one.token, "::1") == one
    clock.now += 2 * DAY
    assert again.all() == [one]
    with pytest.raises(Refused, match="leads nowhere") as refused:
        again.find(other.token, "::1")
    assert refused.value.status == 404


def test_a_clock_that_was_set_far_back_opens_nothing(tmp_path: Path, clock: Clock) -> None:
    shares = Shares(tmp_path / "shares.json", clock)
    one = shares.add("film", "a", "Dance", 7, False)
    clock.now -= 400 * DAY
    with pytest.raises(Refused, match="leads nowhere"):
        shares.find(one.token, "::1")


def test_what_was_taken_back_leads_nowhere(tmp_path: Path, clock: Clock) -> None:
    shares = Shares(tmp_path / "shares.json", clock)
    one, other = (shares.add("film", name, "Dance", 7, False) for name in "ab")
    shares.revoke(one.token)
    with pytest.raises(Refused, match="no such link"):
        shares.revoke(one.token)
    shares.forget("b")
    for token in (one.token, other.token):
        with pytest.raises(Refused, match="leads nowhere"):
            shares.find(token, "::1")


def test_whoever_guesses_is_kept_out_and_nobody_else(tmp_path: Path, clock: Clock) -> None:
    shares = Shares(tmp_path / "shares.json", clock)
    one = shares.add("film", "a", "Dance", 7, False)
    statuses = []
    for number in range(WRONG + 5):
        with pytest.raises(Refused) as refused:
            shares.find(f"guess{number}", "192.0.2.1")
        statuses.append(refused.value.status)
    assert statuses == [404] * WRONG + [429] * 5
    with pytest.raises(Refused, match="wait a minute"):
        shares.find(one.token, "192.0.2.1")
    assert shares.find(one.token, "192.0.2.2") == one


def test_opened_500_times_a_second(tmp_path: Path, clock: Clock) -> None:
    shares = Shares(tmp_path / "shares.json", clock)
    one = shares.add("film", "a", "Dance", 7, False)
    for _ in range(REQUESTS):
        assert shares.find(one.token, "192.0.2.1") == one
    for _ in range(REQUESTS):
        with pytest.raises(Refused) as refused:
            shares.find(one.token, "192.0.2.1")
        assert refused.value.status == 429


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"token": 1}]', '[{"tok'])
def test_a_damaged_file_opens_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "shares.json").write_text(text)
    assert Shares(tmp_path / "shares.json").all() == []


async def test_a_dataset_is_shared_looked_at_and_taken_back(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path / "data" / "datasets" / ID)
    async with serve() as http:
        body = {"kind": "dataset", "target": ID, "days": 1}
        made = await (await http.post("/api/shares", json=body)).json()
        assert not made["reach"]["others"]
        assert "--host" in made["reach"]["sentence"]
        path = made["path"]
        page = await http.get(path)
        assert page.status == 200
        assert "still being made" in await page.text() or "<video" in await page.text()
        jobs = http.app[APP_STATE].jobs
        await until(lambda: jobs.get(made["job"]).over, 60)
        assert jobs.get(made["job"]).state == "done", jobs.get(made["job"]).message

        text = await (await http.get(path)).text()
        assert "<video" in text
        for secret in (ID, "/datasets", "/films", "data.zip", "top-bar"):
            assert secret not in text, secret
        # As iPhones ask first.
        some = await http.get(f"{path}/film.mp4", headers={"Range": "bytes=0-1"})
        assert (some.status, await some.read()) == (206, b"\0\0")
        assert some.content_type == "video/mp4"
        film = await (await http.get(f"{path}/film.mp4")).read()
        assert some.headers["Content-Range"] == f"bytes 0-1/{len(film)}"
        assert film.index(b"moov") < film.index(b"mdat")
        with av.open(io.BytesIO(film)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert stream.width % 2 == stream.height % 2 == 0
        poster = await http.get(f"{path}/poster.jpg")
        assert (await poster.read())[:3] == b"\xff\xd8\xff"
        assert (await http.get(f"{path}/data.zip")).status == 404
        code = await http.get(f"/api/shares/{made['token']}/qr.svg?origin=https://192.0.2.7:8420")
        assert (code.status, code.content_type) == (200, "image/svg+xml")
        bad = await http.get(f"/api/shares/{made['token']}/qr.svg?origin=javascript:alert(1)")
        assert bad.status == 404

        assert (await http.delete(f"/api/shares/{made['token']}")).status == 204
        for rest in ("", "/film.mp4", "/poster.jpg", "/data.zip"):
            gone = await http.get(path + rest)
            assert gone.status == 404
            assert "leads nowhere" in await gone.text()


async def test_with_its_files_and_gone_with_its_dataset(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path / "data" / "datasets" / ID)
    async with serve() as http:
        body = {"kind": "dataset", "target": ID, "days": 7, "data": True}
        made = await (await http.post("/api/shares", json=body)).json()
        archive = await (await http.get(f"{made['path']}/data.zip")).read()
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            assert any(name.endswith("dataset.json") for name in file.namelist())
        jobs = http.app[APP_STATE].jobs
        await until(lambda: jobs.get(made["job"]).over, 60)
        [film] = await (await http.get("/api/films")).json()
        assert film["dataset"] == ID
        # The film shows what is deleted now: it goes with it, and is made again when asked for.
        await http.post(f"/api/datasets/{ID}/delete-frames", json={"indices": [0]})
        assert await (await http.get("/api/films")).json() == []
        assert "still being made" in await (await http.get(made["path"])).text()
        await until(lambda: all(job.over for job in jobs.all()), 60)
        assert (await http.delete(f"/api/datasets/{ID}")).status == 204
        assert (await http.get(made["path"])).status == 404
        assert await (await http.get("/api/films")).json() == []
        assert (await (await http.get("/api/shares")).json())["shares"] == []
        assert json.loads((tmp_path / "data" / "shares.json").read_text()) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "dataset", "target": "20261120-142233-000000"}, 404),
        ({"kind": "film", "target": "../shares"}, 404),
        ({"kind": "run", "target": ID}, 400),
        ({"kind": "dataset", "target": ID, "days": 9999}, 400),
        ({"kind": "dataset", "target": ID, "days": True}, 400),
    ],
)
async def test_what_cannot_be_shared(serve: Serve, body: dict[str, object], status: int) -> None:
    async with serve() as http:
        assert (await http.post("/api/shares", json=body)).status == status


async def test_a_link_needs_no_password_and_opens_nothing_else(
    serve: Serve, tmp_path: Path
) -> None:
    write(tmp_path / "data" / "datasets" / ID)
    async with serve(host="0.0.0.0", token="correct horse") as http:
        mine = {"Authorization": "Bearer correct horse"}
        body = {"kind": "dataset", "target": ID}
        answer = await http.post("/api/shares", json=body, headers=mine)
        made = await answer.json()
        assert made["reach"]["others"]
        assert "self-signed" in made["reach"]["sentence"]
        assert (await http.get(made["path"])).status == 200
        for path in ("/", "/films", "/api/shares", "/api/films", f"/datasets/{ID}", "/trainings"):
            assert (await http.get(path)).status == 401, path
        assert (await http.delete(f"/api/shares/{made['token']}")).status == 401
