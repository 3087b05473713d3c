"""One browser: its connection, live thread, control channel and recording, and one exit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection
from aiortc import RTCSessionDescription as Description
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from inference.analyzer import Analyzer, AnalyzerOptions
from inference.errors import UnderstudyError
from inference.views import ViewOptions
from server.live import control
from server.live.call import Call, RtcCall
from server.live.control_channel import ControlChannel
from server.live.encoder import H264Encoder
from server.live.filming import Filming
from server.live.keeping_up import KeepingUp
from server.live.live_thread import Encoder, Line, LiveEvents, LiveThread
from server.live.observer import Observer
from server.live.output_track import OutputTrack, Picture
from server.live.performing import Performing
from server.live.services import Services
from server.live.session_recording import SessionRecording
from server.networks import Lease
from server.rtc import aiortc_tuning as tuning
from server.rtc import answer_sdp
from server.rtc.ice_servers import ice_servers

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
"""A connection that is not up by then is given up."""
SILENCE_SECONDS = 15.0
"""Without a frame or a message for so long, the browser is gone."""
STATE_SECONDS = 0.25
"""How often the page gets the guide and the figures."""


class Session:
    """Lives from `accept` to `close`, which may be called any number of times, by anybody."""

    def __init__(
        self, services: Services, settings: control.LiveSettings, ended: Callable[[str], None]
    ) -> None:
        """`ended` gets the session's id when nothing of it is left."""
        self.id = secrets.token_urlsafe(12)
        self.token = secrets.token_urlsafe(24)
        """What a reconnecting page shows to replace this session."""
        self._services = services
        self._settings = settings
        self._ended = ended
        self._observer = Observer()
        self._recording = SessionRecording(services)
        self._page = ControlChannel()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._begun = self._last_frame = time.monotonic()
        self.old: Session | None = None
        """Whose place it takes when it is up."""
        self._resumes: Any = None
        self._closing: asyncio.Task[None] | None = None
        self._lost = False
        self._exit = contextlib.AsyncExitStack()
        self._lease: Lease
        self._live: LiveThread
        self._performing: Performing
        self._filming: Filming
        self._call: Call

    async def accept(self, offer: str) -> str:
        """Answer an offer (SDP). On any error nothing is left behind."""
        try:
            return await self._accept(offer)
        except BaseException:
            await self.close("The connection could not be set up.")
            raise

    def resume(self, token: Any, old: Session | None) -> None:
        """Once it is up, take the place of the call that this page lost, and its recording.

        `token`: that session's; `old`: that session, if it has not ended yet.
        """
        self._resumes, self.old = token, old

    async def take_over(self) -> None:
        """It is up: the page's old call ends, its recording goes on here."""
        token, self._resumes = self._resumes, None
        old, self.old = self.old, None
        if old is not None:
            await old.close("the same page connected again", lost=True)
        if self._recording.claim(token):
            self._apply_options()

    async def close(self, reason: str, lost: bool = False) -> None:
        """Give everything back; a recording in progress is kept as a dataset.

        `lost`: the page may come back, with the token, and go on recording.
        """
        if self._closing is None:
            self._lost = lost
            logger.info("session %s ends: %s", self.id, reason)
            self._closing = asyncio.create_task(self._close(reason))
        await asyncio.shield(self._closing)

    async def _accept(self, offer: str) -> str:
        settings = self._services.settings
        await self._borrow()
        servers = [RTCIceServer(**server) for server in ice_servers(settings.ice_servers)]
        connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._call = call = RtcCall(connection)
        self._exit.push_async_callback(call.close)
        connection.on("connectionstatechange", lambda: self._on_state(connection.connectionState))
        connection.on("track", self._on_track)
        connection.on("datachannel", self._on_channel)

        track = OutputTrack(self._request_key_frame, self._picture_sent)
        transceiver = connection.addTransceiver(track, direction="sendrecv")
        transceiver.setCodecPreferences(tuning.preferred_codecs())
        await connection.setRemoteDescription(Description(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        answer = connection.localDescription.sdp
        encoded = answer_sdp.chosen_codec(answer).upper() == "H264"
        call.link = tuning.MediaLink(
            transceiver,
            2 * settings.downlink_kbps,
            settings.uplink_max_kbps,
            self._request_key_frame,
        )
        tuning.mend_sound(connection)
        encoder = H264Encoder(settings.downlink_kbps) if encoded else None
        self._begin(encoder, track.push, call.link.downlink)
        if settings.announce:
            answer = answer_sdp.with_announced_address(answer, settings.announce)
        return answer_sdp.with_bitrates(answer, settings.uplink_kbps, settings.uplink_max_kbps)

    async def _borrow(self) -> None:
        settings, networks = self._settings, self._services.networks
        self._lease = await networks.borrow(settings.model, settings.long_side)
        self._exit.push_async_callback(self._release_lease)

    def _begin(
        self,
        encoder: Encoder | None,
        push: Callable[[Picture, float | None], None],
        downlink: Line,
    ) -> None:
        """All that a session has besides its call; `push` gets the pictures, on the event loop."""
        self._live = live = LiveThread(
            self._analyzer(self._lease),
            ViewOptions(opacity=self._settings.opacity),
            encoder,
            LiveEvents(
                picture=lambda picture, arrival: self._in_loop(push, picture, arrival),
                analysed=self._analysed,
                failed=lambda sentence: self._in_loop(self._page.send_error, "live", sentence),
            ),
        )
        live.downlink = downlink
        performers = self._services.performers
        self._performing = Performing(
            performers, live, self._start, self._not_performed, self._tell
        )
        self._filming = Filming(self._services)
        self._keeping_up = KeepingUp()
        live.tape = self._filming.tape
        self._apply_view()
        self._exit.push_async_callback(self._filming.close)
        self._exit.push_async_callback(self._close_live)
        self._exit.push_async_callback(self._leave_recording)
        self._exit.push_async_callback(self._cancel_tasks)
        self._start(self._watch())
        self._start(self._handle_messages())

    # What the connection brings

    async def _on_state(self, state: str) -> None:
        if state == "connected" and self._closing is None:
            self._live.start()
            await self.take_over()
        elif state in ("failed", "closed"):
            await self.close(f"the connection {state}", lost=True)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._start(self._receive(track))

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._page.open(channel):
            self._page.send("hello", session=self.id, settings=self._settings.as_message())

    async def _receive(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                if track.kind == "audio":
                    self._filming.tape.hear(frame)
                    continue
                self._note_frame()
                if frame.is_corrupt:
                    self._call.damaged()
                else:
                    self._live.offer(frame)

    def _note_frame(self) -> None:
        """The camera's frames come: the browser is there."""
        self._last_frame = time.monotonic()

    # What the live thread brings (in its own thread)

    def _in_loop(self, function: Callable[..., object], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *arguments)

    def _tell(self, kind: str, **fields: Any) -> None:
        self._in_loop(partial(self._page.send, kind, **fields))

    def _analysed(self, rgb: Any, analysis: Any, seconds: float) -> None:
        self._performing.see(analysis, seconds)
        if not self._recording.offer(rgb, analysis, seconds):
            self._in_loop(self._page.enqueue, control.Stop())
        if self._observer.observe(rgb, analysis, seconds) and not self._recording.running:
            self._tell("hands_up")

    def _picture_sent(self, arrival: float) -> None:
        self._live.stats.picture_sent(arrival)

    def _request_key_frame(self) -> None:
        self._live.request_key_frame()

    # What the page wants

    async def _handle_messages(self) -> None:
        while True:
            message = await self._page.next_message()
            try:
                await self._handle(message)
            except UnderstudyError as error:
                self._page.send_error("refused", str(error))
            except Exception:
                logger.exception("a message could not be obeyed: %s", message)
                self._page.send_error("internal", "That did not work; the server's log says why.")

    async def _handle(self, message: control.Message) -> None:
        match message:
            case control.ChangeSettings(wanted):
                await self._change_settings(wanted)
            case control.Record():
                await self._record(message)
            case control.Stop():
                await self._stop_recording()
            case control.FilmOrder():
                filmed = await self._filming.obey(message)
                if filmed is not None:
                    self._page.send("filmed", **filmed)
            case control.Gesture(enabled):
                self._observer.gesture_enabled = enabled
            case control.Calibrate() | control.Place() | control.DrawSmaller():
                self._performing.obey(message)
            case control.Source():
                self._performing.forget_dancer()
                self._live.reset()
                self._observer.reset()

    async def _change_settings(self, wanted: Any) -> None:
        choices = await self._services.choices()
        changed = choices.change(self._settings, wanted)
        before, self._settings = self._settings, changed
        if (changed.model, changed.long_side) != (before.model, before.long_side):
            try:
                lease = await self._services.networks.borrow(changed.model, changed.long_side)
            except UnderstudyError:
                self._settings = before
                self._page.send("settings", **before.as_message())
                raise
            old, self._lease = self._lease, lease
            await self._services.background.run(self._live.use, self._analyzer(lease))
            await self._services.networks.release(old)
        self._apply_options()
        self._page.send("settings", **changed.as_message())

    def _apply_options(self) -> None:
        self._apply_view()
        self._live.analyzer.options = self._options()

    def _apply_view(self) -> None:
        self._performing.show(self._settings.view)
        view = self._performing.plain_view
        self._live.view = ViewOptions(view=view, opacity=self._settings.opacity)

    def _not_performed(self, sentence: str) -> None:
        self._settings = replace(self._settings, view=self._performing.plain_view)
        self._apply_view()
        self._page.send("settings", **self._settings.as_message())
        self._page.send_error("performer", sentence)

    async def _record(self, wanted: control.Record) -> None:
        dataset = await self._recording.begin(
            wanted, self._live.size, self._lease.pool, self._settings.threshold
        )
        self._apply_options()
        self._observer.reset()
        self._page.send("recording", dataset=dataset)

    async def _stop_recording(self) -> None:
        recorded = await self._recording.end()
        if recorded is not None:
            self._apply_options()
            self._page.send("recorded", **recorded)

    async def _leave_recording(self) -> None:
        if self._lost:
            self._recording.leave(self.token)
        await self._stop_recording()

    # What the page gets, four times a second

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(STATE_SECONDS)
            now = time.monotonic()
            self._recording.count_lost(self._call.frames_lost)
            if not self._call.connected and now - self._begun > CONNECT_SECONDS:
                await self.close("no way was found between browser and server")
            if now - max(self._last_frame, self._page.last_heard) > SILENCE_SECONDS:
                await self.close("the browser fell silent", lost=True)
            if (reason := self._recording.why_stop()) is not None:
                self._page.send_error("disk", reason)
                self._page.enqueue(control.Stop())
            if self._recording.overdue:
                self._page.enqueue(control.Stop())
            if self._page.has_room:
                self._page.send("state", **self._observer.state(), **self._figures())

    def _figures(self) -> dict[str, Any]:
        rate_in, rate_out = self._call.bitrates()
        stats = {
            **self._live.stats.snapshot(),
            "dropped": self._live.slot.dropped,
            "failures": self._live.failures,
            "kbps_in": rate_in,
            "kbps_out": rate_out,
            "people": self._observer.people,
            "size": list(self._live.size or (0, 0)),
            "model": self._lease.pool.info.name,
            "device": self._services.settings.device,
            "line": self._call.figures(),
        }
        return {
            "recording": self._recording.state(),
            **self._performing.state(stats),
            "behind": self._keeping_up.note(stats, time.monotonic()),
            "film": self._filming.state(),
            "stats": stats,
        }

    # Small parts

    def _options(self) -> AnalyzerOptions:
        return AnalyzerOptions(threshold=self._settings.threshold, keep_heads=self._recording.heads)

    def _analyzer(self, lease: Lease) -> Analyzer:
        return Analyzer(lease.pool, self._options())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The one exit, run from the last line to the first

    async def _close(self, reason: str) -> None:
        self._page.send_error("closed", f"The session ended: {reason}.")
        try:
            await self._exit.aclose()
        except Exception:
            logger.exception("session %s did not end cleanly", self.id)
        finally:
            self._ended(self.id)

    async def _release_lease(self) -> None:
        await self._services.networks.release(self._lease)

    async def _close_live(self) -> None:
        await self._services.background.run(self._live.close)

    async def _cancel_tasks(self) -> None:
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
