"""Who gets a call, and who is refused in what words: aiortc plays the browser."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from aiortc import RTCSessionDescription as Description

from tests.server.browser import Browser, ClipTrack, sessions
from tests.server.waiting import until


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("H264/90000", "VP9/90000", "VP9"),
        ("H264/90000", "AV1/90000", "AV1"),
        ("profile-level-id=42.01f", "profile-level-id=64001f", "H264 of another kind"),
        ("packetization-mode=1", "packetization-mode=0", "H264 of another kind"),
    ],
)
async def test_codecs_that_are_not_taken_are_named(serve, booth_small, before, after, named):
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        body = await browser.offer()
        body["sdp"] = re.sub(before, after, body["sdp"])
        answer = await http.post("/api/sessions", json=body)
        error = (await answer.json())["error"]
        assert answer.status == 400
        assert "takes H.264" in error
        assert "VP8" in error
        assert f"offers {named}." in error
        assert not sessions(http)
        await browser.close()


@pytest.mark.parametrize("line", ["fingerprint", "ice-ufrag", "ice-pwd"])
async def test_an_offer_that_lacks_what_a_call_needs(serve, booth_small, line, caplog):
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        body = await browser.offer()
        body["sdp"] = re.sub(rf"a={line}:[^\r]*\r\n", "", body["sdp"])
        answer = await http.post("/api/sessions", json=body)
        assert answer.status == 400
        assert line in (await answer.json())["error"]
        await browser.close()
    assert not caplog.records


async def test_a_browser_that_hides_its_addresses_connects(serve, booth_small):
    """Firefox without a camera: names of mDNS that nobody resolves, and that was all of them."""
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        body = await browser.offer()
        hidden = re.sub(
            r"(a=candidate:\S+ \d+ \S+ \d+ )\S+( \d+ typ host[^\r]*)",
            r"\g<1>5d1f9c1e-3a6d-4f0c-9d5e-5f0ed0d1a111.local\g<2>",
            body["sdp"],
        )
        assert ".local" in hidden
        assert "a=end-of-candidates" in hidden
        answer = await http.post("/api/sessions", json={**body, "sdp": hidden})
        answer = await answer.json()
        assert "a=candidate" in answer["sdp"]
        await browser.connection.setRemoteDescription(Description(answer["sdp"], "answer"))
        await until(lambda: browser.pictures > 5, 10)
        await browser.close()


async def test_one_too_many_is_told_so_and_gets_in_later(serve, booth_small):
    async with serve(max_sessions=1) as http:
        async with Browser(http, ClipTrack(booth_small)):
            second = Browser(http, ClipTrack(booth_small))
            assert await second.connect() == 503
            assert second.answer["code"] == "full"
            assert "taken" in second.answer["error"]
            await second.close()
        await until(lambda: not sessions(http), 20)
        async with Browser(http, ClipTrack(booth_small)) as third:
            await until(lambda: third.pictures > 0)


async def test_a_page_that_comes_back_replaces_its_old_self(serve, booth_small):
    async with serve(max_sessions=1) as http, Browser(http, ClipTrack(booth_small)) as old:
        await until(lambda: old.pictures > 0)
        new = Browser(http, ClipTrack(booth_small))
        assert await new.connect(resume="a wrong token") == 503
        await new.close()
        new = Browser(http, ClipTrack(booth_small))
        assert await new.connect(resume=old.answer["token"]) == 201
        await until(lambda: new.pictures > 0)
        await until(lambda: list(sessions(http)) == [new.answer["id"]])
        await new.close()


async def test_without_a_network_the_page_says_how_to_get_one(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    monkeypatch.setattr("inference.zoo.BUILT_IN_FOLDER", tmp_path / "none")
    async with serve() as http:
        browser = Browser(http, ClipTrack([np.full((360, 320), 128, np.uint8)]))
        assert await browser.connect() == 503
        assert browser.answer["code"] == "no_model"
        assert "models fetch" in browser.answer["error"]
        await browser.close()
        assert (await (await http.get("/health")).json())["model"] is None


async def test_a_damaged_network_is_named(serve, tmp_path):
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"nonsense")
    async with serve(model=str(bad)) as http:
        browser = Browser(http, ClipTrack([np.full((360, 320), 128, np.uint8)]))
        assert await browser.connect() == 503
        assert browser.answer["code"] == "no_model"
        assert "TFLite" in browser.answer["error"]
        assert not sessions(http)
        await browser.close()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        json.dumps({"sdp": "v=0", "type": "offer"}),
        json.dumps({"sdp": "m=video\r\nm=application", "type": "offer"}),
        json.dumps({"sdp": "v=0\r\nm=video 9 X 96\r\nm=application 9 Y", "type": "offer"}),
        json.dumps({"sdp": 5, "type": "offer"}),
        json.dumps({"sdp": "m=video x\r\n" * 9, "type": "offer"}),
        json.dumps({"sdp": "x" * 70_000, "type": "offer"}),
    ],
)
async def test_what_is_no_offer_is_refused_and_leaves_nothing(serve, body):
    async with serve() as http:
        answer = await http.post("/api/sessions", data=body)
        assert answer.status in (400, 413)
        assert (await answer.json())["error"].endswith(".")
        assert not sessions(http)


async def test_a_browser_without_h264_gets_vp8(serve, booth_small):
    track = ClipTrack(booth_small, raw=True)
    async with serve() as http, Browser(http, track, codec="VP8") as browser:
        await until(lambda: browser.pictures > 20, 10)
        assert (320, 240) in browser.sizes
        assert "VP8" in browser.answer["sdp"]


async def test_closing_by_beacon_frees_the_place(serve, booth_small):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await until(lambda: browser.pictures > 3)
        url = f"/api/sessions/{browser.answer['id']}/close"
        assert (await http.post(url)).status == 204
        assert not sessions(http)
        assert (await http.post(url)).status == 204
