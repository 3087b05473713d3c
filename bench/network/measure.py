"""What a person sees over a bad line: Chromium at one end, the server at the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from bench.chromium import camera_of, notes_of, watched_page
from bench.clip import Clip
from bench.loop import SETTLE_SECONDS, Row
from bench.network.lines import LINES, Line
from bench.network.relay import Relay
from bench.serving import serving

FREE_SECONDS = 8.0
"""On the free line, before the line becomes what it is to be."""
BEGIN_SECONDS = 5.0
"""The first while on a new line has figures of its own."""
STEADY_FROM_SECONDS = 10.0
"""From then on a new line counts as known."""
CUT_SECONDS = 10.0
MOVED = "moved"
"""The call's way is gone for good while the server can be reached: Wi-Fi to mobile."""
AFTER = {"thin": "narrow-5"}
"""Lines after which another is measured at once."""

_STATS = """async () => {
  const found = {now: performance.now(), sent: 0, received: 0, decoded: 0, again: 0};
  const report = __bench.connection ? await __bench.connection.getStats() : new Map();
  for (const one of report.values()) {
    if (one.type === "outbound-rtp") [found.sent, found.again] =
      [one.bytesSent + one.headerBytesSent, one.retransmittedBytesSent];
    if (one.type === "inbound-rtp") [found.received, found.decoded] =
      [one.bytesReceived + one.headerBytesReceived, one.framesDecoded];
  }
  return found;
}"""


def measure_line(name: str, clip: Clip, seconds: float, flags: list[str]) -> dict[str, Row]:
    """One run on a named line or `MOVED`; a row for it, and one for what follows it (`AFTER`).

    Raises:
        BenchError: Chromium is not installed, or no picture came back on the free line.
    """
    line = LINES["free"] if name == MOVED else LINES[name]
    first = LINES["free"] if line.udp else line
    with (
        camera_of(clip) as camera,
        serving(*flags) as server,
        Relay(first) as relay,
        watched_page(server, camera, clip, through(relay, server.url)) as page,
    ):
        page.wait_for_timeout((SETTLE_SECONDS if not first.udp else FREE_SECONDS) * 1000)
        if name == "cut":
            return {name: _cut(page, relay)}
        if name == MOVED:
            return {name: _moved(page, relay)}
        rows = {name: _one_line(page, relay, line, seconds)}
        if name in AFTER:
            after = AFTER[name]
            rows[f"{name}, then {after}"] = _one_line(page, relay, LINES[after], seconds)
        return rows


def through(relay: Relay, url: str) -> Callable[[Any], str]:
    """What leads a page, its requests and its media through the relay; returns its address."""
    parts = urlsplit(url)
    port = relay.tcp(parts.port or 80)

    from playwright.sync_api import Error

    def open_session(route: Any) -> None:
        body = json.loads(route.request.post_data)
        call = relay.call()
        body["sdp"] = call.offer(body["sdp"])
        try:
            response = route.fetch(post_data=json.dumps(body))
        except Error:  # The line or the page is gone.
            with suppress(Error):
                route.abort()
            return
        answer = response.json()
        if "sdp" in answer:
            answer["sdp"] = call.answer(answer["sdp"])
        route.fulfill(response=response, json=answer)

    def prepare(page: Any) -> str:
        page.route("**/api/sessions", open_session)
        return urlunsplit(parts._replace(netloc=f"127.0.0.1:{port}"))

    return prepare


def _one_line(page: Any, relay: Relay, line: Line, seconds: float) -> Row:
    relay.line = line
    began = page.evaluate("performance.now()")
    page.wait_for_timeout(STEADY_FROM_SECONDS * 1000)
    before = page.evaluate(_STATS)
    up, down = _carried(relay)
    page.wait_for_timeout(max(1.0, seconds - STEADY_FROM_SECONDS) * 1000)
    after = page.evaluate(_STATS)
    up_after, down_after = _carried(relay)
    per_kbit = 8 / (after["now"] - before["now"])
    notes = notes_of(page)
    row: Row = {"line": line.describe()}
    row |= figures(notes, before["now"], after["now"])
    row |= {
        "kbps_up": round((up_after - up) * per_kbit),
        "kbps_down": round((down_after - down) * per_kbit),
        "camera_kbps": _camera_kbps(notes, after["now"] - before["now"]),
        "begin_gap_ms": longest_gap(notes, began, began + BEGIN_SECONDS * 1000),
    }
    return row


def _carried(relay: Relay) -> tuple[int, int]:
    """Bytes of all calls that came out at the server's end and at the browser's."""
    return sum(call.bytes_up for call in relay.calls), sum(call.bytes_down for call in relay.calls)


def figures(notes: Any, began: float, until: float) -> Row:
    """Round trip, pictures a second and the longest gap between `began` and `until` (ms)."""
    shown = [when for when, _ in notes["received"] if began <= when <= until]
    delays = [delay for when, delay in notes["delays"] if began <= when <= until]
    real = np.array([delay for delay in delays if 0 < delay < 10_000] or [np.nan])
    p50, p95 = np.percentile(real, (50, 95))
    return {
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "fps": round(len(shown) / (until - began) * 1000, 1),
        "gap_ms": longest_gap(notes, began, until),
    }


def longest_gap(notes: Any, began: float, until: float) -> int:
    """Milliseconds between two pictures, the longest; what is still missing at the end counts."""
    times = [when for when, _ in notes["received"] if began <= when <= until]
    return round(float(np.diff([began, *times, until]).max()))


def _camera_kbps(notes: Any, milliseconds: float) -> int:
    """Median of what the server says came in, over the last of the messages."""
    states = [one["stats"]["kbps_in"] for one in notes["messages"] if one["type"] == "state"]
    return round(float(np.median(states[-int(milliseconds / 250) :]))) if states else 0


def _cut(page: Any, relay: Relay) -> Row:
    """The line is cut, and comes back: how long until there is a picture again?"""
    relay.line = LINES["cut"]
    page.wait_for_timeout(CUT_SECONDS * 1000)
    said = page.evaluate("document.getElementById('stage-note').textContent")
    relay.line = LINES["free"]
    back = page.evaluate("performance.now()")
    page.wait_for_timeout(2 * CUT_SECONDS * 1000)
    return _back(page, LINES["cut"].describe(), back, said)


def _moved(page: Any, relay: Relay) -> Row:
    """The call's way is gone: how long until there is a picture over another?"""
    gone = page.evaluate("performance.now()")
    relay.end_calls()
    page.evaluate(
        """new MutationObserver(() => {
             window.__said ??= document.getElementById("stage-note").textContent;
           }).observe(document.getElementById("stage-note"), {childList: true})"""
    )
    page.wait_for_timeout(2 * CUT_SECONDS * 1000)
    said = page.evaluate("window.__said ?? ''")
    return _back(page, "another network", gone, said, on_its_way_ms=200)


def _back(page: Any, line: str, since: float, said: str, on_its_way_ms: float = 0) -> Row:
    notes = notes_of(page)
    times = [when for when, _ in notes["received"] if when > since + on_its_way_ms]
    return {
        "line": line,
        "picture_after_ms": round(times[0] - since) if times else None,
        "page_said": said,
        **figures(notes, since + BEGIN_SECONDS * 1000, notes["until"]),
    }


FIGURES = (
    "p50_ms",
    "p95_ms",
    "fps",
    "gap_ms",
    "camera_kbps",
    "kbps_up",
    "kbps_down",
    "begin_gap_ms",
)
"""Columns of the table; the last is the longest gap of the first `BEGIN_SECONDS`."""


def table_head() -> str:
    """The first line of the table."""
    return f"{'line':<62}" + "".join(f"{name:>13}" for name in FIGURES)


def table_row(name: str, row: Row) -> str:
    """A line of the table, with another one when there is more to say."""
    if "error" in row:
        return f"{name:<62}{row['error']}"
    text = f"{name} ({row['line']})".ljust(62)
    text += "".join(f"{row.get(figure, '')!s:>13}" for figure in FIGURES)
    if "picture_after_ms" in row:
        text += (
            f"\n    a picture again after {row['picture_after_ms']} ms; meanwhile the page said: "
        )
        text += row["page_said"] or "nothing"
    if "shares_up" in row:
        text += f"\n    of its share, up {row['shares_up']}, down {row['shares_down']}"
    return text
