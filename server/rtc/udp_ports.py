"""Media sockets on chosen UDP ports: what a firewall lets through."""

from __future__ import annotations

import asyncio
from typing import Any


def limit_udp_ports(loop: asyncio.AbstractEventLoop, low: int, high: int) -> None:
    """Bind media sockets of this loop to ports `low` to `high`; aioice has no setting for it."""
    original: Any = loop.create_datagram_endpoint

    async def create(*arguments: Any, **named: Any) -> Any:
        address = named.get("local_addr")
        if address is None or address[1] != 0:
            return await original(*arguments, **named)
        for port in range(low, high + 1):
            try:
                return await original(*arguments, **{**named, "local_addr": (address[0], port)})
            except OSError:
                continue
        raise OSError(f"no UDP port free between {low} and {high}")

    loop.create_datagram_endpoint = create  # type: ignore[method-assign]
