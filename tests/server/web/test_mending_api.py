"""Mending over HTTP: doubts, edits that two browsers make, what is lacking, hostile input."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from capture.dataset import Dataset
from capture.manifest import Manifest
from server.state import APP_STATE
from server.work import preparations
from tests.server.waiting import until
from tests.server.web.test_datasets_api import ID, make
from transfer.target.target import PLATE_NAME, Target

URL = f"/api/datasets/{ID}"


async def revision(http) -> str:
    return (await (await http.get(URL)).json())["revision"]


async def test_what_is_mended_is_there_and_in_the_export(serve):
    async with serve() as http:
        folder = make(http)
        now = await revision(http)
        edits = {"4": {"keypoints": {"9": [100, 50]}}, "5": {"erased": True}}
        answer = await http.patch(f"{URL}/edits", json={"revision": now, "edits": edits})
        assert answer.status == 200, await answer.text()
        assert (await answer.json())["revision"] == await revision(http) != now
        pairs = (await (await http.get(URL)).json())["pairs"]
        assert pairs[4]["edits"] == {"keypoints": {"9": [100.0, 50.0]}}
        assert pairs[4]["keypoints"][9][:2] != [100, 50]
        assert pairs[5]["edits"] == {"erased": True}
        zipped = await (await http.get(f"/datasets/{ID}/export/coco.zip")).read()
        archive = zipfile.ZipFile(io.BytesIO(zipped))
        found = json.loads(archive.read("annotations/person_keypoints_train.json"))["annotations"]
        assert next(one for one in found if one["image_id"] == 4)["keypoints"][27:30] == [
            100,
            50,
            2,
        ]
        assert not any(one["image_id"] == 5 for one in found)
        assert Dataset.open(folder).manifest.state == "complete"


async def test_of_two_browsers_the_second_is_told(serve):
    async with serve() as http:
        folder = make(http)
        now = await revision(http)
        first = {"revision": now, "edits": {"4": {"left_out": True}}}
        second = {"revision": now, "edits": {"4": {"erased": True}, "6": {"erased": True}}}
        assert (await http.patch(f"{URL}/edits", json=first)).status == 200
        answer = await http.patch(f"{URL}/edits", json=second)
        assert answer.status == 409
        said = await answer.json()
        assert said["code"] == "changed"
        assert said["error"].startswith("Somebody else changed this dataset")
        assert said["revision"] == await revision(http)
        pairs = Dataset.open(folder).pairs
        assert (pairs[4].edits, pairs[6].edits) == ({"left_out": True}, {})
        second["revision"] = said["revision"]
        assert (await http.patch(f"{URL}/edits", json=second)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        "[]", "{", '"x"', "{}", '{"revision": 7, "edits": {}}', '{"revision": "NOW"}',
        '{"revision": "NOW", "edits": {}}', '{"revision": "NOW", "edits": []}',
        '{"revision": "NOW", "edits": {"../../x": {}}}', '{"revision": "NOW", "edits": {"4": 1}}',
        '{"revision": "NOW", "edits": {"4": {"keypoints": {"9": [NaN, 1]}}}}',
        '{"revision": "NOW", "edits": {"4": {"keypoints": {"9": [1e999, 1]}}}}',
        json.dumps({"revision": "NOW", "edits": {"4": {"keypoints": {"9": [10**400, 1]}}}}),
        '{"revision": "NOW", "edits": {"4": {"keypoints": {"99": [1, 1]}}}}',
        '{"revision": "NOW", "edits": {"4": {"path": "/etc/passwd"}}}',
        json.dumps({"revision": "NOW", "edits": {str(number): {} for number in range(2001)}}),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_changes_nothing(serve, body):
    async with serve() as http:
        folder = make(http)
        before = (folder / "poses.jsonl").read_bytes()
        body = body.replace("NOW", await revision(http))
        answer = await http.patch(f"{URL}/edits", data=body)
        assert answer.status == 400
        said = (await answer.json())["error"]
        assert said[0].isupper()
        assert said.endswith(".")
        assert (folder / "poses.jsonl").read_bytes() == before


async def test_too_much_nobody_there_and_frames_that_are_gone(serve):
    async with serve() as http:
        make(http)
        now = await revision(http)
        assert (await http.patch(f"{URL}/edits", data=b" " * 2_000_000)).status == 413
        gone = await http.patch(f"{URL}/edits", json={"revision": now, "edits": {"99": {}}})
        assert gone.status == 409
        for path in ("20200101-000000-abcdef", "..%2F..", "x"):
            for answer in (
                await http.patch(f"/api/datasets/{path}/edits", json={}),
                await http.get(f"/api/datasets/{path}/doubts"),
                await http.get(f"/api/datasets/{path}/lacking"),
                await http.get(f"/datasets/{path}/mend"),
            ):
                assert answer.status == 404
                assert (await answer.json())["error"].endswith(".")


async def test_while_it_is_made_it_cannot_be_mended(serve):
    async with serve() as http:
        make(http)
        body = {"revision": await revision(http), "edits": {"4": {"erased": True}}}
        http.server.app[APP_STATE].recordings.running.add(ID)
        answer = await http.patch(f"{URL}/edits", json=body)
        assert (answer.status, (await answer.json())["code"]) == (409, "busy")


async def test_doubts_are_in_order_and_follow_the_edits(serve):
    async with serve() as http:
        folder = make(http)
        pairs = Dataset.open(folder).pairs
        wrist = pairs[12].keypoints[9, :2].tolist()
        away = {"keypoints": {"9": [300, 10]}}
        body = {"revision": await revision(http), "edits": {"12": away}}
        now = (await (await http.patch(f"{URL}/edits", json=body)).json())["revision"]
        doubts = await (await http.get(f"{URL}/doubts")).json()
        assert doubts["revision"] == now
        assert {11, 13} & {one["index"] for one in doubts["doubtful"]}  # They jump, seen from it.
        values = [one["doubt"] for one in doubts["doubtful"]]
        assert values == sorted(values, reverse=True)
        body = {"revision": now, "edits": {"12": {"keypoints": {"9": wrist}}}}
        await http.patch(f"{URL}/edits", json=body)
        again = await (await http.get(f"{URL}/doubts")).json()
        assert len(again["doubtful"]) < len(doubts["doubtful"])


async def test_what_it_lacks_leads_to_a_page_that_asks_for_it(serve):
    async with serve() as http:
        make(http)
        found = await (await http.get(f"{URL}/lacking")).json()
        names = [one["name"] for one in found["lacks"]]
        assert "facing back" in names
        assert "face near" in names
        query = [("for", ID), *[("wanted", name) for name in names], ("wanted", "<script>")]
        page = await (await http.get("/", params=query)).text()
        assert "Wanted for “A man”" in page
        assert "Turn your back to the camera" in page
        assert "<script>&" not in page
        plain = await (await http.get("/?wanted=facing+back")).text()
        assert 'id="wanted"' not in plain
        for bad in ("x", "20200101-000000-abcdef"):
            answer = await http.get("/", params=[("for", bad), ("wanted", "facing back")])
            assert answer.status == 404


async def test_what_was_captured_because_it_lacked_is_counted_in(serve):
    async with serve() as http:
        make(http)
        other = make(http, "20261120-142234-7f3a9d")
        assert (await (await http.get(f"{URL}/lacking")).json())["with"] == []
        for title, found in (("More of “Somebody”", []), ("More of “A man”", ["More of “A man”"])):
            await http.patch(f"/api/datasets/{other.name}", json={"title": title})
            assert (await (await http.get(f"{URL}/lacking")).json())["with"] == found


async def test_what_it_was_captured_for_is_known_whatever_both_are_called(serve):
    async with serve() as http:
        folder = make(http)
        other = make(http, "20261120-142234-7f3a9d")
        manifest = Manifest.load(other)
        for wanted, found in ((folder.name, ["A woman"]), ("20261120-142235-7f3a9d", [])):
            manifest.captured_for, manifest.title = wanted, "A woman"
            manifest.save(other)
            assert (await (await http.get(f"{URL}/lacking")).json())["with"] == found
        listed = await (await http.get("/api/datasets")).json()
        assert {one["captured_for"] for one in listed} == {None, wanted}
        # A title alone says nothing any more, once it is known what it was captured for.
        await http.patch(f"/api/datasets/{other.name}", json={"title": "More of “A man”"})
        assert (await (await http.get(f"{URL}/lacking")).json())["with"] == []


async def test_what_was_made_of_it_is_made_anew_when_nobody_mends_any_more(serve, monkeypatch):
    monkeypatch.setattr(preparations, "MENDING_SECONDS", 0.2)
    async with serve() as http:
        folder: Path = make(http)
        old = Target.open(folder)
        _ = old.plate
        assert old.stored(PLATE_NAME) is not None
        state = http.server.app[APP_STATE]
        for index in ("4", "5"):
            body = {"revision": await revision(http), "edits": {index: {"erased": True}}}
            assert (await http.patch(f"{URL}/edits", json=body)).status == 200
        new = Target.open(folder)
        assert new.stored(PLATE_NAME) is None
        assert {4, 5}.isdisjoint(pair.index for pair in new.pairs)
        assert state.preparations.running()
        await until(lambda: not state.preparations.running(), seconds=60)
        assert Target.open(folder).stored(PLATE_NAME) is not None
