"""How long one waits on the way through the pages, and how the live picture does meanwhile.

Chromium and server share this machine: 15 s of the clip are recorded, danced as at once, and
learnt from while the camera goes on.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any
from urllib.parse import urljoin

import cv2
import numpy as np

from bench.chromium import browser_with_camera, camera_of, notes_of, open_watched, round_trips
from bench.clip import Clip
from bench.loop import SETTLE_SECONDS, Row
from bench.serving import BenchError, Server, serving
from inference.arrays import Rgb
from server.performers import WAITING
from training.performer.measuring.haarpsi import haarpsi

RECORDED_SECONDS = 15.0
RECOGNISED = 0.35
"""HaarPSI of held-out frames as they are drawn, from which somebody is recognised: the same person
in another pose has 0.23, their own pixels in the right one 0.44 (docs/performers.md)."""
SOON = 120_000
"""Milliseconds, after which a step has failed."""
PAGES = ("", "datasets", "datasets/{dataset}", "trainings", "perform", "films")
_DANCED = """(waiting) => {
    const last = __bench.messages.findLast((one) => one.type === "state");
    return last?.performing && last.note !== waiting && __bench.shown.length > 0
        && Object.keys(last.stats.stages).some((name) => name.startsWith("perform"));
}"""
_RECORDED = "__bench.messages.findLast((one) => one.type === 'recorded')?.dataset"
_DRAWN = "document.getElementById('drawn')?.naturalWidth > 0"
_SHIFTS = """new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) {
        if (!shift.hadRecentInput) window.__shifted = (window.__shifted ?? 0) + shift.value;
    }
}).observe({ type: "layout-shift", buffered: true });"""


def measure_journey(clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """`runs` journeys, each counting live pictures for `seconds` while something is learnt.

    Raises:
        BenchError: Chromium is not installed, or a step did not come to its end.
    """
    rows = []
    with camera_of(clip) as camera:
        from playwright.sync_api import TimeoutError

        for _ in range(runs):
            with serving(*flags) as server, browser_with_camera(camera) as browser:
                try:
                    rows.append(_journey(browser, server, clip, seconds))
                except TimeoutError as error:
                    raise BenchError(f"A step did not end: {error}.") from None
    row: Row = {name: median(one[name] for one in rows) for name in rows[0] if name != "pages"}
    return row | {"pages": rows[0]["pages"]}


def _journey(browser: Any, server: Server, clip: Clip, seconds: float) -> Row:
    page = open_watched(browser, server, clip)
    page.wait_for_timeout(1000 * SETTLE_SECONDS)
    page.locator("#high-quality").uncheck()
    page.locator("#gesture").uncheck()
    page.locator("#record").click()
    page.wait_for_timeout(1000 * RECORDED_SECONDS)
    began = time.monotonic()
    page.locator("#record").click()
    dataset = page.wait_for_function(_RECORDED, timeout=SOON).json_value()
    page.goto(f"{server.url}perform?as=as:{dataset}")
    page.wait_for_function(_DANCED, arg=WAITING, timeout=SOON)
    danced = time.monotonic() - began
    pages = {name or "/": first_view(browser, server.url + name.format(dataset=dataset))
             for name in PAGES}  # fmt: skip
    page.goto(f"{server.url}datasets/{dataset}")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("5 minutes", exact=True).click()
    began = time.monotonic()
    page.locator("#train-begin").click()
    page.wait_for_function(_DRAWN, timeout=SOON)
    drawn = time.monotonic() - began
    while _likeness(page) < RECOGNISED:
        if time.monotonic() - began > SOON / 1000:
            raise BenchError("Nobody is recognised in what was learnt.")
        page.wait_for_timeout(250)
    recognised = time.monotonic() - began
    live = open_watched(browser, server, clip)
    live.wait_for_timeout(1000 * SETTLE_SECONDS)
    before = notes_of(live)["until"]
    live.wait_for_timeout(1000 * seconds)
    notes = notes_of(live)
    shown = sum(when >= before for when in notes["shown"])
    delays = round_trips({"delays": [one for one in notes["delays"] if one[0] >= before]})
    page.get_by_role("button", name="Stop: good enough").click()
    # A training outlives its server, and would be in the way of what is measured next.
    page.locator("#continue").wait_for(timeout=3 * SOON)
    return {
        "stop_to_danced_s": round(danced, 1),
        "train_to_picture_s": round(drawn, 1),
        "train_to_recognised_s": round(recognised, 1),
        "fps_while_learning": round(shown / ((notes["until"] - before) / 1000), 1),
        "round_trip_while_learning_p50_ms": round(float(np.median(delays)), 1),
        "pages": pages,
    }


def _likeness(page: Any) -> float:
    """HaarPSI of the pictures that are shown with the true ones beside them."""
    true, drawn = (
        _decoded(
            page.request.get(urljoin(page.url, page.locator(name).get_attribute("src"))).body()
        )
        for name in ("#true", "#drawn")
    )
    return haarpsi(true, drawn)


def _decoded(picture: bytes) -> Rgb:
    bgr = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise BenchError("The page showed a picture that is none.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def first_view(browser: Any, url: str) -> str:
    """What a page's first view costs, in a browser that has nothing of it yet."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(_SHIFTS)
    received: list[float] = []
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda one: received.append(one["encodedDataLength"]))
    page.goto(url)
    page.wait_for_timeout(3000)
    shifted = float(page.evaluate("window.__shifted ?? 0"))
    context.close()
    return f"{sum(received) / 1000:.0f} kB, layout shift {shifted:.3f}"
