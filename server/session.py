"""One browser: its connection, live thread, control channel and recording, and one exit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection
from aiortc import RTCSessionDescription as Description
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from inference.analyzer import Analyzer, AnalyzerOptions
from inference.errors import UnderstudyError
from inference.views import ViewOptions
from server import aiortc_tuning as tuning
from server import control
from server.encoder import H264Encoder
from server.live import LiveEvents, LiveThread
from server.networks import Lease
from server.observer import Observer
from server.output_track import OutputTrack
from server.performers import is_performer, note
from server.recording import LiveRecording
from server.settings import ice_servers

if TYPE_CHECKING:
    from server.state import AppState

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
"""A connection that is not up by then is given up."""
SILENCE_SECONDS = 15.0
"""Without a frame or a message for so long, the browser is gone."""
CLOSE_SECONDS = 5.0
STATE_SECONDS = 0.25
MAX_BUFFERED_BYTES = 65_536
"""State is not sent on a control channel that has this much waiting."""


class Session:
    """Lives from `accept` to `close`, which may be called any number of times, by anybody."""

    def __init__(self, state: AppState, settings: control.LiveSettings) -> None:
        self.id = secrets.token_urlsafe(12)
        self.token = secrets.token_urlsafe(24)
        """What a reconnecting page shows to replace this session."""
        self._house = state
        self._settings = settings
        self._plain_view = ViewOptions().view
        """Shown until a performer is ready, or when it cannot be."""
        self._performing = ""
        """Name of the view whose performer is shown or being made ready."""
        self._performing_since = 0.0
        self._observer = Observer()
        self._recording: LiveRecording | None = None
        self._channel: RTCDataChannel | None = None
        self._messages: asyncio.Queue[control.Message] = asyncio.Queue(maxsize=64)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._begun = self._alive = time.monotonic()
        self._bytes = (time.monotonic(), 0, 0)
        self._closing: asyncio.Task[None] | None = None
        self._exit = contextlib.AsyncExitStack()
        self._lease: Lease
        self._live: LiveThread
        self._connection: RTCPeerConnection

    async def accept(self, offer: str) -> str:
        """Answer an offer (SDP). On any error nothing is left behind."""
        try:
            return await self._accept(offer)
        except BaseException:
            await self.close("The connection could not be set up.")
            raise

    async def close(self, reason: str) -> None:
        """Give everything back; a recording in progress is kept as a dataset."""
        if self._closing is None:
            logger.info("session %s ends: %s", self.id, reason)
            self._closing = asyncio.create_task(self._close(reason))
        await asyncio.shield(self._closing)

    async def _accept(self, offer: str) -> str:
        state, settings = self._house, self._house.settings
        self._lease = await state.networks.borrow(self._settings.model, self._settings.long_side)
        self._exit.push_async_callback(self._release_lease)
        servers = [RTCIceServer(**server) for server in ice_servers(settings.ice_servers)]
        self._connection = connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._exit.push_async_callback(self._close_connection)
        connection.on("connectionstatechange", self._on_connection_state)
        connection.on("track", self._on_track)
        connection.on("datachannel", self._on_channel)

        track = OutputTrack(self._request_key_frame, self._picture_sent)
        transceiver = connection.addTransceiver(track, direction="sendrecv")
        transceiver.setCodecPreferences(tuning.preferred_codecs())
        await connection.setRemoteDescription(Description(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        answer = connection.localDescription.sdp
        encoded = tuning.chosen_codec(answer).upper() == "H264"
        self._live = LiveThread(
            self._analyzer(self._lease),
            self._view(),
            H264Encoder(settings.downlink_kbps) if encoded else None,
            LiveEvents(
                picture=lambda picture, arrival: self._in_loop(track.push, picture, arrival),
                analysed=self._analysed,
                failed=lambda sentence: self._in_loop(self._send_error, "live", sentence),
            ),
        )
        self._apply_view()
        self._exit.push_async_callback(self._close_live)
        self._exit.push_async_callback(self._stop_recording)
        tuning.on_picture_loss(transceiver.sender, self._live.request_key_frame)
        self._exit.push_async_callback(self._cancel_tasks)
        self._start(self._watch())
        self._start(self._handle_messages())
        if settings.announce:
            answer = tuning.with_announced_address(answer, settings.announce)
        return tuning.with_bitrates(answer, settings.uplink_kbps, settings.uplink_max_kbps)

    # What the connection tells

    async def _on_connection_state(self) -> None:
        state = self._connection.connectionState
        if state == "connected" and self._closing is None:
            self._live.start()
        elif state in ("failed", "closed"):
            await self.close(f"the connection {state}")

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._start(self._receive(track))

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._channel is not None or channel.label != "control":
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._on_message)
        self._send("hello", session=self.id, settings=self._settings.as_message())

    def _on_message(self, text: str | bytes) -> None:
        self._alive = time.monotonic()
        try:
            message = control.parse(text)
            if isinstance(message, control.Ping):
                self._send("pong", t=message.t)
            else:
                self._messages.put_nowait(message)
        except asyncio.QueueFull:
            self._send_error("busy", "Too many messages at once; that one was left out.")
        except control.ControlError as error:
            self._send_error("message", str(error))

    async def _receive(self, track: MediaStreamTrack) -> None:
        video = track.kind == "video"
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                if video:
                    self._alive = time.monotonic()
                    self._live.offer(frame)

    # What the live thread tells (in its own thread)

    def _in_loop(self, function: Callable[..., object], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *arguments)

    def _analysed(self, rgb: Any, analysis: Any, seconds: float) -> None:
        recording = self._recording
        if recording is not None and not recording.offer(rgb, analysis, seconds):
            self._in_loop(self._enqueue, control.Stop())
        if self._observer.observe(rgb, analysis, seconds) and recording is None:
            self._in_loop(self._send, "start_recording")

    def _picture_sent(self, arrival: float) -> None:
        self._live.stats.picture_sent(arrival)

    def _request_key_frame(self) -> None:
        self._live.request_key_frame()

    # What the page wants

    def _enqueue(self, message: control.Message) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._messages.put_nowait(message)

    async def _handle_messages(self) -> None:
        while True:
            message = await self._messages.get()
            try:
                await self._handle(message)
            except UnderstudyError as error:
                self._send_error("refused", str(error))
            except Exception:
                logger.exception("a message could not be obeyed: %s", message)
                self._send_error("internal", "That did not work; the server's log says why.")

    async def _handle(self, message: control.Message) -> None:
        match message:
            case control.ChangeSettings(wanted):
                await self._change_settings(wanted)
            case control.Record():
                await self._record(message)
            case control.Stop():
                await self._stop_recording()
            case control.Gesture(enabled):
                self._observer.gesture_enabled = enabled
            case control.Source():
                self._live.reset()
                self._observer.reset()

    async def _change_settings(self, wanted: Any) -> None:
        choices = await self._house.choices()
        changed = choices.change(self._settings, wanted)
        before, self._settings = self._settings, changed
        if (changed.model, changed.long_side) != (before.model, before.long_side):
            try:
                lease = await self._house.networks.borrow(changed.model, changed.long_side)
            except UnderstudyError:
                self._settings = before
                self._send("settings", **before.as_message())
                raise
            old, self._lease = self._lease, lease
            await self._house.background.run(self._live.use, self._analyzer(lease))
            await self._house.networks.release(old)
        self._apply_options()
        self._send("settings", **changed.as_message())

    def _apply_options(self) -> None:
        self._apply_view()
        self._live.analyzer.options = self._options()

    def _apply_view(self) -> None:
        wanted = self._settings.view
        if not is_performer(wanted):
            self._plain_view, self._performing = wanted, ""
            self._live.performer = None
        elif wanted != self._performing:
            self._performing = wanted
            self._start(self._perform(wanted))
        self._live.view = self._view()

    async def _perform(self, view: str) -> None:
        """Show a performer as soon as it is ready, unless something else is wanted by then."""
        try:
            performer = await self._house.performers.open(view)
        except UnderstudyError as error:
            if self._performing == view:
                self._settings = replace(self._settings, view=self._plain_view)
                self._apply_view()
                self._send("settings", **self._settings.as_message())
                self._send_error("performer", str(error))
            return
        if self._performing == view:
            self._live.performer = performer
            self._performing_since = time.monotonic()

    async def _record(self, wanted: control.Record) -> None:
        if self._recording is not None:
            raise control.ControlError("A recording is running already.")
        if self._live.size is None:
            raise control.ControlError("There is no picture yet to record.")
        self._recording = await self._house.recordings.begin(
            wanted, self._live.size, self._lease.pool, self._settings.threshold
        )
        self._apply_options()
        self._observer.reset()
        self._send("recording", dataset=self._recording.dataset)

    async def _stop_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        self._apply_options()
        counts = await self._house.recordings.end(recording)
        self._send("recorded", dataset=recording.dataset, **counts)

    # What the page is told

    def _send(self, kind: str, **fields: Any) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        channel.send(json.dumps({"type": kind, **fields}))

    def _send_error(self, code: str, sentence: str) -> None:
        self._send("error", code=code, message=sentence)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(STATE_SECONDS)
            now = time.monotonic()
            state = self._connection.connectionState
            if state != "connected" and now - self._begun > CONNECT_SECONDS:
                await self.close("no way was found between browser and server")
            if now - self._alive > SILENCE_SECONDS:
                await self.close("the browser fell silent")
            if self._recording is not None and not self._house.recordings.room_left():
                self._send_error("disk", "The disk is nearly full: the recording was stopped.")
                self._enqueue(control.Stop())
            if self._recording is not None and self._recording.error is not None:
                self._send_error("disk", self._recording.error)
                self._enqueue(control.Stop())
            if self._channel and self._channel.bufferedAmount < MAX_BUFFERED_BYTES:
                self._send("state", **self._observer.state(), **self._figures())

    def _figures(self) -> dict[str, Any]:
        recording = self._recording
        transport = self._connection.sctp.transport if self._connection.sctp else None
        rate_in, rate_out = self._bitrates(transport)
        info = self._lease.pool.info
        stats = self._live.stats.snapshot()
        return {
            "recording": None if recording is None else recording.state(),
            "note": self._note(stats) if self._performing else "",
            "stats": {
                **stats,
                "dropped": self._live.slot.dropped,
                "failures": self._live.failures,
                "kbps_in": rate_in,
                "kbps_out": rate_out,
                "people": self._observer.people,
                "size": list(self._live.size or (0, 0)),
                "model": info.name,
                "device": self._house.settings.device,
            },
        }

    def _note(self, stats: dict[str, Any]) -> str:
        return note(stats, self._live.performer, time.monotonic() - self._performing_since)

    def _bitrates(self, transport: Any) -> tuple[int, int]:
        """kbit/s in and out since last asked."""
        report = transport._get_stats() if transport is not None else {}
        sent = sum(getattr(one, "bytesSent", 0) for one in report.values())
        received = sum(getattr(one, "bytesReceived", 0) for one in report.values())
        then, received_then, sent_then = self._bytes
        now = time.monotonic()
        self._bytes = (now, received, sent)
        per_kbit = 8 / 1000 / max(now - then, 0.001)
        return int((received - received_then) * per_kbit), int((sent - sent_then) * per_kbit)

    # Small parts

    def _view(self) -> ViewOptions:
        return ViewOptions(view=self._plain_view, opacity=self._settings.opacity)

    def _options(self) -> AnalyzerOptions:
        heads = self._recording is not None and self._recording.heads
        return AnalyzerOptions(threshold=self._settings.threshold, keep_heads=heads)

    def _analyzer(self, lease: Lease) -> Analyzer:
        return Analyzer(lease.pool, self._options())

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The one exit, run from the last line to the first

    async def _close(self, reason: str) -> None:
        self._send_error("closed", f"The session ended: {reason}.")
        try:
            await self._exit.aclose()
        except Exception:
            logger.exception("session %s did not end cleanly", self.id)
        finally:
            self._house.sessions.pop(self.id, None)

    async def _release_lease(self) -> None:
        await self._house.networks.release(self._lease)

    async def _close_connection(self) -> None:
        async with asyncio.timeout(CLOSE_SECONDS):
            await self._connection.close()

    async def _close_live(self) -> None:
        await self._house.background.run(self._live.close)

    async def _cancel_tasks(self) -> None:
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
