"""A network is taught on the page, by the real `run.py distill`, and sees the next call."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import JUGGLER, RUN, Open, Server, wait_live
from tests.browser.test_capture_page import DECODED

Start = Callable[..., Server]
ID = "20261120-142233-7f3a9c"
SOON = 240_000
"""Milliseconds: other things may run on this machine."""

pytestmark = pytest.mark.browser


def capture(server: Server) -> None:
    """The juggler's dataset."""
    folder = server.data / "datasets" / ID
    command = [sys.executable, str(RUN), "capture", str(JUGGLER), f"--out={folder}"]
    subprocess.run([*command, "--title=Juggling in the park"], check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_network_learns_a_scene_and_sees_the_next_call(
    start_server: Start, open_page: Open
) -> None:
    server = start_server()
    capture(server)
    page = open_page(f"{server.url}datasets/{ID}#train")
    page.get_by_text("A network", exact=True).click()
    expect(page.locator("#train-about")).to_be_visible()
    expect(page.locator("#train-now")).to_be_hidden()
    page.locator("#train-more summary").click()
    expect(page.locator("#train-preset")).to_be_hidden()
    page.locator("#train-network").select_option("tiny")
    page.get_by_text("5 minutes", exact=True).click()
    page.locator("#train-begin").click()
    expect(page.locator("h1")).to_have_text("Juggling in the park")
    expect(page.locator("#state")).to_have_text("Learning", timeout=SOON)
    server.kill()
    server.start()
    expect(page.locator("#offline")).to_be_hidden(timeout=SOON)
    page.wait_for_function("document.getElementById('history').max >= 2", timeout=SOON)
    assert page.evaluate("document.getElementById('true').naturalWidth") == 5 * 192
    expect(page.locator("#losses polyline")).to_have_count(6)
    expect(page.locator("#held svg")).to_have_count(2)
    expect(page.locator("#use")).to_be_hidden()
    page.get_by_role("button", name="Stop: good enough").click()
    expect(page.locator("#use")).to_be_visible(timeout=SOON)
    expect(page.locator("#state")).to_have_text("Done", timeout=SOON)
    expect(page.locator(".score")).to_have_count(2)
    expect(page.locator(".film-frame").last).to_contain_text("Its teacher")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download The network").click()
    assert download.value.path().stat().st_size > 500_000
    training = page.url
    page.locator("#use").click()
    _sees(page, "juggling-in-the-park-tiny")
    _survives_being_deleted(page, open_page(training))


def _sees(page: Page, network: str) -> None:
    """The call runs with it, and a page that is loaded anew still chooses it."""
    wait_live(page)
    expect(page.locator("#model")).to_have_value(network)
    page.locator("#stats-toggle").click()
    expect(page.locator("#figures")).to_contain_text(f"{network} (", timeout=SOON)
    page.goto(page.url.partition("?")[0])
    wait_live(page)
    expect(page.locator("#model")).to_have_value(network)
    expect(page.locator("#figures")).to_contain_text(f"{network} (", timeout=SOON)


def _survives_being_deleted(live: Page, training: Page) -> None:
    """Whoever uses it goes on; whoever comes later gets another."""
    training.locator("#delete").click()
    training.locator("#confirm-yes").click()
    expect(training).to_have_url(re.compile(r"/trainings$"))
    frames = live.evaluate(DECODED)
    live.wait_for_function(
        "before => document.getElementById('live')"
        ".getVideoPlaybackQuality().totalVideoFrames - before > 20",
        arg=frames,
        timeout=SOON,
    )
    expect(live.locator("body")).to_have_attribute("data-state", "live")
    live.reload()
    wait_live(live)
    gone = live.locator("#model option[value=juggling-in-the-park-tiny]")
    expect(gone).to_have_count(0)


def test_without_its_packages_a_network_is_not_offered(
    start_server: Start, open_page: Open
) -> None:
    server = start_server()
    capture(server)
    page = open_page("about:blank")
    sentence = "Writing such files needs the package litert_torch."
    page.route(
        "**/api/trainings",
        lambda route: route.fulfill(json={**route.fetch().json(), "no_network": sentence}),
    )
    page.goto(f"{server.url}datasets/{ID}#train")
    expect(page.locator("#train-begin")).to_be_enabled()
    page.get_by_text("A network", exact=True).click()
    expect(page.locator("#train-missing")).to_have_text(sentence)
    expect(page.locator("#train-begin")).to_be_disabled()
    page.get_by_text("A double", exact=True).click()
    expect(page.locator("#train-missing")).to_be_hidden()
    expect(page.locator("#train-begin")).to_be_enabled()
