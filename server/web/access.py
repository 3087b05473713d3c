"""Who is let in: loopback freely, others with a token; no foreign Host, no foreign Origin."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from server.errors import Refused
from server.rate_limit import RateLimit
from server.settings import Settings
from server.web.answers import Handler, local_path

COOKIE = "understudy"
COOKIE_SECONDS = 30 * 24 * 3600
_FOREIGN = (
    "Requests from other web pages are not answered. If this is Understudy's own page behind a"
    " reverse proxy, start it with --allowed-hosts NAME, the name in the address bar."
)
_TOO_MANY = "Too many wrong passwords from this address: wait a minute."


class Access:
    """The rules of one server."""

    def __init__(self, settings: Settings) -> None:
        self.needs_token = not settings.loopback or bool(settings.token)
        self.token = settings.token or secrets.token_urlsafe(24)
        self._cookie = hmac.new(self.token.encode(), b"cookie", hashlib.sha256).hexdigest()
        self._loopback = settings.loopback
        self._prefix = settings.prefix
        named = {name.strip().lower() for name in settings.allowed_hosts.split(",")}
        self._named = named - {""}
        name = socket.gethostname().lower()
        own = set() if settings.loopback else {name, f"{name}.local", socket.getfqdn().lower()}
        self._names = {"localhost", settings.host.lower(), *own, *self._named}
        self._wrong = RateLimit(events=10, seconds=60.0)

    def host_is_ours(self, host: str) -> bool:
        """Whether a `Host` header names this server.

        A page whose name was re-pointed at our address (DNS rebinding) sends its own name; an
        address in figures cannot be re-pointed.
        """
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._loopback

    def check_origin(self, request: web.Request) -> None:
        """`Refused` when the request was made by somebody else's page."""
        origin = request.headers.get("Origin")
        if origin is not None and not self._origin_is_ours(origin, request.host):
            raise Refused(403, "origin", _FOREIGN)
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        navigation = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method == "GET"
        if site in ("cross-site", "same-site") and not navigation:
            raise Refused(403, "origin", _FOREIGN)

    def _origin_is_ours(self, origin: str, host: str) -> bool:
        """Whether a page is ours: it has our address, or the name that a reverse proxy goes by."""
        try:
            page = urlsplit(origin)
            return page.netloc.lower() == host.lower() or page.hostname in self._named
        except ValueError:
            return False

    def _entitled(self, request: web.Request) -> bool:
        cookie = request.cookies.get(COOKIE, "")
        if hmac.compare_digest(cookie.encode(), self._cookie.encode()):
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and self._right(request, given)

    def _right(self, request: web.Request, token: str) -> bool:
        address = request.remote or ""
        if not self._wrong.allows(address, count=False):
            raise Refused(429, "slow_down", _TOO_MANY)
        right = hmac.compare_digest(token.encode(), self.token.encode())
        if not right:
            self._wrong.allows(address)
        return right

    def _welcome(self, request: web.Request) -> web.Response:
        """Sets the cookie, then has our own page open the same address without the token.

        (A redirect would not carry a SameSite=Strict cookie when the link came from elsewhere.)
        """
        clean = str(request.rel_url.without_query_params("token")).removeprefix(self._prefix)
        target = f"{self._prefix}/" + clean.lstrip("/\\")
        answer = web.Response(text="Welcome.", headers={"Refresh": f"0; url={target}"})
        answer.set_cookie(
            COOKIE,
            self._cookie,
            max_age=COOKIE_SECONDS,
            httponly=True,
            secure=request.secure,
            samesite="Strict",
            path=self._prefix or "/",
        )
        return answer

    def middleware(self) -> Any:
        """The rules as aiohttp middleware."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self.host_is_ours(request.headers.get("Host", "")):
                raise Refused(
                    421,
                    "host",
                    "This server does not go by that name; use the address it printed, or start"
                    " it with --allowed-hosts NAME.",
                )
            path = local_path(request)
            if path.startswith("/static/"):  # The same for everybody, and no secret.
                return await handler(request)
            self.check_origin(request)
            # Below `/s/` each address has a token of its own.
            if not self.needs_token or path == "/health" or path.startswith("/s/"):
                return await handler(request)
            if self._entitled(request):
                return await handler(request)
            token = request.query.get("token")
            if request.method == "GET" and token and self._right(request, token):
                return self._welcome(request)
            raise Refused(
                401,
                "token",
                "This server asks for a password: open the whole address that was printed when"
                " it started, with ?token= at its end.",
            )

        return check
