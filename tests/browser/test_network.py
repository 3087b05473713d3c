"""The page on bad lines: it says what is wrong, goes on by itself, and so does a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.network.lines import LINES, Line
from bench.network.measure import through
from bench.network.relay import Relay
from capture.dataset import Dataset
from tests import machine
from tests.browser.conftest import Server, wait_live

pytestmark = pytest.mark.browser
Start = Callable[..., Server]
OpenOver = Callable[[Relay, Server], Page]
NOTE = "#stage-note"


@pytest.fixture
def open_over(chromium: Browser) -> Iterator[OpenOver]:
    """`open_over(relay, server)` is a page whose requests and media go through the relay."""
    contexts, errors = [], []

    def open_over(relay: Relay, server: Server) -> Page:
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(through(relay, server.url)(page))
        return page

    yield open_over
    for context in contexts:
        context.unroute_all(behavior="ignoreErrors")
        context.close()
    assert errors == []


def record(page: Page) -> None:
    page.locator("#high-quality").uncheck()
    page.locator("label:has(input[name=limit][value=''])").click()
    page.keyboard.press("r")
    expect(page.locator("#record-figures")).to_contain_text("pairs", timeout=15_000)


def decoded(page: Page) -> int:
    return int(
        page.evaluate("document.getElementById('live').getVideoPlaybackQuality().totalVideoFrames")
    )


def wait_for_pictures(page: Page, seconds: float) -> None:
    before = decoded(page)
    page.wait_for_function(
        "(n) => document.getElementById('live').getVideoPlaybackQuality().totalVideoFrames > n",
        arg=before + 3,
        timeout=seconds * 1000,
    )


@contextmanager
def recording_over(open_over: OpenOver, server: Server) -> Iterator[tuple[Relay, Page]]:
    """A page that records over a line that is free, until a test changes the line."""
    with Relay(LINES["free"]) as relay:
        page = open_over(relay, server)
        wait_live(page)
        record(page)
        yield relay, page


def stop_recording(page: Page, server: Server) -> Dataset:
    """The one dataset that came of it, complete."""
    page.wait_for_timeout(1_500)
    page.keyboard.press("r")
    expect(page.locator(".job-sentence")).to_contain_text("pairs", timeout=20_000)
    page.goto("about:blank")
    (folder,) = (server.data / "datasets").iterdir()
    dataset = Dataset.open(folder)
    assert dataset.manifest.state == "complete"
    return dataset


def test_a_line_that_is_cut_is_said_and_a_recording_goes_on(
    start_server: Start, open_over: OpenOver
) -> None:
    server = start_server()
    with recording_over(open_over, server) as (relay, page):
        relay.line = LINES["cut"]
        expect(page.locator(NOTE)).to_contain_text("the line is cut", timeout=4_500)
        expect(page.locator("#stage")).to_have_class("stage mirrored stale")
        page.wait_for_timeout(3_000)
        relay.line = LINES["free"]
        wait_for_pictures(page, 6)
        expect(page.locator(NOTE)).to_be_hidden(timeout=8_000)
        found = stop_recording(page, server)
    assert max(b.time_s - a.time_s for a, b in zip(found.pairs, found.pairs[1:], strict=False)) > 3


@pytest.mark.slow
def test_a_server_that_is_reached_another_way_is_dialled_anew(
    start_server: Start, open_over: OpenOver
) -> None:
    """UDP dies while HTTP goes on, as when a laptop changes from Wi-Fi to a phone's network."""
    server = start_server()
    with recording_over(open_over, server) as (relay, page):
        page.wait_for_timeout(2_000)
        page.evaluate("window.before = document.getElementById('live').srcObject")
        relay.end_calls()
        page.wait_for_function(
            """() => { const live = document.getElementById("live");
                 return live.srcObject !== window.before
                   && live.getVideoPlaybackQuality().totalVideoFrames > 3; }""",
            timeout=3_000 * machine.slowness(),
        )
        assert page.evaluate("document.body.dataset.state") == "live"
        assert len(relay.calls) == 2
        expect(page.locator("body[data-recording=recording]")).to_be_visible(timeout=5_000)
        found = stop_recording(page, server)
    assert found.manifest.counts.dropped.get("lost", 0) > 10


@pytest.mark.slow
def test_a_line_that_comes_back_while_another_way_is_tried_keeps_its_call(
    start_server: Start, open_over: OpenOver
) -> None:
    server = start_server("--max-sessions=1")
    with Relay(LINES["free"]) as relay:
        page = open_over(relay, server)
        wait_live(page)
        page.route("**/api/sessions", lambda route: None)  # Never answered.
        relay.line = LINES["cut"]
        page.wait_for_timeout(3_000)
        relay.line = LINES["free"]
        wait_for_pictures(page, 3 * machine.slowness())
        assert len(relay.calls) == 1
        page.unroute_all(behavior="ignoreErrors")
        expect(page.locator(NOTE)).to_be_hidden()


@pytest.mark.slow
def test_a_page_in_the_background_is_no_bad_line(start_server: Start, open_over: OpenOver) -> None:
    with Relay(LINES["free"]) as relay:
        page = open_over(relay, start_server())
        wait_live(page)
        page.evaluate(
            """Object.defineProperty(document, "hidden", {get: () => true, configurable: true});
               document.dispatchEvent(new Event("visibilitychange"));"""
        )
        relay.line = LINES["cut"]
        page.wait_for_timeout(4_500)
        expect(page.locator(NOTE)).to_be_hidden()
        page.evaluate(
            """delete document.hidden; document.dispatchEvent(new Event("visibilitychange"));"""
        )
        expect(page.locator(NOTE)).to_contain_text("the line is cut", timeout=4_500)
        relay.line = LINES["free"]


@pytest.mark.parametrize("codecs", ["WebCodecs", pytest.param("JPEG", marks=pytest.mark.slow)])
def test_udp_kept_out_is_gone_around(
    start_server: Start, open_over: OpenOver, chromium: Browser, codecs: str
) -> None:
    server = start_server()
    with Relay(Line(20_000, 5, udp=False)) as relay:
        page = open_over(relay, server)
        if codecs == "JPEG":
            page.add_init_script("delete window.VideoEncoder;")
            page.reload()
        wait_live(page)
        expect(page.locator(".toast")).to_contain_text("keeps UDP out")
        record(page)
        page.wait_for_timeout(500)
        found = stop_recording(page, server)
    assert len(found.pairs) > 10
    frame = found.frame(found.pairs[-1].index)
    assert frame.std() > 20  # A picture, and no grey.


@pytest.mark.slow
def test_udp_kept_out_in_mid_call_is_gone_around_and_a_recording_goes_on(
    start_server: Start, open_over: OpenOver
) -> None:
    server = start_server()
    with recording_over(open_over, server) as (relay, page):
        relay.line = Line(20_000, 5, udp=False)
        expect(page.locator(".toast")).to_contain_text("keeps UDP out", timeout=25_000)
        wait_live(page)
        expect(page.locator("body[data-recording=recording]")).to_be_visible(timeout=5_000)
        found = stop_recording(page, server)
    assert found.manifest.counts.dropped.get("lost", 0) > 10


@pytest.mark.slow
def test_a_slow_line_is_said_and_the_camera_is_soon_as_good_as_before(
    start_server: Start, open_over: OpenOver
) -> None:
    with Relay(LINES["free"]) as relay:
        page = open_over(relay, start_server())
        wait_live(page)
        relay.line = LINES["thin"]
        expect(page.locator("#line-sentence")).to_contain_text("Your line is slow", timeout=20_000)
        expect(page.locator("#line-sentence")).to_contain_text("High quality")
        relay.line = LINES["narrow-5"]
        expect(page.locator("#line-sentence")).to_be_hidden(timeout=25_000)
        page.wait_for_timeout(2_000)
        before = relay.calls[-1].bytes_up
        page.wait_for_timeout(3_000)
        assert (relay.calls[-1].bytes_up - before) * 8 / 3000 > 1_500
