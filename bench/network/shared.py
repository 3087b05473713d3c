"""Several calls over one line, as in a venue's Wi-Fi: does each get its share?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.chromium import browser_with_camera, camera_of, notes_of, open_watched
from bench.clip import Clip
from bench.loop import Row
from bench.network.lines import LINES, Line
from bench.network.measure import BEGIN_SECONDS, figures, longest_gap, through
from bench.network.relay import Call, Relay
from bench.serving import serving

NAME = "shared"
CALLS = 4
LINE = Line(4_000, 30)
CAMERA_FPS = 10
"""Four browsers and a server that looks at all they send are much for one small machine."""
KNOWN_AFTER_SECONDS = 20.0
"""From then on each should have its share."""


def measure_shared(clip: Clip, seconds: float, flags: Sequence[str]) -> Row:
    """`CALLS` pages of one Chromium; `seconds` after the line became `LINE`.

    Their cameras give `CAMERA_FPS`: the shares of the line are what is measured.

    Raises:
        BenchError: Chromium is not installed, or no picture came back on the free line.
    """
    with (
        camera_of(clip, CAMERA_FPS) as camera,
        serving(*flags, f"--max-sessions={CALLS}") as server,
        Relay(LINES["free"]) as relay,
        browser_with_camera(camera) as browser,
    ):
        prepare = through(relay, server.url)
        pages = [open_watched(browser, server, clip, prepare) for _ in range(CALLS)]
        relay.line = LINE
        changed = [page.evaluate("performance.now()") for page in pages]
        pages[0].wait_for_timeout(KNOWN_AFTER_SECONDS * 1000)
        began = [page.evaluate("performance.now()") for page in pages]
        before = _bytes(relay.calls)
        pages[0].wait_for_timeout(max(5.0, seconds - KNOWN_AFTER_SECONDS) * 1000)
        after = _bytes(relay.calls)
        notes = [notes_of(page) for page in pages]
    kbps = [
        [8 * (new - old) / (notes[0]["until"] - began[0]) for old, new in zip(*way, strict=True)]
        for way in zip(before, after, strict=True)
    ]
    each = [figures(one, start, one["until"]) for one, start in zip(notes, began, strict=True)]
    gaps = [
        longest_gap(one, start, start + BEGIN_SECONDS * 1000)
        for one, start in zip(notes, changed, strict=True)
    ]
    return shared_row(each, kbps[0], kbps[1], gaps)


def _bytes(calls: Sequence[Call]) -> tuple[list[int], list[int]]:
    """What has come out at the server's end and at the browsers', call by call."""
    return [call.bytes_up for call in calls], [call.bytes_down for call in calls]


def shared_row(each: list[Row], up: list[float], down: list[float], gaps: list[int]) -> Row:
    """The worst call's delay, gap and pictures; what all carried together; each one's share.

    `each`: figures of each call; `up`, `down`: kbit/s of each; `gaps`: of the first seconds, ms.
    """
    worst: dict[str, Any] = {
        name: max(one[name] for one in each) for name in ("p50_ms", "p95_ms", "gap_ms")
    }
    share = LINE.kbps / CALLS
    return {
        "line": f"{CALLS} calls, {LINE.describe()}",
        **worst,
        "fps": min(one["fps"] for one in each),
        "kbps_up": round(sum(up)),
        "kbps_down": round(sum(down)),
        "begin_gap_ms": max(gaps),
        "shares_up": [round(one / share, 2) for one in up],
        "shares_down": [round(one / share, 2) for one in down],
    }
