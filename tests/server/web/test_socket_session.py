"""The same session over a WebSocket: pictures both ways, recording, access, never a queue."""

import asyncio
import contextlib
import json

import aiohttp
import av
import cv2
import numpy as np
import pytest

from server.live.encoder import H264Encoder
from server.live.socket_call import HEAD, MAX_PIXELS, Kind
from server.rtc.socket_downlink import SocketDownlink
from tests.server.waiting import until

PATH = "/api/sessions/socket"


class Page:
    """A browser's part, played by aiohttp."""

    def __init__(self, http, frames, codec="h264", acknowledges=True):
        self.http, self.codec, self.acknowledges = http, codec, acknowledges
        encoder = H264Encoder(3000)
        self.packets = [bytes(encoder.encode(one, i * 3000)) for i, one in enumerate(frames)]
        if codec == "jpeg":
            bgr = [cv2.cvtColor(one, cv2.COLOR_YUV2BGR_I420) for one in frames]
            self.packets = [cv2.imencode(".jpg", one)[1].tobytes() for one in bgr]
        self.messages: list[dict] = []
        self.pictures: list[tuple[int, bytes]] = []
        self.had: list[int] = []
        self.sent = 0

    async def __aenter__(self):
        self.socket = await self.http.ws_connect(PATH)
        await self.say(codec=self.codec, settings={"view": "camera"})
        self.tasks = [asyncio.create_task(self.listen())]
        await until(lambda: self.messages, 10, "an answer")
        if self.heard("opened"):
            self.tasks.append(asyncio.create_task(self.film()))
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await self.socket.close()

    async def say(self, **message):
        await self.socket.send_str(json.dumps(message))

    def heard(self, kind):
        return [one for one in self.messages if one["type"] == kind]

    async def film(self):
        while True:
            await asyncio.sleep(1 / 30)
            place = self.sent % len(self.packets)
            self.sent += 1
            kind = Kind.JPEG if self.codec == "jpeg" else Kind.FRAME if place else Kind.KEY_FRAME
            await self.socket.send_bytes(HEAD.pack(kind, self.sent) + self.packets[place])

    async def listen(self):
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.messages.append(json.loads(message.data))
                continue
            kind, number = HEAD.unpack_from(message.data)
            if kind == Kind.HAVE:
                self.had.append(number)
            elif kind != Kind.KEY_FRAME_WANTED:
                self.pictures.append((kind, message.data[HEAD.size :]))
                if self.acknowledges:
                    await self.socket.send_bytes(HEAD.pack(Kind.HAVE, number))


def decoded(page: Page) -> list[np.ndarray]:
    codec = av.CodecContext.create("mjpeg" if page.codec == "jpeg" else "h264", "r")
    return [
        frame.to_ndarray(format="rgb24")
        for _, data in page.pictures
        for frame in codec.decode(av.Packet(data))
    ]


@pytest.mark.parametrize("codec", ["h264", "jpeg"])
async def test_pictures_go_both_ways_and_are_recorded(serve, booth, codec):
    async with serve() as http, Page(http, booth, codec) as page:
        await until(lambda: page.heard("state") and len(page.pictures) > 20, 20, "pictures")
        await until(lambda: page.heard("state")[-1]["stats"]["fps_analysed"] > 5, 20, "analysis")
        await page.say(type="record", seconds=None, title="", high_quality=False, heads=False)
        await until(lambda: page.heard("recording"), 10, "recording")
        await until(lambda: (page.heard("state")[-1]["recording"] or {}).get("written", 0) > 10, 20)
        await page.say(type="stop")
        await until(lambda: page.heard("recorded"), 10, "recorded")
        assert page.heard("recorded")[0]["written"] > 10
        assert page.heard("hello")[0]["session"] == page.heard("opened")[0]["id"]
        assert page.heard("state")[-1]["stats"]["line"]["transport"] == "websocket"
        assert page.had[-1] > 20
    pictures = decoded(page)
    want = cv2.cvtColor(booth[0], cv2.COLOR_YUV2RGB_I420)
    shape = pictures[-1].shape[1::-1]
    error = np.abs(cv2.resize(want, shape).astype(int) - pictures[-1]).mean()
    assert error < 25  # The same booth, not the picture to wait by.


async def test_without_acknowledgements_nothing_queues_up(serve, booth_small):
    async with serve() as http, Page(http, booth_small, acknowledges=False) as page:
        await until(lambda: page.pictures, 20, "a picture")
        await asyncio.sleep(3)
        assert 1 <= len(page.pictures) < 25
        assert page.heard("state")[-1]["stats"]["line"]["skipped"] > 10


async def test_the_same_rules_as_for_every_call(serve, booth_small):
    async with serve(max_sessions=1) as http, Page(http, booth_small) as first:
        assert first.heard("opened")
        async with Page(http, booth_small) as second:
            assert second.heard("refused")[0]["code"] == "full"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await http.ws_connect(PATH, headers={"Origin": "https://evil.example"})
    async with serve(host="0.0.0.0", token="a-long-secret") as http:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await http.ws_connect(PATH, headers={"Host": "127.0.0.1"})


@pytest.mark.parametrize("hello", ["no json", "[]", "7", "[" * 5000])
async def test_a_bad_beginning_is_refused_in_a_sentence(serve, hello):
    async with serve() as http:
        socket = await http.ws_connect(PATH)
        await socket.send_str(hello)
        assert (await socket.receive_json())["type"] == "refused"
        assert (await socket.receive()).type in (
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSING,
        )
        assert not http.server.app[_state()].sessions


async def test_nonsense_harms_nobody_but_itself(serve, booth_small):
    huge = cv2.imencode(".jpg", np.zeros((4000, 4000, 3), np.uint8))[1].tobytes()
    assert MAX_PIXELS < 4000 * 4000
    async with serve() as http, Page(http, booth_small) as page:
        await until(lambda: len(page.pictures) > 5, 20, "pictures")
        for data in (
            b"",
            b"\x00",
            HEAD.pack(200, 1) + b"?",
            HEAD.pack(Kind.HAVE, 4_000_000_000),
            HEAD.pack(Kind.KEY_FRAME, 1) + b"no picture",
            HEAD.pack(Kind.JPEG, 2) + b"\xff\xd8 no picture",
            HEAD.pack(Kind.JPEG, 3) + huge,
            *[HEAD.pack(Kind.KEY_FRAME_WANTED, 0)] * 1000,
        ):
            await page.socket.send_bytes(data)
        await page.say(type="nothing known")
        before = len(page.pictures)
        await until(lambda: len(page.pictures) > before + 5, 20, "more pictures")
        assert page.heard("state")[-1]["stats"]["size"] == [320, 240]
        await until(
            lambda: page.heard("state")[-1]["stats"]["line"]["frames_lost"] >= 3, 5, "losses"
        )


async def test_a_page_that_goes_is_let_go(serve, booth_small):
    async with serve() as http:
        async with Page(http, booth_small) as page:
            await until(lambda: len(page.pictures) > 3, 20, "pictures")
        with contextlib.suppress(ConnectionError):
            await until(lambda: not http.server.app[_state()].sessions, 10, "the end")


def _state():
    from server.state import APP_STATE

    return APP_STATE


def test_the_rate_follows_a_tcp_line():
    downlink, now, free = SocketDownlink(3e6), 100.0, 0.0
    under: list[tuple[float, int]] = []
    for number in range(1, 900):
        now += 1 / 30
        while under and under[0][0] <= now:
            at, one = under.pop(0)
            downlink.acknowledged(one, at)
        if not downlink.may_send(now):
            continue
        size = int(downlink.encoder_bps / 8 / 30)
        free = max(free, now) + size * 8 / 1e6
        downlink.sent(number, size, now)
        under.append((free + 0.06, number))
    assert 0.6e6 < downlink.rate.target_bps < 1.2e6
    assert free - now < 0.25
