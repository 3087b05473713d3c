"""A browser's part in a call, played by aiortc: sends a real clip, receives masks, talks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from aiohttp.test_utils import TestClient
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from bench.network.lines import Line
from bench.network.relay import Relay
from server.live.encoder import TIME_BASE, H264Encoder
from server.rtc.aiortc_tuning import MediaLink
from server.state import APP_STATE
from tests.server.waiting import until


def read_clip(path: Path, size: tuple[int, int] | None = None, limit: int = 90) -> list[np.ndarray]:
    """The first frames of a clip as I420 arrays, resized to `size` (width, height)."""
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24")
            if size is not None:
                rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
            frames.append(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420))
            if len(frames) == limit:
                break
    return frames


class ClipTrack(MediaStreamTrack):
    """A clip over and over, at its rate, as H.264 made beforehand (or raw, for VP8).

    `on_air` False holds the frames back, as a camera that is covered or a network that is gone.
    """

    kind = "video"

    def __init__(self, frames: list[np.ndarray], fps: float = 30.0, raw: bool = False) -> None:
        super().__init__()
        self.fps, self.raw = fps, raw
        self.on_air = asyncio.Event()
        self.on_air.set()
        self.sent = 0
        self._start: float | None = None
        self.change(frames)

    def change(self, frames: list[np.ndarray]) -> None:
        """Send another clip from now on."""
        self._frames = frames
        encoder = H264Encoder(4000)
        self._packets = (
            []
            if self.raw
            else [bytes(encoder.encode(frame, i * 3000)) for i, frame in enumerate(frames)]
        )
        self._next = 0

    def start_anew(self) -> None:
        """Go on with the first picture, a key frame."""
        self._next = 0

    async def recv(self) -> Any:
        if self.readyState != "live":
            raise MediaStreamError
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self.sent / self.fps - time.monotonic()))
        await self.on_air.wait()
        index = self._next % len(self._frames)
        ticks = int((time.monotonic() - self._start) * 90_000)
        if self.raw:
            picture: Any = av.VideoFrame.from_ndarray(self._frames[index], format="yuv420p")
        else:
            picture = av.Packet(self._packets[index])
        picture.pts, picture.time_base = ticks, TIME_BASE
        self._next += 1
        self.sent += 1
        return picture


LOSSY = Line(50_000, 3, loss=0.01, jitter_ms=4)
"""What every call of these tests goes over."""


class Browser:
    """`async with Browser(http, track) as browser:` is one open page, on a bad line."""

    def __init__(
        self,
        http: TestClient,
        track: MediaStreamTrack,
        codec: str = "H264",
        line: Line = LOSSY,
        **settings: Any,
    ) -> None:
        self.http, self.track, self.codec, self.settings = http, track, codec, settings
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.messages: list[dict[str, Any]] = []
        self.pictures = 0
        self.sizes: list[tuple[int, int]] = []
        self.last: np.ndarray | None = None
        self.answer: dict[str, Any] = {}
        self.relay = Relay(line, seed=11)
        self.link: MediaLink | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def offer(self) -> dict[str, Any]:
        """Create the connection's offer."""
        self.channel = self.connection.createDataChannel("control")
        self.channel.on("message", lambda text: self.messages.append(json.loads(text)))
        transceiver = self.connection.addTransceiver(self.track, direction="sendrecv")
        self.transceiver = transceiver
        known = transceiver.sender.getCapabilities("video").codecs
        wanted = [one for one in known if one.mimeType in (f"video/{self.codec}", "video/rtx")]
        transceiver.setCodecPreferences(wanted)
        self.connection.on("track", self._on_track)
        await self.connection.setLocalDescription(await self.connection.createOffer())
        description = self.connection.localDescription
        return {"sdp": description.sdp, "type": "offer", "settings": self.settings}

    async def connect(self, resume: str | None = None) -> int:
        """Open a session; the HTTP status."""
        body = {**await self.offer(), "resume": resume}
        self.relay.__enter__()
        call = self.relay.call()
        body["sdp"] = call.offer(body["sdp"])
        answer = await self.http.post("/api/sessions", json=body)
        self.answer = await answer.json()
        if answer.status == 201:
            await self.connection.setRemoteDescription(
                RTCSessionDescription(call.answer(self.answer["sdp"]), "answer")
            )
            start_anew = getattr(self.track, "start_anew", lambda: None)
            self.link = MediaLink(self.transceiver, 6000, 6000, start_anew)
        return answer.status

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._receiver = asyncio.ensure_future(self._receive(track))

    async def _receive(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                self.pictures += 1
                size = (frame.width, frame.height)
                if not self.sizes or self.sizes[-1] != size:
                    self.sizes.append(size)
                self.last = frame.to_ndarray()

    def send(self, kind: str, /, **fields: Any) -> None:
        """Send a control message."""
        self.channel.send(json.dumps({"type": kind, **fields}))

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """Messages of one kind so far."""
        return [message for message in self.messages if message["type"] == kind]

    async def hears(self, kind: str, seconds: float = 10.0, after: int = 0) -> dict[str, Any]:
        """The first message of that kind beyond the first `after`; fails when none comes."""
        said = f"message {kind}; heard {[one for one in self.messages if one['type'] == 'error']}"
        await until(lambda: len(self.heard(kind)) > after, seconds, said)
        return self.heard(kind)[after]

    async def next_state(self) -> dict[str, Any]:
        """The next figures from the server: four a second, but the line loses some of them."""
        return await self.hears("state", after=len(self.heard("state")))

    async def until_state(
        self, condition: Callable[[dict[str, Any]], Any], seconds: float = 10.0, said: str = "state"
    ) -> None:
        """Until the newest figures meet the condition."""
        await until(
            lambda: bool(self.heard("state")) and condition(self.heard("state")[-1]), seconds, said
        )

    async def sees_camera(self, count: int) -> None:
        """Until so many pictures came, the camera's among them and not only the one to wait by."""
        await until(lambda: self.pictures > count, 10, "pictures")
        await until(
            lambda: any(one["stats"]["size"][0] for one in self.heard("state")), 10, "a frame"
        )

    async def close(self) -> None:
        """Hang up."""
        if self.link is not None:
            self.link.close()
        self.relay.line = Line(100_000, 1)  # The last word is not to be lost.
        await self.connection.close()
        await asyncio.sleep(0.1)
        if self.relay.running:
            self.relay.__exit__()
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.gather(self._receiver, return_exceptions=True)

    async def __aenter__(self) -> Browser:
        assert await self.connect() == 201, self.answer
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def sessions(http: TestClient) -> dict[str, Any]:
    """The server's sessions, by id."""
    return http.server.app[APP_STATE].sessions
