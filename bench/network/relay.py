"""A relay between browsers and server on one machine: it throttles, delays and loses, both ways.

It stands in the middle because the addresses in offer and answer are replaced by its own. All
calls through one relay share its line, as everybody in a venue does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, cast

from bench.network.lines import Line, Pipe

T = TypeVar("T")
Address = tuple[str, int]

_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\d+(?:\.\d+){3}) (\d+) typ host", re.M | re.I)
_CANDIDATES = re.compile(r"^a=candidate:[^\r\n]*\r?\n", re.M)
PIECE_BYTES = 1400
"""TCP is carried in pieces of this size."""
SOCKET_BUFFER_BYTES = 32_768
"""Small, or the kernel's buffers would be a second, longer queue."""


class _End(asyncio.DatagramProtocol):
    """One of a call's two sockets."""

    def __init__(self, carry: Callable[[bytes], None]) -> None:
        self._carry = carry
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._carry(data)

    def send(self, data: bytes, to: Address | None) -> int:
        """Send it, if this end is open and knows where to; how many bytes were sent."""
        if to is None or self.transport is None or self.transport.is_closing():
            return 0
        self.transport.sendto(data, to)
        return len(data)

    def address(self) -> Address:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port


class Call:
    """One browser's media: two sockets, one towards it and one towards the server."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._browser: Address | None = None
        self._server: Address | None = None
        self._to_browser = _End(self._carry_up)
        self._to_server = _End(self._carry_down)
        self.bytes_up = 0
        """Bytes that reached the server."""
        self.bytes_down = 0
        """Bytes that reached the browser."""

    def offer(self, sdp: str) -> str:
        """The browser's offer as the server is to see it."""
        self._browser = _first_candidate(sdp)
        self._relay.run(self._open(self._browser[0] if self._browser else "127.0.0.1"))
        return _with_candidate(sdp, self._to_server.address())

    def answer(self, sdp: str) -> str:
        """The server's answer as the browser is to see it."""
        self._server = _first_candidate(sdp)
        return _with_candidate(sdp, self._to_browser.address())

    async def _open(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        for end in (self._to_browser, self._to_server):
            await loop.create_datagram_endpoint(partial(_itself, end), local_addr=(host, 0))

    def _carry_up(self, data: bytes) -> None:
        arrival = self._relay.up.arrival(len(data), self._relay.now()) if self._relay.udp else None
        if arrival is not None:
            self._relay.at(arrival, lambda: self._arrive_up(data))

    def _carry_down(self, data: bytes) -> None:
        pipe = self._relay.down
        arrival = pipe.arrival(len(data), self._relay.now()) if self._relay.udp else None
        if arrival is not None:
            self._relay.at(arrival, lambda: self._arrive_down(data))

    def _arrive_up(self, data: bytes) -> None:
        self.bytes_up += self._to_server.send(data, self._server)

    def _arrive_down(self, data: bytes) -> None:
        self.bytes_down += self._to_browser.send(data, self._browser)

    def close(self) -> None:
        """Close the sockets; on the relay's loop."""
        for end in (self._to_browser, self._to_server):
            if end.transport is not None:
                end.transport.close()


class Relay:
    """`with Relay(line) as relay:` runs in a thread of its own, so that it is punctual."""

    def __init__(self, line: Line, seed: int | None = None) -> None:
        """`seed`: of what is lost and how late the rest comes; None: another one each time."""
        self.up = Pipe(line, up=True, seed=seed)
        self.down = Pipe(line, up=False, seed=None if seed is None else seed + 1)
        self.calls: list[Call] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._streams: set[asyncio.Task[None]] = set()

    @property
    def line(self) -> Line:
        """The line; may be replaced at any time, from any thread."""
        return self.down.line

    @line.setter
    def line(self, line: Line) -> None:
        self.up.line = self.down.line = line

    @property
    def running(self) -> bool:
        """Whether it has been entered and not left."""
        return self._thread.is_alive()

    @property
    def udp(self) -> bool:
        """Whether datagrams pass."""
        return self.line.udp

    def call(self) -> Call:
        """A new call over this line."""
        self.calls.append(Call(self))
        return self.calls[-1]

    def end_calls(self) -> None:
        """The ways of all calls so far are gone for good, as when a laptop changes its network."""

        async def end() -> None:
            for call in self.calls:
                call.close()

        self.run(end())

    def tcp(self, port: int, host: str = "127.0.0.1") -> int:
        """Carry TCP to the server at `host` and `port` too; the port to connect to instead."""
        return self.run(self._listen((host, port)))

    def now(self) -> float:
        """Seconds on the relay's clock."""
        return self._loop.time()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at that time; on the relay's loop."""
        self._loop.call_at(when, action)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the relay's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for call in self.calls:
            call.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, server: Address) -> int:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there_reader, there_writer = await asyncio.open_connection(*server, limit=PIECE_BYTES)
            for one in (writer, there_writer):
                _make_small(one)
            for stream in (
                self._stream(reader, there_writer, self.up),
                self._stream(there_reader, writer, self.down),
            ):
                task = self._loop.create_task(stream)
                self._streams.add(task)
                task.add_done_callback(self._streams.discard)

        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        self._servers.append(await asyncio.start_server(accept, sock=listener, limit=PIECE_BYTES))
        return int(listener.getsockname()[1])

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pipe: Pipe
    ) -> None:
        """Carry one direction of a TCP connection until either end closes it."""
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while piece := await reader.read(PIECE_BYTES):
                while (pause := pipe.full_for(self.now())) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(pause)
                self.at(pipe.arrival_in_order(len(piece), self.now()), _writing(writer, piece))
            await asyncio.sleep(pipe.waiting(self.now()) + pipe.line.delay_ms / 1000 + 0.01)
        writer.close()


def _itself(end: _End) -> _End:
    return end


def _writing(writer: asyncio.StreamWriter, piece: bytes) -> Callable[[], None]:
    return lambda: None if writer.is_closing() else writer.write(piece)


def _make_small(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        own.setsockopt(socket.SOL_SOCKET, buffer, SOCKET_BUFFER_BYTES)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _first_candidate(sdp: str) -> Address | None:
    """Host and port of the first IPv4 host candidate."""
    found = _CANDIDATE.search(sdp)
    return (found[1], int(found[2])) if found else None


def _with_candidate(sdp: str, address: Address) -> str:
    """The description with this address as its one candidate, in every section that has any."""
    line = f"a=candidate:1 1 udp 2130706431 {address[0]} {address[1]} typ host\r\n"
    return re.sub(rf"(?:{_CANDIDATES.pattern})+", line, sdp, flags=re.M)
