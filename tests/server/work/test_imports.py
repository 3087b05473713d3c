"""Uploaded videos, honest and hostile, through the real subprocess."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from capture.dataset import Dataset
from server.state import APP_STATE
from tests.capture.clips import pictures, write_video
from tests.server.browser import Browser, ClipTrack

JUGGLER = Path(__file__).parents[2] / "data" / "juggler_320.mp4"


async def send(http, data: bytes, name: str = "clip.mp4", **more) -> dict:
    """Upload a file in three chunks; what `finish` answers."""
    body = {"name": name, "size": len(data), "purpose": "import", **more}
    begun = await (await http.post("/api/uploads", json=body)).json()
    third = len(data) // 3 + 1
    for offset in range(0, len(data), third):
        url = f"/api/uploads/{begun['id']}?offset={offset}"
        answer = await http.put(url, data=data[offset : offset + third])
        assert answer.status == 200, await answer.text()
    return await (await http.post(f"/api/uploads/{begun['id']}/finish")).json()


async def outcome(http, job: str) -> dict:
    """The job, once it is over."""
    for _ in range(600):
        answer = await (await http.get(f"/api/jobs/{job}")).json()
        if answer["state"] in ("done", "failed", "cancelled"):
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(answer)


async def test_a_video_becomes_a_dataset(serve):
    async with serve() as http:
        begun = await send(http, JUGGLER.read_bytes(), "../../my dance.mp4")
        job = await outcome(http, begun["job"])
        assert (job["state"], job["done"], job["total"]) == ("done", 48, 48)
        [one] = await (await http.get("/api/datasets")).json()
        assert one["id"] == begun["dataset"]
        assert one["title"] == "my dance"
        assert one["pairs"] >= 44
        settings = http.server.app[APP_STATE].settings
        assert list(settings.uploads.iterdir()) == []


async def test_what_was_odd_about_a_video_reaches_the_page_and_stays(serve, tmp_path):
    """A film that was cut off, and one with a damaged frame, under the names people know."""
    clip = pictures(40)
    whole = write_video(tmp_path / "a.mp4", clip, options={"b": "2M"},
                        container_options={"movflags": "faststart"}).read_bytes()  # fmt: skip
    async with serve() as http:
        begun = await send(http, whole[: len(whole) * 6 // 10], "take 2.mp4")
        job = await outcome(http, begun["job"])
        assert job["state"] == "done"
        assert any("take 2.mp4 was cut off" in note for note in job["notes"])
        about = await (await http.get(f"/api/datasets/{begun['dataset']}")).json()
        assert about["notes"] == job["notes"]
        spoilt = bytearray(whole)
        middle = len(whole) // 2
        spoilt[middle : middle + 6000] = b"\xff" * 6000
        begun = await send(http, bytes(spoilt), "take 3.mp4")
        job = await outcome(http, begun["job"])
        about = await (await http.get(f"/api/datasets/{begun['dataset']}")).json()
        assert any("take 3.mp4 were left out" in note for note in job["notes"]), job
        assert about["counts"]["dropped"]["damaged"] >= 1


def _huge(path: Path) -> bytes:
    """A valid AVI that claims 100000 x 100000 pixels."""
    video = write_video(path / "small.avi", pictures(3), codec="rawvideo", pixels="bgr24")
    data = video.read_bytes()
    for height in (180, -180):
        wanted = struct.pack("<ii", 100_000, 100_000 if height > 0 else -100_000)
        data = data.replace(struct.pack("<ii", 320, height), wanted)
    return data


def _long(path: Path) -> bytes:
    """Two frames, ten hours apart."""
    return write_video(path / "long.mp4", pictures(2), times=[0, 36_000_000]).read_bytes()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda _: b"This is no video. " * 500, "is not a video"),
        (lambda _: JUGGLER.read_bytes()[:4000], "clip.mp4 holds no picture"),
        (_huge, "clip.mp4"),
        (_long, "clip.mp4 lasts 10 h"),
    ],
    ids=["not a video", "truncated", "100000x100000", "ten hours"],
)
async def test_what_is_no_usable_video_is_refused_in_a_sentence(serve, tmp_path, make, sentence):
    async with serve() as http:
        begun = await send(http, make(tmp_path))
        job = await outcome(http, begun["job"])
        assert job["state"] == "failed"
        assert sentence in job["message"]
        assert "Traceback" not in job["message"]
        assert await (await http.get("/api/datasets")).json() == []


async def test_a_cancelled_import_keeps_what_was_analysed(serve, videos):
    async with serve() as http:
        begun = await send(http, (videos / "dancer_d.mp4").read_bytes())

        async def far():
            answer = await (await http.get(f"/api/jobs/{begun['job']}")).json()
            return answer["done"] > 30

        for _ in range(300):
            if await far():
                break
            await asyncio.sleep(0.05)
        await http.delete(f"/api/jobs/{begun['job']}")
        job = await outcome(http, begun["job"])
        assert job["state"] == "cancelled"
        [one] = await (await http.get("/api/datasets")).json()
        assert one["state"] == "complete"
        assert 20 < one["pairs"] < 300


async def test_high_quality_takes_the_place_of_the_live_pairs(serve, booth):
    """Record live, upload the browser's own video of it: same dataset, better source."""
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await browser.sees_camera(10)
        browser.send("record", seconds=None, title="Me", high_quality=True, heads=False)
        dataset = (await browser.hears("recording"))["dataset"]
        await asyncio.sleep(2)
        browser.send("stop")
        recorded = await browser.hears("recorded")
        assert recorded["written"] > 10
        folder = http.server.app[APP_STATE].settings.datasets / dataset
        assert Dataset.open(folder).manifest.source.kind == "webrtc"
        begun = await send(
            http, JUGGLER.read_bytes(), "recording.mp4", purpose="recording", dataset=dataset
        )
        assert begun["dataset"] == dataset
        assert (await outcome(http, begun["job"]))["state"] == "done"
        better = Dataset.open(folder)
        assert better.manifest.source.kind == "recorder"
        assert better.manifest.title == "Me"
        assert len(better.pairs) >= 44
        second = {"name": "x", "size": 9, "purpose": "recording", "dataset": dataset}
        assert (await http.post("/api/uploads", json=second)).status == 409


async def test_a_bad_recording_leaves_the_live_pairs(serve, booth):
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await browser.sees_camera(10)
        browser.send("record", seconds=1, title="", high_quality=True, heads=True)
        dataset = (await browser.hears("recorded"))["dataset"]
        begun = await send(http, b"nothing" * 99, "r.webm", purpose="recording", dataset=dataset)
        job = await outcome(http, begun["job"])
        assert job["state"] == "failed"
        assert job["message"].endswith("The live pairs are kept.")
        kept = Dataset.open(http.server.app[APP_STATE].settings.datasets / dataset)
        assert kept.manifest.source.kind == "webrtc"
        assert kept.heads(kept.pairs[0].index).segments is not None


def test_the_command_that_is_run_is_there() -> None:
    run = Path(__file__).parents[3] / "run.py"
    done = subprocess.run(
        [sys.executable, str(run), "capture", "--help"], capture_output=True, text=True, check=True
    )
    assert "--out" in done.stdout
