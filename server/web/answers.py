"""How every request ends: a body read within bounds, errors as one sentence, safe headers."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from inference.errors import UnderstudyError
from server.errors import Refused

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorPage = Callable[[web.Request, int, str], web.Response]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "font-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}
PREFIX = web.AppKey("prefix", str)
"""With which addresses begin that a browser is given; empty unless behind a reverse proxy."""
MAX_ADDRESS = 8192
"""Characters of an address, and of any header."""
LEAST_PACKED = 4096
"""Bytes from which on an answer is worth packing."""
_PACKED = {"application/json", "text/html"}
_SENTENCES = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method", "That cannot be done at this address."),
    413: ("too_large", "That is too large for this server."),
}


def local_path(request: web.Request) -> str:
    """The path of a request as this server knows it, whether a proxy left its prefix on or not."""
    return request.path.removeprefix(request.app[PREFIX])


def without_foreign_tracebacks(record: logging.LogRecord) -> bool:
    """Filter of a log: what is no HTTP at all is the sender's fault, and worth one line."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args, record.exc_info = "no HTTP request: %r", (error.message,), None
    return True


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: security headers on everything, streams included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not local_path(request).startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")
    else:
        response.headers.setdefault("Cache-Control", "no-cache")


def errors_as_sentences(error_page: ErrorPage) -> Any:
    """Middleware: whatever goes wrong is answered with a sentence, as JSON or as a page."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if max(map(len, (request.raw_path, *request.headers.values()))) > MAX_ADDRESS:
                raise Refused(414, "too_long", "That address, or what comes with it, is too long.")
            return _compressed(await handler(request))
        except Refused as error:
            refused = error
        except web.HTTPException as error:
            if error.status < 400:
                raise
            code, sentence = _SENTENCES.get(error.status, ("http", f"{error.reason}."))
            refused = Refused(error.status, code, sentence)
        except UnderstudyError as error:
            refused = Refused(422, "refused", str(error))
        except ConnectionError:
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            refused = Refused(500, "internal", "Something went wrong; the server's log says what.")
        if wants_page(request):
            return error_page(request, refused.status, str(refused))
        return web.json_response(refused.body(), status=refused.status)

    return middleware


def _compressed(response: web.StreamResponse) -> web.StreamResponse:
    """Pages and JSON travel packed where the browser takes it: thousands of pairs are megabytes."""
    if isinstance(response, web.Response) and response.content_type in _PACKED:
        body = response.body
        if isinstance(body, bytes | bytearray) and len(body) >= LEAST_PACKED:
            response.enable_compression()
    return response


def wants_page(request: web.Request) -> bool:
    """Whether a person looks at this answer rather than a script."""
    page = request.method == "GET" and not local_path(request).startswith("/api/")
    return page and "text/html" in request.headers.get("Accept", "")


async def read_json(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; `Refused` when it is none (size is bounded by aiohttp)."""
    try:
        body = json.loads(await request.text())
    except (ValueError, RecursionError):
        raise Refused(400, "json", "The request's body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, "json", "The request's body is not a JSON object.")
    return body
