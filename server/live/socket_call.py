"""The way to a browser where UDP is kept out: one WebSocket for pictures, both ways, and control.

Text is control messages, as on the data channel. Binary messages begin with a byte of `Kind` and
a number of 32 bits (big-endian); a picture follows. Each side says which pictures it has, and
sends no more while others are under way: the newest comes next, nothing queues up.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
from aiohttp import WSMsgType, web

from server.live.control_channel import LABEL
from server.live.output_track import Picture
from server.rtc.frame_buffer import begins_h264_key_frame
from server.rtc.socket_downlink import SocketDownlink

MAX_MESSAGE_BYTES = 2_000_000
MAX_PIXELS = 1920 * 1088
HEAD = struct.Struct("!BI")


class Kind(enum.IntEnum):
    """First byte of a binary message."""

    KEY_FRAME = 0
    FRAME = 1
    JPEG = 2
    HAVE = 8
    """The other side has picture number so-and-so."""
    KEY_FRAME_WANTED = 9


class SocketChannel:
    """To `ControlChannel` what aiortc's data channel is."""

    label = LABEL

    def __init__(self, send: Callable[[str | bytes], None]) -> None:
        self.send = send
        self.readyState = "open"
        self.bufferedAmount = 0
        self.hear: Callable[[str], object] = lambda text: None

    def on(self, event: str, hear: Callable[[str], object]) -> None:
        """`hear(text)` gets every message."""
        self.hear = hear

    def close(self) -> None:
        """No more messages."""
        self.readyState = "closed"


class SocketCall:
    """Lives on the event loop; pictures are decoded in a thread of its own."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        most_bps: float,
        offer: Callable[[av.VideoFrame], None],
        key_frame_wanted: Callable[[], None],
    ) -> None:
        """`offer(frame)` gets every frame of the camera, in that thread."""
        self.downlink = SocketDownlink(most_bps)
        self.channel = SocketChannel(self._enqueue)
        self.frames_lost = 0
        self._socket = socket
        self._offer, self._key_frame_wanted = offer, key_frame_wanted
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._decoders: dict[str, Any] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="socket-decoder")
        self._number = 0
        self._bytes = [time.monotonic(), 0, 0]

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return not self._socket.closed

    def damaged(self) -> None:
        """Count a frame that was decoded with damage."""
        self.frames_lost += 1

    def push(self, picture: Picture, arrival: float | None) -> None:
        """Send an encoded picture."""
        data = bytes(picture)  # type: ignore[arg-type]
        kind = Kind.JPEG if data[:2] == b"\xff\xd8" else Kind.FRAME
        if kind is Kind.FRAME and begins_h264_key_frame(data):
            kind = Kind.KEY_FRAME
        self._number += 1
        self.downlink.sent(self._number, len(data), time.monotonic())
        self._enqueue(HEAD.pack(kind, self._number) + data)

    def bitrates(self) -> tuple[int, int]:
        """kbit/s in and out since last asked."""
        now = time.monotonic()
        per_kbit = 8 / 1000 / max(now - self._bytes[0], 0.001)
        came, went = int(self._bytes[1] * per_kbit), int(self._bytes[2] * per_kbit)
        self._bytes = [now, 0, 0]
        return came, went

    def figures(self) -> dict[str, object]:
        """What the page shows of the line."""
        lost = {"loss_up": 0.0, "asked_again": 0, "frames_lost": self.frames_lost}
        return {"transport": "websocket", **self.downlink.figures(), **lost}

    async def run(self) -> None:
        """Carry everything until the browser hangs up or `close` is called."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    self.channel.hear(message.data)
                elif message.type is WSMsgType.BINARY and len(message.data) >= HEAD.size:
                    self._bytes[1] += len(message.data)
                    await self._take(message.data)
        finally:
            writer.cancel()
            self.channel.close()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def close(self) -> None:
        """Hang up."""
        if not self._socket.closed:
            await self._socket.close()

    def _enqueue(self, message: str | bytes) -> None:
        self.channel.bufferedAmount += len(message)
        self._outgoing.put_nowait(message)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                message = await self._outgoing.get()
                if isinstance(message, str):
                    await self._socket.send_str(message)
                else:
                    await self._socket.send_bytes(message)
                    self._bytes[2] += len(message)
                self.channel.bufferedAmount -= len(message)

    async def _take(self, data: bytes) -> None:
        kind, number = HEAD.unpack_from(data)
        if kind == Kind.HAVE:
            self.downlink.acknowledged(number, time.monotonic())
        elif kind == Kind.KEY_FRAME_WANTED:
            self._key_frame_wanted()
        elif kind in (Kind.KEY_FRAME, Kind.FRAME, Kind.JPEG):
            codec = "mjpeg" if kind == Kind.JPEG else "h264"
            loop = asyncio.get_running_loop()
            good = await loop.run_in_executor(self._thread, self._decode, codec, data[HEAD.size :])
            if not good:
                self.damaged()
                self._enqueue(HEAD.pack(Kind.KEY_FRAME_WANTED, number))
            self._enqueue(HEAD.pack(Kind.HAVE, number))

    def _decode(self, codec: str, data: bytes) -> bool:
        """Decode one picture and hand it on; False when that cannot be done."""
        decoder: Any = self._decoders.get(codec)
        if decoder is None:
            decoder = self._decoders[codec] = av.CodecContext.create(codec, "r")
            decoder.options = {"max_pixels": str(MAX_PIXELS)}
            decoder.thread_count = 1
            decoder.flags |= av.codec.context.Flags.low_delay
        try:
            frames = decoder.decode(av.Packet(data))
        except av.FFmpegError:
            return False
        for frame in frames:
            if not frame.is_corrupt:
                frame.pts = None  # By its arrival: what was left out on the way leaves no trace.
                self._offer(frame)
        return bool(frames) and not any(frame.is_corrupt for frame in frames)
