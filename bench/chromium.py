"""The same loop with a real browser: Chromium, its camera a clip, on the same machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clip import FPS, Clip
from bench.loop import SETTLE_SECONDS, Row, received_psnr
from bench.serving import BenchError, Server, serving
from capture.dataset import Dataset

CLIP_SECONDS = 20
"""The camera's clip is repeated after this; its file takes 14 MB a second at 640x480."""
EARLY_SECONDS = (3.0, 8.0)
"""After connecting, when the picture's quality is measured."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)
"""What a Chromium without screen and camera needs."""


def chromium_path() -> str | None:
    """Where Chromium is: `UNDERSTUDY_CHROMIUM`, or on the path; None when it is not here."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = (shutil.which(name) for name in names)
    return os.environ.get("UNDERSTUDY_CHROMIUM") or next(filter(None, found), None)


def require_chromium() -> None:
    """Raise `BenchError` when Chromium or Playwright is not installed."""
    if chromium_path() is None:
        raise BenchError("Chromium is not installed: its row is left out.")
    if importlib.util.find_spec("playwright") is None:
        raise BenchError(
            "Playwright is not installed (requirements-dev.txt): Chromium's row is left out."
        )


@contextmanager
def camera_of(clip: Clip, fps: int = FPS) -> Iterator[Path]:
    """The file that a Chromium takes for its camera, of so many pictures a second.

    Raises:
        BenchError: Chromium or Playwright is not installed.
    """
    require_chromium()
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        camera = Path(folder) / "camera.y4m"
        clip.save_y4m(camera, CLIP_SECONDS * FPS, fps)
        yield camera


def measure_chromium(clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """`runs` runs of `seconds` with recording; the median of each figure.

    Raises:
        BenchError: Chromium or Playwright is not installed.
    """
    with camera_of(clip) as camera:
        rows = []
        for _ in range(runs):
            with serving(*flags) as server:
                notes, began = _watch(server, camera, clip, seconds)
                rows.append(_row(notes, began, _recorded(server)))
        # Without loss on the server's side, or JPEG would be measured too.
        with serving(*flags, "--frames=png") as server:
            _watch(server, camera, clip, EARLY_SECONDS[1])
            quality = _early_psnr(_recorded(server), clip)
    row = {name: median(one[name] for one in rows) for name in rows[0]}
    return row | {"received_psnr_db": quality}


@contextmanager
def browser_with_camera(camera: Path) -> Iterator[Any]:
    """A Chromium whose camera is the clip in that file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            headless=False,
            args=[*FLAGS, f"--use-file-for-fake-video-capture={camera}"],
        )
        yield browser
        browser.close()


def open_watched(
    browser: Any, server: Server, clip: Clip, prepare: Callable[[Any], str] | None = None
) -> Any:
    """A page with `watch.js` in it, once pictures come back.

    `prepare(page)` may change the page before it is opened, and says at which URL.

    Raises:
        BenchError: none does.
    """
    from playwright.sync_api import TimeoutError

    page = browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    page.add_init_script(path=Path(__file__).parent / "watch.js")
    resolution = "x".join(map(str, clip.size))
    page.add_init_script(
        f"localStorage.setItem('understudy', JSON.stringify({{resolution: '{resolution}'}}))"
    )
    page.goto(prepare(page) if prepare is not None else server.url)
    try:
        page.wait_for_function("__bench.received.length > 0", timeout=30_000)
    except TimeoutError:
        state = page.evaluate("document.getElementById('stage-sentence').textContent")
        raise BenchError(f"No picture came back in Chromium. {state}") from None
    return page


@contextmanager
def watched_page(
    server: Server, camera: Path, clip: Clip, prepare: Callable[[Any], str] | None = None
) -> Iterator[Any]:
    """`open_watched` in a Chromium of its own."""
    with browser_with_camera(camera) as browser:
        yield open_watched(browser, server, clip, prepare)


def notes_of(page: Any) -> Any:
    """What `watch.js` wrote down so far."""
    return page.evaluate(
        "({...__bench, control: null, connection: null, until: performance.now()})"
    )


def _watch(server: Server, camera: Path, clip: Clip, seconds: float) -> tuple[Any, float]:
    """Record in a page for so long; what `watch.js` wrote down, and when counting began (ms)."""
    with watched_page(server, camera, clip) as page:
        page.evaluate(
            """__bench.control.send(JSON.stringify({type: "record", seconds: null, title: "bench",
               high_quality: false, heads: false}))"""
        )
        page.wait_for_timeout(SETTLE_SECONDS * 1000)
        began = page.evaluate("performance.now()")
        page.wait_for_timeout(seconds * 1000)
        notes = notes_of(page)
        page.evaluate("""__bench.control.send('{"type": "stop"}')""")
        page.wait_for_function("__bench.messages.some((one) => one.type === 'recorded')")
    return notes, float(began)


def _recorded(server: Server) -> Dataset:
    folders = [path for path in (server.data / "datasets").iterdir() if path.is_dir()]
    if len(folders) != 1:
        raise BenchError("The recording made in Chromium was not found.")
    return Dataset.open(folders[0])


def _row(notes: Any, began: float, pairs: Dataset) -> Row:
    received = [(when, number) for when, number in notes["received"] if when >= began]
    delays = round_trips(notes)
    seconds = (notes["until"] - began) / 1000
    first, last = pairs.pairs[0].time_s, pairs.pairs[-1].time_s
    return {
        "distinct_fps": round(len(received) / seconds, 2),
        "pairs_per_second": round((len(pairs.pairs) - 1) / (last - first), 2),
        "round_trip_p50_ms": round(float(np.percentile(delays, 50)), 1),
        "round_trip_p95_ms": round(float(np.percentile(delays, 95)), 1),
    }


def round_trips(notes: Any) -> NDArray[np.float64]:
    """Milliseconds from the camera to the picture that came back, of each that did."""
    return np.array([delay for _, delay in notes["delays"] if 0 < delay < 5000])


def _early_psnr(pairs: Dataset, clip: Clip) -> float:
    """Median luma PSNR (dB) between three and eight seconds after recording began."""
    early = [
        decibels
        for when, decibels in received_psnr(pairs, clip)
        if EARLY_SECONDS[0] <= when <= EARLY_SECONDS[1]
    ]
    return round(float(np.median(early)), 1)
