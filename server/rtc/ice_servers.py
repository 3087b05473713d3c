"""STUN and TURN servers: from a setting to what browsers and aiortc want, checked at the start."""

from __future__ import annotations

import re

from server.errors import ServerError

_ADDRESS = re.compile(
    r"(?P<host>[A-Za-z0-9._-]+)(:(?P<port>\d+))?(\?transport=(?P<transport>\w+))?"
)
_EXAMPLES = "write stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT"


def ice_servers(text: str) -> list[dict[str, str]]:
    """`[{"urls", "username", "credential"}]` (WebRTC's RTCIceServer, URIs by RFC 7064 and 7065).

    Args:
        text: a list separated by commas; `turn:user:password@host:port` carries the credentials.

    Raises:
        ServerError: one of them is none that a browser would take; the sentence says why.
    """
    return [_server(item) for item in map(str.strip, text.split(",")) if item]


def _server(item: str) -> dict[str, str]:
    scheme, _, rest = item.partition(":")
    if scheme not in ("stun", "stuns", "turn", "turns"):
        raise ServerError(f"{item} is no ICE server: it must begin with stun: or turn:.")
    relay = scheme.startswith("turn")
    credentials, _, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    shown = f"{scheme}:{address}"
    """Without the password: it may end up in a log."""
    if "[" in address:
        raise ServerError(f"{shown} is no ICE server: give its name instead of an IPv6 address.")
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ServerError(f"{shown} is no ICE server: {_EXAMPLES}.")
    if found["port"] and not 1 <= int(found["port"][:6]) <= 65535:
        raise ServerError(f"{shown} is no ICE server: a port is 1 to 65535.")
    if found["transport"] and not (relay and found["transport"] in ("udp", "tcp")):
        raise ServerError(
            f"{shown} is no ICE server: ?transport= is udp or tcp, and for TURN alone."
        )
    if not relay:
        if credentials:
            raise ServerError(f"{shown} needs no user and password: only TURN has them.")
        return {"urls": shown}
    if not user or not password:
        raise ServerError(f"{shown} needs a user and a password: {_EXAMPLES}.")
    return {"urls": shown, "username": user, "credential": password}
