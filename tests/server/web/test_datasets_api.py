"""`/api/datasets` on a dataset of real pairs."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.dataset import Dataset
from capture.export import FORMATS
from capture.manifest import Manifest
from server.state import APP_STATE
from tests.capture.real import write

ID = "20261120-142233-7f3a9c"


def make(http, dataset_id: str = ID) -> Path:
    """A dataset where the server looks for them."""
    folder = http.server.app[APP_STATE].settings.datasets / dataset_id
    write(folder)
    return folder


async def test_list_and_one(serve):
    async with serve() as http:
        make(http)
        [one] = await (await http.get("/api/datasets")).json()
        assert one["id"] == ID
        assert one["pairs"] == 24
        assert one["seconds"] == pytest.approx(1.0, abs=0.1)
        assert (one["source"], one["state"], one["job"]) == ("import", "complete", None)
        for url, kind in ((one["thumbnail"], "JPEG"), (one["mask"], "PNG")):
            answer = await http.get(url)
            with Image.open(io.BytesIO(await answer.read())) as picture:
                assert (picture.format, picture.width) == (kind, 320)
        whole = await (await http.get(f"/api/datasets/{ID}")).json()
        assert whole["counts"]["written"] == 24
        assert [pair["index"] for pair in whole["pairs"]] == list(range(24))
        assert "smoothed" not in whole["pairs"][0]
        assert whole["job"] is None


async def test_pictures_are_those_on_disk(serve):
    async with serve() as http:
        folder = make(http)
        frame = await http.get(f"/datasets/{ID}/frames/7")
        assert await frame.read() == (folder / "frames" / "000007.jpg").read_bytes()
        mask = await http.get(f"/datasets/{ID}/parts/7")
        assert await mask.read() == (folder / "parts" / "000007.png").read_bytes()
        small = await http.get(f"/datasets/{ID}/parts/7?width=80")
        with Image.open(io.BytesIO(await small.read())) as picture:
            ids = set(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)[:, 0])
        assert len(ids) > 4


@pytest.mark.parametrize(
    "path",
    [
        f"/datasets/{ID}/frames/99",
        f"/datasets/{ID}/frames/7?width=99999",
        f"/datasets/{ID}/frames/7?width=x",
        f"/datasets/{ID}/frames/..%2Fdataset.json",
        f"/datasets/{ID}/export/exe.zip",
        "/datasets/..%2F..%2Fetc/frames/0",
        "/api/datasets/20200101-000000-abcdef",
        "/api/datasets/..",
    ],
)
async def test_what_is_not_there_is_said_in_a_sentence(serve, path):
    async with serve() as http:
        make(http)
        answer = await http.get(path)
        assert answer.status in (400, 404)
        assert (await answer.json())["error"].endswith(".")


async def test_rename_delete_frames_delete(serve):
    async with serve() as http:
        folder = make(http)
        answer = await http.patch(f"/api/datasets/{ID}", json={"title": " A <b>dance</b>\n"})
        assert (await answer.json())["title"] == "A <b>dance</b>"
        page = await (await http.get(f"/datasets/{ID}", headers={"Accept": "text/html"})).text()
        assert "<b>dance" not in page
        for body in ({"title": ""}, {"title": 7}, []):
            assert (await http.patch(f"/api/datasets/{ID}", json=body)).status == 400
        url = f"/api/datasets/{ID}/delete-frames"
        assert await (await http.post(url, json={"indices": [1, 2, 99]})).json() == {"pairs": 22}
        for body in ({"indices": "all"}, {"indices": [True]}, {}):
            assert (await http.post(url, json=body)).status == 400
        assert len(Dataset.open(folder).pairs) == 22
        assert (await http.delete(f"/api/datasets/{ID}")).status == 204
        assert not folder.exists()
        assert (await http.delete(f"/api/datasets/{ID}")).status == 404


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
async def test_every_export_is_a_whole_zip(serve, name):
    async with serve() as http:
        make(http)
        answer = await http.get(f"/datasets/{ID}/export/{name}.zip")
        assert answer.headers["Content-Type"] == "application/zip"
        assert f"{ID}-{name}.zip" in answer.headers["Content-Disposition"]
        with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
            assert archive.testzip() is None


async def test_a_download_that_is_given_up_lets_the_dataset_go(serve):
    async with serve() as http:
        make(http)
        answer = await http.get(f"/datasets/{ID}/export/native.zip")
        await answer.content.read(1000)
        answer.close()
        for _ in range(50):
            deleted = await http.delete(f"/api/datasets/{ID}")
            if deleted.status == 204:
                return
        pytest.fail(await deleted.text())


async def test_a_dataset_that_is_being_made_cannot_be_changed(serve):
    async with serve() as http:
        make(http)
        state = http.server.app[APP_STATE]
        state.recordings.running.add(ID)
        for answer in (
            await http.delete(f"/api/datasets/{ID}"),
            await http.post(f"/api/datasets/{ID}/delete-frames", json={"indices": [1]}),
        ):
            assert answer.status == 409
            assert (await answer.json())["code"] == "busy"


async def test_a_damaged_dataset_does_not_hide_the_others(serve):
    async with serve() as http:
        make(http)
        broken = make(http, "20261120-142233-000000")
        (broken / "dataset.json").write_text("{")
        assert [one["id"] for one in await (await http.get("/api/datasets")).json()] == [ID]


async def test_one_left_by_a_killed_server_is_complete_in_the_list(serve):
    async with serve() as http:
        folder = make(http)
        manifest = Manifest.load(folder)
        manifest.state = "recording"
        manifest.save(folder)
        (folder / "frames" / "000023.jpg").write_bytes(b"\xff\xd8half")
        [one] = await (await http.get("/api/datasets")).json()
        assert (one["state"], one["pairs"]) == ("complete", 23)
        assert json.loads((folder / "dataset.json").read_text())["counts"]["written"] == 23
