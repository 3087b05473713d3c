"""Trainings over HTTP: what is refused, what is pushed, what is served."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from server.state import APP_STATE
from server.work import trainings as trainings_module
from server.work.training_record import TrainingRecord
from tests.capture.real import write
from tests.server.conftest import Serve
from tests.server.waiting import until
from tests.server.work.test_trainings import LEARNER

ID = "20261120-142233-7f3a9c"


@pytest.fixture
async def http(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TestClient]:
    monkeypatch.setattr(trainings_module, "RUN", LEARNER)
    write(tmp_path / "data" / "datasets" / ID)
    async with serve() as http:
        yield http
        trainings = http.app[APP_STATE].trainings
        for record in trainings.all():
            await trainings.delete(record)


async def begin(http: TestClient, seconds: float = 0.6, **more: Any) -> dict[str, Any]:
    body = {"dataset": ID, "minutes": seconds / 60, **more}
    answer = await http.post("/api/trainings", json=body)
    assert answer.status == 201, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def test_everything_is_pushed_until_the_end(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.trainings_api.MINUTES", (0.001, 240.0))
    one = await begin(http)
    states, points, last = [], [], {}
    async with http.get(f"/api/trainings/{one['id']}/events") as answer:
        assert answer.content_type == "text/event-stream"
        async with asyncio.timeout(20):
            async for line in answer.content:
                if not line.startswith(b"data: "):
                    continue
                last = json.loads(line[6:])
                states.append(last["state"])
                points = last["points"] if last["anew"] else points + last["points"]
                if last["state"] == "done":
                    break
    assert list(dict.fromkeys(states))[-3:] == ["learning", "judging", "done"]
    assert [point["seconds"] for point in points] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert last["pictures"] == ["000000"]
    assert [row["ssim"] for row in last["scores"]] == [0.7, 0.8]
    assert last["downloads"] == ["weights"]
    assert last["performer"] == f"as:run:{one['id']}"

    page = await http.get(f"/trainings/{one['id']}")
    assert page.status == 200
    assert (await http.get(f"/trainings/{one['id']}/pictures/000000.jpg")).status == 200
    for name in ("../checkpoint.pt", "..%2Fcheckpoint.pt", "false.jpg", "000001.jpg", "true.png"):
        assert (await http.get(f"/trainings/{one['id']}/pictures/{name}")).status == 404
    archive = await (await http.get(f"/trainings/{one['id']}/download/weights.zip")).read()
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        assert file.namelist() == [f"{one['id']}/generator.safetensors"]
    assert (await http.get(f"/trainings/{one['id']}/download/onnx.zip")).status == 404
    assert (await http.delete(f"/api/trainings/{one['id']}")).status == 204
    assert (await http.get(f"/trainings/{one['id']}")).status == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"dataset": "../x", "minutes": 1}, 404, "not_found"),
        ({"dataset": "20261120-142233-000000", "minutes": 1}, 404, "not_found"),
        ({"dataset": ID}, 400, "minutes"),
        ({"dataset": ID, "minutes": True}, 400, "minutes"),
        ({"dataset": ID, "minutes": 0}, 400, "minutes"),
        ({"dataset": ID, "minutes": 1e9}, 400, "minutes"),
        ({"dataset": ID, "minutes": 1, "preset": "--out=/etc"}, 400, "preset"),
        ({"dataset": ID, "minutes": 1, "preset": "quality"}, 400, "preset"),
        ({"dataset": ID, "minutes": 1, "size": 257}, 400, "size"),
        ({"dataset": ID, "minutes": 1, "start": "/etc/passwd"}, 400, "start"),
        ({"dataset": ID, "minutes": 1, "kind": "eyes"}, 400, "kind"),
        ({"dataset": ID, "minutes": 1, "kind": "network", "preset": "trunk"}, 400, "preset"),
    ],
)
async def test_what_is_refused(
    http: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await http.post("/api/trainings", json=body)
    assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert http.app[APP_STATE].trainings.all() == []


async def test_a_network_learns_and_is_taken_home(http: TestClient) -> None:
    one = await begin(http, 6, kind="network", preset="tiny")
    assert (one["kind"], one["preset"], one["network"], one["performer"]) == (
        "network", "tiny", None, None,
    )  # fmt: skip
    trainings = http.app[APP_STATE].trainings
    record = trainings.get(one["id"])
    await until(lambda: record.state == "learning")
    await http.post(f"/api/trainings/{one['id']}/stop")
    await until(lambda: record.state == "done")
    [now] = (await (await http.get("/api/trainings")).json())["trainings"]
    assert now["network"] == record.network
    assert now["picture"].startswith(f"/trainings/{record.id}/pictures/00000")
    assert record.network in (await http.app[APP_STATE].choices()).models
    page = await (await http.get(f"/trainings/{record.id}")).text()
    assert "Use it" in page
    archive = await (await http.get(f"/trainings/{record.id}/download/tflite.zip")).read()
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        assert file.namelist() == [
            f"{record.id}/student.tflite", f"{record.id}/student.safetensors",
        ]  # fmt: skip
    answer = await http.post(f"/api/trainings/{record.id}/export", json={"format": "onnx"})
    assert answer.status == 400
    await trainings.delete(record)
    assert record.network not in (await http.app[APP_STATE].choices()).models


async def test_without_packages_no_network_is_offered(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await (await http.get("/api/trainings")).json())["no_network"] is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    body = {"dataset": ID, "minutes": 1, "kind": "network"}
    answer = await http.post("/api/trainings", json=body)
    assert (answer.status, (await answer.json())["code"]) == (503, "packages")
    missing = (await (await http.get("/api/trainings")).json())["no_network"]
    assert "requirements-export.txt" in missing


async def test_a_preset_that_is_no_more_does_not_go_on(http: TestClient) -> None:
    old = TrainingRecord.new(ID, "Ada", 1, preset="quality", state="done")
    await http.app[APP_STATE].trainings.add(old)
    answer = await http.post(f"/api/trainings/{old.id}/continue", json={"minutes": 1})
    assert answer.status == 409
    assert "no longer trains the preset quality" in (await answer.json())["error"]


async def test_its_dataset_is_not_deleted_meanwhile(http: TestClient) -> None:
    one = await begin(http, 60)
    answer = await http.delete(f"/api/datasets/{ID}")
    assert (answer.status, (await answer.json())["code"]) == (409, "busy")
    assert (await http.post(f"/api/trainings/{one['id']}/stop")).status == 200
    for _ in range(100):
        [now] = (await (await http.get("/api/trainings")).json())["trainings"]
        if now["state"] == "done":
            break
        await asyncio.sleep(0.1)
    assert (await http.delete(f"/api/datasets/{ID}")).status == 204
    answer = await http.post(f"/api/trainings/{one['id']}/continue", json={"minutes": 1})
    assert answer.status == 404


async def test_the_server_stops_although_pages_watch(serve: Serve) -> None:
    async with serve() as http:
        answer = await http.get("/api/trainings/events")
        assert await answer.content.readline() == b"retry: 2000\n"
        async with asyncio.timeout(3):
            await http.app[APP_STATE].trainings.close()
            await answer.read()


async def test_further_datasets_are_learnt_from_and_kept_from_changes(http: TestClient) -> None:
    folder = http.app[APP_STATE].settings.datasets
    other, small = "20261120-142234-7f3a9d", "20261120-142235-7f3a9e"
    write(folder / other)
    write(folder / small)
    manifest = json.loads((folder / small / "dataset.json").read_text())
    manifest["frame"]["width"] += 2
    (folder / small / "dataset.json").write_text(json.dumps(manifest))
    url = "/api/trainings"
    for wrong, status in (
        ("x", 400), ([7], 404), (["../x"], 404), ([other] * 9, 400), ([small], 409),
    ):  # fmt: skip
        answer = await http.post(url, json={"dataset": ID, "minutes": 1, "with": wrong})
        assert answer.status == status, await answer.text()
        assert (await answer.json())["error"].endswith(".")
    network = await begin(http, 60, kind="network", **{"with": [small]})  # Of any camera.
    await http.delete(f"/api/trainings/{network['id']}")
    one = await begin(http, 60, **{"with": [other, ID, other]})
    record = http.app[APP_STATE].trainings.get(one["id"])
    assert record.datasets == [ID, other]
    assert record.command(Path("run.py"), folder, Path("run"))[2:4] == [
        str(folder / ID), str(folder / other),
    ]  # fmt: skip
    assert (await http.delete(f"/api/datasets/{other}")).status == 409
    assert (await http.post(url, json={"dataset": ID, "minutes": 1})).status == 201
    assert len(http.app[APP_STATE].trainings.all()) == 2
