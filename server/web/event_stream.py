"""Server-sent events: what changes is pushed to a page as it changes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from server.errors import Refused

MOST = 60
"""Streams at once; a browser opens one a page, and closes it with the page."""
_open: set[web.StreamResponse] = set()


async def stream(
    request: web.Request,
    news: Callable[[], Awaitable[Any]],
    wait: Callable[[], Awaitable[bool]],
) -> web.StreamResponse:
    """Send `news()` whenever it differs from what was sent, until the page is gone.

    `news` gives JSON, None when there is nothing to say; `wait` returns when there may be some,
    False when the server stops.
    """
    if len(_open) >= MOST:
        raise Refused(503, "full", "Too many pages are watching: close some of them.")
    response = web.StreamResponse()
    response.content_type = "text/event-stream"
    response.headers["X-Accel-Buffering"] = "no"
    _open.add(response)
    try:
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        more, last = True, ""
        while more:
            found = await news()
            text = last if found is None else json.dumps(found, separators=(",", ":"))
            # A comment keeps proxies from closing, and finds out whether the page is gone.
            await response.write(f"data: {text}\n\n".encode() if text != last else b": \n\n")
            last = text
            more = await wait()
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
    except ConnectionError:
        pass  # The page was closed.
    finally:
        _open.discard(response)
    return response
