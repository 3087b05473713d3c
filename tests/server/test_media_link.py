"""A call between two aiortc over a relay: losses are mended, rates follow the line."""

import asyncio
import dataclasses
import time

import pytest

from bench.network.lines import LINES, Line
from server.rtc import aiortc_tuning
from tests.server.browser import Browser, ClipTrack
from tests.server.waiting import until


@pytest.fixture(autouse=True)
def _tuned():
    assert aiortc_tuning.install(), "this aiortc is not one the change was tested with"


def session_of(http):
    (session,) = http.server.app[_state()].sessions.values()
    return session


def _state():
    from server.state import APP_STATE

    return APP_STATE


async def more_pictures(browser: Browser, count: int, seconds: float) -> None:
    """So many more pictures come back; the time is for a machine that has none to spare."""
    before = browser.pictures
    await until(lambda: browser.pictures >= before + count, seconds, f"{count} pictures")


async def test_a_call_survives_five_per_cent_of_loss(serve, booth_small):
    line = Line(50_000, 15, loss=0.05, jitter_ms=6)
    async with serve() as http, Browser(http, ClipTrack(booth_small), line=line) as browser:
        await until(lambda: browser.pictures > 10, 10, "pictures")
        await more_pictures(browser, 90, 30)
        link = session_of(http)._call.link
        assert link.recovery.asked > 0
        assert link.downlink.sent_again > 0
        assert browser.link.recovery.asked > 0
        assert link.downlink.round_trip > 0.02


async def test_a_line_that_becomes_narrow_is_followed_and_the_picture_shrinks(serve, booth):
    track = ClipTrack(booth[:2], fps=5)  # A thin line up is not what is tested.
    async with serve() as http, Browser(http, track, view="camera", line=LINES["free"]) as browser:
        await until(lambda: (640, 480) in browser.sizes, 10, "whole pictures")
        browser.relay.line = dataclasses.replace(LINES["thin"], up_kbps=50_000)
        await until(lambda: browser.sizes[-1] == (320, 240), 10, "small pictures")
        assert session_of(http)._call.link.downlink.rate.target_bps < 600_000


async def test_a_cut_line_is_found_again(serve, booth_small):
    line = Line(50_000, 10)
    async with serve() as http, Browser(http, ClipTrack(booth_small), line=line) as browser:
        await until(lambda: browser.pictures > 10, 10, "pictures")
        browser.relay.line = LINES["cut"]
        await asyncio.sleep(2.0)
        before = browser.pictures
        began = time.monotonic()
        browser.relay.line = line
        await until(lambda: browser.pictures > before + 5, 5, "pictures again")
        assert time.monotonic() - began < 3.0


async def test_vp8_is_mended_and_follows_too(serve, booth_small):
    track = ClipTrack(booth_small, raw=True)
    line = Line(50_000, 10, loss=0.02)
    async with serve() as http, Browser(http, track, codec="VP8", line=line) as browser:
        await until(lambda: browser.pictures > 10, 15, "pictures")
        await more_pictures(browser, 30, 20)
        assert session_of(http)._live.stats.snapshot()["fps_in"] > 3


async def test_a_thousand_requests_for_key_frames_a_second_are_one_key_frame(serve, booth_small):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await until(lambda: browser.pictures > 10, 10, "pictures")
        receiver = browser.transceiver.receiver
        ssrc = browser.link._media_ssrc
        sent_before = browser.relay.calls[0].bytes_down
        for _ in range(1000):
            await receiver._send_rtcp_pli(ssrc)
        began = time.monotonic()
        await more_pictures(browser, 30, 20)
        sent = browser.relay.calls[0].bytes_down - sent_before
        assert sent < (time.monotonic() - began + 1) * 3_300_000 / 8


async def test_nonsense_on_the_control_stream_harms_nothing(serve, booth_small):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await until(lambda: browser.pictures > 10, 10, "pictures")
        transport = browser.transceiver.sender.transport
        for data in (
            b"\x8f\xcd\xff\xff" + bytes(40),
            b"\x8f\xcd\x00\x05" + bytes(8) + b"\x00\x00\xff\xff" + bytes(8),
            b"\xaf\xcd\x00\x04" + bytes(15) + b"\xff",
            b"\x8f\xce\x00\x05" + bytes(8) + b"REMB\x01\xff\xff\xff" + bytes(4),
        ):
            await browser.link._send_plain(data)
        assert transport.state == "connected"
        await more_pictures(browser, 20, 20)
