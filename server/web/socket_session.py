"""`/api/sessions/socket`: a session over one WebSocket, for browsers that UDP is kept from."""

from __future__ import annotations

import json
from typing import Any, cast

import av
from aiohttp import WSMsgType, web

from inference.errors import UnderstudyError
from server.errors import Refused
from server.live.encoder import H264Encoder
from server.live.jpeg_encoder import JpegEncoder
from server.live.session import Session
from server.live.socket_call import MAX_MESSAGE_BYTES, SocketCall
from server.state import APP_STATE
from server.web.places import Places

HELLO_SECONDS = 10.0
routes = web.RouteTableDef()


class SocketSession(Session):
    """A session like any other; only its call is another one."""

    async def accept_socket(self, socket: web.WebSocketResponse, codec: str) -> SocketCall:
        """Begin on an open WebSocket; pictures go out as `codec`: `h264` or `jpeg`."""
        try:
            await self._borrow()
            settings = self._services.settings
            most = 1000.0 * (settings.downlink_kbps if codec == "h264" else 8000)
            self._call = call = SocketCall(socket, most, self._arrived, self._request_key_frame)
            self._exit.push_async_callback(call.close)
            encoder = H264Encoder(settings.downlink_kbps) if codec == "h264" else JpegEncoder()
            self._begin(encoder, self._push, call.downlink)
            self._on_channel(cast(Any, call.channel))
            self._live.start()
            return call
        except BaseException:
            await self.close("the connection could not be set up")
            raise

    def _push(self, picture: Any, arrival: float | None) -> None:
        if isinstance(self._call, SocketCall) and self._call.connected:
            self._call.push(picture, arrival)
            if arrival is not None:
                self._picture_sent(arrival)

    def _arrived(self, frame: av.VideoFrame) -> None:
        self._note_frame()
        self._live.offer(frame)


@routes.get("/api/sessions/socket")
async def open_socket(request: web.Request) -> web.StreamResponse:
    """Begin a session; the first message says `codec`, `resume` and `settings`."""
    state = request.app[APP_STATE]
    socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, heartbeat=10.0, compress=False)
    await socket.prepare(request)
    session: SocketSession | None = None
    try:
        wanted = await _hello(socket)
        places = Places(state)
        settings, old = await places.take(request.remote or "", wanted)
        session = SocketSession(state, settings, state.forget)
        session.resume(wanted.get("resume"), old)
        state.sessions[session.id] = session
        codec = "jpeg" if wanted.get("codec") == "jpeg" else "h264"
        call = await session.accept_socket(socket, codec)
        await session.take_over()
        opened = {"type": "opened", "id": session.id, "token": session.token}
        await socket.send_str(json.dumps(opened))
        await call.run()
    except Refused as error:
        refusal = {"type": "refused", "code": error.code, "message": str(error)}
        await socket.send_str(json.dumps(refusal))
    except UnderstudyError as error:
        refusal = {"type": "refused", "code": "device", "message": str(error)}
        await socket.send_str(json.dumps(refusal))
    finally:
        if session is not None:
            await session.close("the WebSocket closed", lost=True)
        await socket.close()
    return socket


async def _hello(socket: web.WebSocketResponse) -> dict[str, Any]:
    try:
        message = await socket.receive(HELLO_SECONDS)
        found = json.loads(message.data) if message.type is WSMsgType.TEXT else None
    except (TimeoutError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "hello", "A session begins with a message in JSON.")
    return found
