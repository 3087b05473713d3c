"""A browser's part in a call, played by aiortc: sends numbered frames, reads the numbers back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from bench import barcode
from bench.clip import FPS
from bench.serving import BenchError
from server.live.encoder import TIME_BASE

PATIENCE_SECONDS = 20.0


class NumberedTrack(MediaStreamTrack):
    """Sends packets made beforehand at 30 a second; `sent` says when each number left."""

    kind = "video"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self.sent: dict[int, float] = {}
        self._packets = packets
        self._began: float | None = None
        self._count = 0

    async def recv(self) -> Any:
        """The next packet, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        now = time.perf_counter()
        if self._began is None:
            self._began = now
        await asyncio.sleep(max(0.0, self._began + self._count / FPS - now))
        number = self._count % len(self._packets)
        packet: av.Packet[Any] = av.Packet(self._packets[number])
        packet.pts = packet.dts = self._count * 90_000 // FPS
        packet.time_base = TIME_BASE
        self.sent[number] = time.perf_counter()
        self._count += 1
        return packet


@dataclass(slots=True)
class Received:
    """What came back."""

    numbers: list[tuple[float, int]] = field(default_factory=list)
    """When each number was first seen, and the number."""
    delays: list[float] = field(default_factory=list)
    """Seconds from sending to decoding, of each of them."""
    unread: int = 0
    """Pictures whose number could not be read."""


class Client:
    """`async with Client(url, packets) as client:` is one open page."""

    def __init__(self, url: str, packets: list[bytes], **settings: Any) -> None:
        """`url` of the server; `settings` as a page would send them."""
        self.received = Received()
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self._url, self._settings = url, settings
        self._track = NumberedTrack(packets)
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks: list[asyncio.Task[None]] = []
        self._latest = -1

    async def __aenter__(self) -> Client:
        connection = self._connection
        self._channel = connection.createDataChannel("control")
        self._channel.on("message", self._hear)
        connection.on("track", self._on_track)
        transceiver = connection.addTransceiver(self._track, direction="sendrecv")
        codecs = transceiver.sender.getCapabilities("video").codecs
        wanted = [one for one in codecs if one.mimeType in ("video/H264", "video/rtx")]
        transceiver.setCodecPreferences(wanted)
        await connection.setLocalDescription(await connection.createOffer())
        offer = {"sdp": connection.localDescription.sdp, "type": "offer", "resume": None}
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                f"{self._url}api/sessions", json={**offer, "settings": self._settings}
            ) as answer,
        ):
            body = await answer.json()
            if answer.status != 201:
                await connection.close()
                raise BenchError(f"The server refused: {body.get('error')}")
        await connection.setRemoteDescription(RTCSessionDescription(body["sdp"], "answer"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, kind: str, **fields: Any) -> None:
        """Send a control message."""
        self._channel.send(json.dumps({"type": kind, **fields}))

    async def hears(self, kind: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The first message of a kind; waits for it."""
        deadline = time.monotonic() + seconds
        while not self.messages.get(kind):
            if time.monotonic() > deadline:
                errors = [one["message"] for one in self.messages.get("error", [])]
                raise BenchError(f"No {kind!r} came from the server. {' '.join(errors)}".strip())
            await asyncio.sleep(0.02)
        return self.messages[kind][0]

    async def wait_for_pictures(self, count: int = 30) -> None:
        """Wait until so many numbered frames have come back."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.received.numbers) < count:
            if time.monotonic() > deadline:
                raise BenchError("No picture came back from the server.")
            await asyncio.sleep(0.05)

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        self.messages.setdefault(message["type"], []).append(message)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.ensure_future(self._receive(track)))

    async def _receive(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                now = time.perf_counter()
                number = barcode.read(frame.to_ndarray()[: frame.height])
                if number is None:
                    self.received.unread += 1
                elif number != self._latest:
                    self._latest = number
                    self.received.numbers.append((now, number))
                    if number in self._track.sent:
                        self.received.delays.append(now - self._track.sent[number])


def distinct_per_second(numbers: list[tuple[float, int]], began: float, seconds: float) -> float:
    """Distinct numbers seen in `seconds` from `began` on, a second."""
    seen = Counter(number for when, number in numbers if began <= when < began + seconds)
    return len(seen) / seconds
