"""Recording a live picture: real frames, real network, pairs on disk."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable

import cv2
import pytest

from capture import writer as writer_module
from capture.dataset import Dataset
from capture.files import disk_error
from server.state import APP_STATE
from tests.machine import slowness
from tests.server.browser import Browser, ClipTrack
from tests.server.waiting import until

RECORD = {"seconds": None, "title": "", "high_quality": False, "heads": False}


def datasets(http):
    return http.server.app[APP_STATE].settings.datasets


async def test_a_limit_ends_it_by_the_clock_when_the_camera_stands_still(serve, booth):
    track = ClipTrack(booth)
    async with serve() as http, Browser(http, track) as browser:
        await browser.sees_camera(20)
        browser.send("record", **{**RECORD, "seconds": 2})
        dataset = (await browser.hears("recording"))["dataset"]
        began = time.monotonic()
        await asyncio.sleep(0.7)
        track.on_air.clear()
        recorded = await browser.hears("recorded")
        assert 1.5 < time.monotonic() - began < 2 + 2 * slowness()
        pairs = Dataset.open(datasets(http) / dataset).pairs
        assert len(pairs) == recorded["written"] > 0
        assert pairs[-1].time_s < 1.5
        track.on_air.set()


async def test_pairs_are_written_at_the_cameras_rate_and_stop_by_themselves(serve, booth):
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await browser.sees_camera(20)
        browser.send("record", **{**RECORD, "seconds": 3, "title": "Signs"})
        dataset = (await browser.hears("recording"))["dataset"]
        recorded = await browser.hears("recorded")
        assert recorded["dataset"] == dataset
        states = [one["recording"] for one in browser.heard("state") if one["recording"]]
        assert states[-1]["limit"] == 3
        assert states[-1]["written"] > states[0]["written"]
        opened = Dataset.open(datasets(http) / dataset)
        assert opened.manifest.state == "complete"
        assert opened.manifest.title == "Signs"
        assert len(opened.pairs) == recorded["written"]
        assert 2.5 <= opened.pairs[-1].time_s <= 3.1
        assert len(opened.pairs) + recorded["dropped"] >= 30


async def test_the_session_ends_in_mid_recording(serve, booth_small):
    async with serve() as http:
        async with Browser(http, ClipTrack(booth_small)) as browser:
            await browser.sees_camera(10)
            browser.send("record", **RECORD)
            dataset = (await browser.hears("recording"))["dataset"]
            await asyncio.sleep(1)
            await http.post(f"/api/sessions/{browser.answer['id']}/close")
        opened = Dataset.open(datasets(http) / dataset)
        assert opened.manifest.state == "complete"
        assert len(opened.pairs) > 10


async def test_the_camera_is_turned_in_mid_recording(serve, booth_small):
    """Upright from now on: pairs of both shapes, nothing stops."""
    upright = [
        cv2.cvtColor(
            cv2.rotate(cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420), cv2.ROTATE_90_CLOCKWISE),
            cv2.COLOR_RGB2YUV_I420,
        )
        for frame in booth_small
    ]
    track = ClipTrack(booth_small)
    async with serve() as http, Browser(http, track) as browser:
        await browser.sees_camera(10)
        browser.send("record", **RECORD)
        dataset = (await browser.hears("recording"))["dataset"]
        await asyncio.sleep(1)
        track.change(upright)
        await until(lambda: (240, 320) in browser.sizes)
        track.change(booth_small)
        await asyncio.sleep(1)
        browser.send("stop")
        await browser.hears("recorded")
        opened = Dataset.open(datasets(http) / dataset)
        for pair in opened.pairs:
            assert opened.frame(pair.index).shape[:2] == opened.labels(pair.index).shape
        assert opened.pairs[-1].time_s > 1.5


async def test_a_full_disk_ends_the_recording_with_a_sentence_not_the_picture(
    serve, booth_small, monkeypatch: pytest.MonkeyPatch
):
    write: Callable[..., None] = writer_module.write_whole
    full = False

    def write_or_not(path, data, durable=False):
        if full:
            raise disk_error(OSError(errno.ENOSPC, "No space left on device"), path)
        write(path, data, durable)

    monkeypatch.setattr(writer_module, "write_whole", write_or_not)
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await browser.sees_camera(10)
        browser.send("record", **RECORD)
        dataset = (await browser.hears("recording"))["dataset"]
        await asyncio.sleep(1)
        full = True
        error = await browser.hears("error")
        assert "is full" in error["message"]
        recorded = await browser.hears("recorded")
        assert recorded["dropped"] > 0
        seen = browser.pictures
        await until(lambda: browser.pictures > seen + 15)
        full = False
        assert len(Dataset.open(datasets(http) / dataset).pairs) == recorded["written"] > 5


async def test_what_a_performer_needs_is_made_when_the_recording_ends(serve, booth):
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await browser.sees_camera(20)
        browser.send("record", **{**RECORD, "seconds": 1})
        folder = datasets(http) / (await browser.hears("recorded"))["dataset"]
        state = http.server.app[APP_STATE]
        await until(lambda: (folder / "references.npz").is_file(), 60)
        assert (folder / "plate.png").is_file()
        assert (folder / "usable.json").is_file()
        [job] = state.preparations._jobs.all()
        await until(lambda: job.over)
        assert job.state == "done"
        assert await (await http.get("/api/jobs")).json() == []
        index = Dataset.open(folder).pairs[0].index
        answer = await http.post(
            f"/api/datasets/{folder.name}/delete-frames", json={"indices": [index]}
        )
        assert answer.status == 200
        poses = (folder / "poses.jsonl").stat().st_mtime_ns
        await until(lambda: (folder / "usable.json").stat().st_mtime_ns > poses, 30)


async def test_nobody_in_the_picture_leaves_no_dataset(serve, videos):
    from tests.server.browser import read_clip

    empty = read_clip(videos / "empty_then_people.mp4", (320, 180), limit=12)
    async with serve() as http, Browser(http, ClipTrack(empty)) as browser:
        await browser.sees_camera(10)
        browser.send("record", **{**RECORD, "seconds": 1})
        recorded = await browser.hears("recorded")
        assert recorded["written"] == 0
        assert recorded["dropped"] > 0
        assert not (datasets(http) / recorded["dataset"]).exists()


async def test_no_room_no_recording(serve, booth_small):
    async with (
        serve(disk_floor_bytes=10**18) as http,
        Browser(http, ClipTrack(booth_small)) as browser,
    ):
        await browser.sees_camera(10)
        browser.send("record", **RECORD)
        assert "nearly full" in (await browser.hears("error"))["message"]
