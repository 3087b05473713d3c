"""Sessions end to end: aiortc plays the browser, a real clip is the camera, the network is real."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import time

import cv2
import numpy as np
import psutil
import pytest

from bench.network.lines import Line
from inference.errors import DeviceError
from server.live import control_channel
from server.live import session as session_module
from server.settings import Settings
from tests.machine import slowness
from tests.server.browser import Browser, ClipTrack, sessions
from tests.server.waiting import until


def colourful(i420: np.ndarray) -> float:
    """Mean distance of the chroma from grey."""
    height = i420.shape[0] * 2 // 3
    return float(np.abs(i420[height:].astype(int) - 128).mean())


async def test_a_clip_goes_in_and_coloured_parts_come_back(serve, booth):
    async with serve() as http, Browser(http, ClipTrack(booth), view="camera") as browser:
        await until(lambda: browser.pictures > 20)
        plain = colourful(browser.last)
        browser.send("settings", view="parts", opacity=1.0)
        message = await browser.hears("settings")
        assert message["view"] == "parts"
        seen = browser.pictures
        await until(lambda: browser.pictures > seen + 15)
        assert colourful(browser.last) > plain + 3
        assert browser.sizes == [(640, 480)]


async def test_the_first_picture_comes_within_two_seconds(serve, booth):
    async with serve() as http:
        began = time.monotonic()
        async with Browser(http, ClipTrack(booth)) as browser:
            await until(lambda: browser.pictures > 0)
            assert time.monotonic() - began < 2 * slowness()
            hello = await browser.hears("hello")
            assert hello["session"] == browser.answer["id"]
            assert hello["settings"]["view"] == "parts"


async def test_the_page_is_told_the_figures_four_times_a_second(serve, booth):
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await browser.hears("state")
        await asyncio.sleep(3)
        states = browser.heard("state")
        assert 8 <= len(states) <= 16
        stats = states[-1]["stats"]
        assert stats["size"] == [640, 480]
        assert stats["fps_in"] == pytest.approx(30, abs=4)
        assert stats["fps_analysed"] > 10 / slowness()
        assert 0 < stats["in_out_ms"]["p50"] <= stats["in_out_ms"]["p95"]
        assert {"invoke", "compose", "encode"} <= set(stats["stages"])
        assert stats["kbps_in"] > 300
        assert stats["kbps_out"] > 300
        assert stats["model"]
        assert states[-1]["recording"] is None


async def test_ping_is_answered_and_nonsense_refused(serve, booth_small):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await browser.hears("hello")
        browser.send("ping", t=12.5)
        assert (await browser.hears("pong"))["t"] == 12.5
        browser.send("launch")
        assert "unknown" in (await browser.hears("error"))["message"]
        browser.send("settings", view="xray")
        assert (await browser.hears("error", after=1))["message"]


async def test_whatever_a_message_holds_the_call_lives(serve, booth_small, monkeypatch):
    """What is nested too deep, and what nobody thought of: played by a parser that fails."""
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await browser.hears("hello")
        browser.channel.send("[" * 1500)
        assert "JSON" in (await browser.hears("error"))["message"]
        with monkeypatch.context() as patch:
            patch.setattr(control_channel.control, "parse", lambda text: 1 / 0)
            browser.send("stop")
            assert "could not be read" in (await browser.hears("error", after=1))["message"]
        browser.send("ping", t=1)
        assert (await browser.hears("pong"))["t"] == 1
        seen = browser.pictures
        await until(lambda: browser.pictures > seen + 10)


@pytest.mark.parametrize("threshold", [0, 1])
async def test_a_threshold_of_nothing_or_all_breaks_no_frame(serve, booth_small, threshold):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await browser.hears("hello")
        browser.send("settings", threshold=threshold)
        assert 0 < (await browser.hears("settings"))["threshold"] < 1
        seen = browser.pictures
        await until(lambda: browser.pictures > seen + 10)
        assert (await browser.next_state())["stats"]["failures"] == 0
        assert not browser.heard("error")


async def test_changing_network_size_and_view_never_interrupts_the_picture(serve, booth):
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await until(lambda: browser.pictures > 10)
        gaps, last = [], time.monotonic()

        async def watch():
            nonlocal last
            seen = browser.pictures
            while True:
                await asyncio.sleep(0.01)
                if browser.pictures != seen:
                    seen, now = browser.pictures, time.monotonic()
                    gaps.append(now - last)
                    last = now

        watching = asyncio.create_task(watch())
        for number, change in enumerate(
            [{"long_side": 321}, {"model": "bodypix-075-per-tensor"}, {"view": "skeleton"}]
        ):
            browser.send("settings", **change)
            message = await browser.hears("settings", after=number)
            assert message.items() >= change.items()
            await asyncio.sleep(0.5)
        watching.cancel()
        assert max(gaps) < 0.7 * slowness()
        await browser.until_state(lambda state: state["stats"]["model"] == "bodypix-075-per-tensor")
        assert browser.answer["id"] in sessions(http)


async def test_media_that_find_no_way_are_given_up(serve, booth_small, monkeypatch):
    monkeypatch.setattr(session_module, "CONNECT_SECONDS", 0.5)
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        body = await browser.offer()
        elsewhere = "a=candidate:1 1 udp 2130706431 203.0.113.9 9 typ host"
        body["sdp"] = re.sub(r"a=candidate[^\r\n]*", elsewhere, body["sdp"])
        answer = await http.post("/api/sessions", json=body)
        assert answer.status == 201
        assert len(sessions(http)) == 1
        await until(lambda: not sessions(http), 5, "the session to be given up")
        await browser.close()


async def test_a_silent_browser_is_let_go(serve, booth_small, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE_SECONDS", 1.0)
    line = Line(100_000, 1)  # The last word is not said again when it is lost.
    async with serve() as http, Browser(http, ClipTrack(booth_small), line=line) as browser:
        await until(lambda: browser.pictures > 3)
        browser.track.on_air.clear()
        await until(lambda: not sessions(http), 5)
        assert "silent" in (await browser.hears("error"))["message"]


async def test_a_gap_in_the_network_is_bridged_and_the_picture_goes_on(serve, booth_small):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await until(lambda: browser.pictures > 3)
        browser.track.on_air.clear()
        await asyncio.sleep(0.5)
        seen = browser.pictures
        await asyncio.sleep(1.5)
        assert browser.pictures >= seen + 4, "the last picture is repeated"
        browser.track.on_air.set()
        seen = browser.pictures
        await until(lambda: browser.pictures > seen + 20, 3)


async def test_the_camera_may_change_its_size_in_mid_call(serve, booth, booth_small):
    tall = [
        cv2.cvtColor(
            np.ascontiguousarray(np.rot90(cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420))),
            cv2.COLOR_RGB2YUV_I420,
        )
        for frame in booth_small
    ]
    async with serve() as http, Browser(http, ClipTrack(booth)) as browser:
        await until(lambda: browser.pictures > 5)
        for clip, size in ((booth_small, (320, 240)), (tall, (240, 320)), (booth, (640, 480))):
            browser.track.change(clip)
            await until(lambda size=size: browser.sizes[-1] == size, 5, f"{size}")
        assert (await browser.next_state())["stats"]["failures"] == 0


async def test_a_failing_stage_lets_the_camera_through_and_says_so(serve, booth_small, monkeypatch):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await until(lambda: browser.pictures > 3)
        (session,) = sessions(http).values()

        def broken(*_arguments, **_named):
            raise DeviceError("The Edge TPU was unplugged.")

        monkeypatch.setattr(session._live.analyzer, "analyse", broken)
        error = await browser.hears("error")
        assert error["message"] == "The Edge TPU was unplugged."
        seen = browser.pictures
        await until(lambda: browser.pictures > seen + 20, 3)
        assert (await browser.next_state())["stats"]["failures"] > 5
        monkeypatch.undo()
        await browser.until_state(lambda state: state["stats"]["fps_analysed"] > 5)


async def test_shutdown_does_not_wait_for_browsers(serve, booth_small):
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        await browser.connect()
        await until(lambda: browser.pictures > 3)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    await browser.close()


async def test_two_browsers_get_a_fair_share(serve, booth_small):
    async with (
        serve() as http,
        Browser(http, ClipTrack(booth_small)) as one,
        Browser(http, ClipTrack(booth_small)) as two,
    ):
        await asyncio.sleep(4)
        shares = [(await browser.next_state())["stats"]["fps_analysed"] for browser in (one, two)]
        assert min(shares) > 5
        assert min(shares) / max(shares) > 0.6


def traces() -> tuple[int, int, int]:
    """Threads (but for the server's own few workers), tasks and file handles of this process."""
    gc.collect()
    threads = [one for one in threading.enumerate() if not one.name.startswith("background")]
    return (len(threads), len(asyncio.all_tasks()), psutil.Process().num_fds())


async def _cycles(serve, clip, count: int) -> None:
    async with serve() as http:
        for number in range(count + 2):
            async with Browser(http, ClipTrack(clip)) as browser:
                await until(lambda browser=browser: browser.pictures > 2)
            await until(lambda: not sessions(http))
            await asyncio.sleep(0.2)
            if number == 1:
                before = traces()
        await asyncio.sleep(0.5)
        after = traces()
        assert all(b <= a for a, b in zip(before, after, strict=True)), (before, after)


async def test_five_connections_leave_nothing_behind(serve, booth_small):
    await _cycles(serve, booth_small, 5)


@pytest.mark.slow
async def test_twenty_connections_leave_nothing_behind(serve, booth_small):
    await _cycles(serve, booth_small, 20)


def test_settings_are_the_defaults_a_person_expects():
    assert Settings().host == "127.0.0.1"
    assert Settings().max_sessions == 4
