"""The whole way in one sitting: record, review, perform, train, perform better, film, share."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Open, Server, wait_live
from tests.browser.test_capture_page import DECODED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
Start = Callable[..., Server]
SOON = 120_000
"""Milliseconds: other things may run on this machine."""


def test_the_whole_way(start_server: Start, open_page: Open, chromium: Browser) -> None:
    server = start_server("--moment-seconds=5")
    page = open_page(server.url)
    title = _record(page)
    _perform(page, title)
    _train(page, title)
    server.kill()
    server.start()
    _watch_it_learn(page)
    film = _perform_while_it_learns(page, title)
    _stop_and_look(page)
    address = _share(page, film)

    other = chromium.new_context(bypass_csp=True)
    guest = other.new_page()
    guest.goto(address)
    expect(guest.locator("h1")).to_contain_text("Danced as")
    expect(guest.locator("a[href='/'], nav")).to_have_count(0)
    guest.wait_for_function("document.querySelector('video').readyState >= 2", timeout=SOON)
    guest.evaluate("document.querySelector('video').play()")
    guest.wait_for_function("document.querySelector('video').currentTime > 0.5", timeout=SOON)
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".share-link")).to_have_count(0)
    guest.reload()
    expect(guest.locator("h1")).to_have_text("This link leads nowhere")
    other.close()


def _record(page: Page) -> str:
    """Six seconds; the dataset's page is open, and its title returned."""
    wait_live(page)
    page.locator("#high-quality").uncheck()
    page.locator("#gesture").uncheck()
    page.locator("#record").click()
    page.locator("body[data-recording=recording]").wait_for(timeout=20_000)
    page.wait_for_timeout(6000)
    page.locator("#record").click()
    page.get_by_role("link", name="Look through it").click()
    page.locator("#cell-3").wait_for(timeout=SOON)
    return page.locator("#title").input_value()


def _perform(page: Page, title: str) -> None:
    """At once, without training."""
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("link", name="Right now, without training").click()
    page.locator("body[data-state=live]").wait_for(timeout=SOON)
    # A busy machine may say that it shows few pictures a second; they come all the same.
    expect(page.locator("#stage-note")).not_to_contain_text("Getting your double", timeout=SOON)
    frames = page.evaluate(DECODED)
    page.wait_for_function(
        "before => document.getElementById('live')"
        ".getVideoPlaybackQuality().totalVideoFrames - before > 10",
        arg=frames,
        timeout=SOON,
    )
    expect(page.locator(".body-card[aria-checked=true]")).to_contain_text(title)


def _train(page: Page, title: str) -> None:
    page.get_by_role("link", name="Datasets", exact=True).click()
    page.locator(".dataset").first.click()
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("5 minutes", exact=True).click()
    page.locator("#train-begin").click()
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("#state")).not_to_be_empty()


def _watch_it_learn(page: Page) -> None:
    """The server was killed and is back: the same training goes on, pushed to the same page."""
    expect(page.locator("#offline")).to_be_hidden(timeout=SOON)
    expect(page.locator("#state")).to_have_text("Learning", timeout=SOON)
    page.wait_for_function("document.getElementById('drawn').naturalWidth > 0", timeout=SOON)
    assert page.evaluate("document.getElementById('true').naturalWidth") > 500
    page.wait_for_function("document.getElementById('history').max >= 2", timeout=SOON)
    page.locator("#history").fill("0")
    first = page.locator("#drawn").get_attribute("src")
    page.locator("#history").fill(str(page.locator("#history").get_attribute("max")))
    assert page.locator("#drawn").get_attribute("src") != first
    expect(page.locator("#losses polyline").first).to_be_visible()
    expect(page.locator("#dance")).to_be_visible(timeout=SOON)


def _perform_while_it_learns(page: Page, title: str) -> str:
    """A film of it; its title."""
    page.locator("#dance").click()
    page.locator("body[data-state=live]").wait_for(timeout=SOON)
    expect(page.locator("#learning")).to_contain_text("still learning", timeout=SOON)
    expect(page.locator("#moment")).to_be_enabled(timeout=SOON)
    page.locator("#film").click()
    expect(page.locator("#clock")).to_be_visible(timeout=SOON)
    page.wait_for_timeout(4000)
    page.locator("#film").click()
    page.locator("#results .film").first.wait_for(timeout=SOON)
    return f"Danced as {title}"


def _stop_and_look(page: Page) -> None:
    page.get_by_role("link", name="Train", exact=True).click()
    page.locator(".training-title").first.click()
    page.get_by_role("button", name="Stop: good enough").click()
    begun = time.monotonic()
    expect(page.locator("#state")).not_to_have_text("Learning", timeout=3000)
    expect(page.locator("#continue")).to_be_visible(timeout=3 * SOON)
    assert time.monotonic() - begun < 300
    expect(page.locator(".score").first).to_be_visible(timeout=SOON)
    expect(page.locator(".film-frame").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Weights").click()
    assert download.value.path().stat().st_size > 10_000


def _share(page: Page, film: str) -> str:
    """The link's address."""
    page.get_by_role("link", name="Films", exact=True).click()
    page.locator(".film", has_text=film).first.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".share-links .notice")).to_contain_text("--host 0.0.0.0")
    expect(page.locator(".share-code")).to_have_count(0)
    address: str = page.locator(".share-address").input_value()
    return address
