"""Where aiortc's defaults do not suit a live mirror, and where its insides are reached.

Written for the aiortc versions in `TESTED_VERSIONS`; with another one the parts that reach into
it are left out and said so in the log, and everything works, as well as aiortc does by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import aioice.ice
import aiortc
from aiortc import codecs, rtcrtpsender, rtcsctptransport, rtp
from aiortc.codecs import h264, is_rtx, vpx
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters

from server.rtc import downlink, transport_feedback
from server.rtc.downlink import Downlink
from server.rtc.frame_buffer import FrameBuffer, begins_h264_key_frame, begins_vp8_key_frame
from server.rtc.loss_recovery import LossRecovery
from server.rtc.remb import RembEstimator
from server.rtc.sound_buffer import SoundBuffer
from server.rtc.transport_feedback import ArrivalLog

logger = logging.getLogger(__name__)

TESTED_VERSIONS = ("1.14", "1.15", "1.16")
GATHER_SECONDS = 2
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
"""Header extension: how long a browser may hold a picture back. We say: not at all."""
FEEDBACK_SECONDS = 0.05
MEND_SECONDS = 0.005
"""How often missing packets are looked at, while there are any."""
KEY_FRAME_PAUSE = 1.0
"""Seconds until a key frame is asked for again: on a thin line it takes so long to come."""
CONTROL_RESEND_SECONDS = {"SCTP_RTO_INITIAL": 0.5, "SCTP_RTO_MIN": 0.4}
"""When a lost control message is sent again; as browsers do (WebRTC: dcsctp_options.h)."""
_original_gather = aioice.ice.Connection.get_component_candidates
_original_host_addresses = aioice.ice.get_host_addresses


def supported() -> bool:
    """Whether this aiortc's insides are those this module was written for."""
    return aiortc.__version__.rpartition(".")[0] in TESTED_VERSIONS


def set_bitrates(kbps: int) -> None:
    """Bound the rate of aiortc's own encoders (VP8 here; H.264 comes encoded already)."""
    least = downlink.LEAST_BPS if supported() else kbps * 1000
    for module in (vpx, h264):
        for name, bps in (("MIN", least), ("DEFAULT", kbps * 1000), ("MAX", kbps * 1000)):
            setattr(module, f"{name}_BITRATE", bps)


def install() -> bool:
    """Put the cures in place, for every connection of this process; once is enough.

    * Transport-wide feedback and playout delay are offered and answered.
    * Packets are kept long enough to be sent again, and lost control messages are sent again soon.
    * Candidates are gathered for `GATHER_SECONDS` at most: at a booth no STUN server answers.
    * On a machine without a network media run over 127.0.0.1, which aioice leaves out.

    False, with a line in the log, when this aiortc is not one the cures were tested with.
    """
    if not supported():
        logger.warning("aiortc %s is unknown: calls suffer on bad networks", aiortc.__version__)
        return False
    video = codecs.HEADER_EXTENSIONS["video"]
    for number, uri in ((4, transport_feedback.URI), (5, PLAYOUT_DELAY)):
        if all(one.uri != uri for one in video):
            video.append(RTCRtpHeaderExtensionParameters(id=number, uri=uri))
    feedback = RTCRtcpFeedback(type="transport-cc")
    for codec in codecs.CODECS["video"]:
        if codec.rtcpFeedback and feedback not in codec.rtcpFeedback:
            codec.rtcpFeedback.append(feedback)
    vars(rtcrtpsender)["RTP_HISTORY_SIZE"] = downlink.HISTORY
    vars(rtcsctptransport).update(CONTROL_RESEND_SECONDS)
    aioice.ice.Connection.get_component_candidates = _gather  # type: ignore[method-assign,assignment]
    aioice.ice.get_host_addresses = _host_addresses
    return True


async def _gather(
    self: aioice.ice.Connection, component: int, addresses: list[str]
) -> list[aioice.Candidate]:
    return await _original_gather(self, component, addresses, GATHER_SECONDS)


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return _original_host_addresses(use_ipv4, use_ipv6) or ["127.0.0.1"]


def preferred_codecs() -> list[Any]:
    """H.264 first (we encode it ourselves), then VP8, retransmission kept."""
    known = codecs.get_capabilities("video").codecs
    order = {"video/h264": 0, "video/vp8": 1, "video/rtx": 2}
    chosen = [codec for codec in known if codec.mimeType.lower() in order]
    return sorted(chosen, key=lambda codec: order[codec.mimeType.lower()])


class _Extensions(rtp.HeaderExtensionsMap):
    """Writes what aiortc does not know, at the moment a packet leaves, also once more."""

    def __init__(self, next_number: Callable[[], int]) -> None:
        super().__init__()
        self._next_number = next_number
        self._numbered = False
        self._playout_id = 0

    def configure(self, parameters: Any) -> None:
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            self._numbered = self._numbered or extension.uri == transport_feedback.URI
            if extension.uri == PLAYOUT_DELAY:
                self._playout_id = extension.id

    def set(self, values: rtp.HeaderExtensions) -> tuple[int, bytes]:
        number = self._next_number()
        if self._numbered:
            values = replace(values, transport_sequence_number=number)
        profile, value = super().set(values)
        if self._playout_id and profile == 0xBEDE:
            value += bytes([self._playout_id << 4 | 2, 0, 0, 0])  # Four bytes: still aligned.
        return profile, value


class _Nacks:
    """In the place of aiortc's `NackGenerator`, which asks once and never again."""

    def __init__(self, received: Callable[[rtp.RtpPacket], None]) -> None:
        self._received = received

    def add(self, packet: rtp.RtpPacket) -> bool:
        self._received(packet)
        return False


class _Buffer:
    """In the place of aiortc's `JitterBuffer`; frames are taken out by `MediaLink`."""

    def __init__(self, frames: FrameBuffer) -> None:
        self._frames = frames

    def add(self, packet: Any) -> tuple[bool, None]:
        self._frames.add(packet)
        return False, None


class _SoundBuffer:
    """The same for sound."""

    def __init__(self) -> None:
        self._packets = SoundBuffer()

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        frame = self._packets.add(packet)
        return False, None if frame is None else JitterFrame(frame.data, frame.timestamp)


def mend_sound(connection: aiortc.RTCPeerConnection) -> None:
    """Of sound that comes, lose no more than the line does: aiortc loses five packets for one."""
    for transceiver in connection.getTransceivers() if supported() else ():
        if transceiver.kind == "audio":
            receiver: Any = transceiver.receiver
            receiver._RTCRtpReceiver__jitter_buffer = _SoundBuffer()


class MediaLink:
    """The video of one connection, both ways, joined to what `server/rtc` knows."""

    def __init__(
        self,
        transceiver: aiortc.RTCRtpTransceiver,
        most_kbps: int,
        wanted_kbps: int,
        key_frame_wanted: Callable[[], None] = lambda: None,
    ) -> None:
        """Make it when the descriptions are set and before packets flow, on the event loop.

        `most_kbps` of what we send; `wanted_kbps` of what we receive at most;
        `key_frame_wanted()`: the browser asks for one (PLI, FIR: RFC 4585, RFC 5104).
        """
        self.downlink = Downlink(most_kbps * 1000, time.monotonic())
        self.recovery = LossRecovery()
        self.frames = FrameBuffer(begins_h264_key_frame)
        self._loop = asyncio.get_running_loop()
        self._sender: Any = transceiver.sender
        self._receiver: Any = transceiver.receiver
        self._transport: Any = transceiver.sender.transport
        self._key_frame_wanted = key_frame_wanted
        self._remb = RembEstimator(wanted_kbps * 500, downlink.LEAST_BPS, wanted_kbps * 1000)
        self._arrivals = ArrivalLog()
        self._number: int | None = None
        self._again = False
        self._repeated: int | None = None
        self._media_ssrc = 0
        self._asked_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        if supported():
            self._take_over_sending()
            self._take_over_receiving()
            self._start(self._report())

    def figures(self) -> dict[str, object]:
        """What the page shows of the line, both ways."""
        return {
            **self.downlink.figures(),
            "loss_up": round(self.recovery.loss(time.monotonic()), 3),
            "asked_again": self.recovery.asked,
            "frames_lost": self.frames.discarded,
        }

    def close(self) -> None:
        """Stop all work; the connection may be closed before or after."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Sending

    def _take_over_sending(self) -> None:
        sender, transport = self._sender, self._transport
        sender._RTCRtpSender__rtp_header_extensions_map = _Extensions(self._next_number)
        self._send_plain = transport._send_rtp
        self._retransmit_plain = sender._retransmit
        self._sender_rtcp_plain = sender._handle_rtcp_packet
        transport._send_rtp = self._send
        sender._retransmit = self._retransmit
        sender._handle_rtcp_packet = self._sender_rtcp

    def _next_number(self) -> int:
        self._number = self.downlink.packets.next_number()
        return self._number

    async def _send(self, data: bytes) -> None:
        number, self._number = self._number, None
        if number is not None and not rtp.is_rtcp(data):
            sequence, _, ssrc = struct.unpack_from("!HLL", data, 2)
            again = self._repeated is not None
            media = sequence if ssrc == self._sender._ssrc else self._repeated
            self.downlink.sent(number, len(data), media, time.monotonic(), again)
        await self._send_plain(data)

    async def _retransmit(self, sequence_number: int, waited: bool = False) -> None:
        media = sequence_number & 0xFFFF
        pause = self.downlink.asked_again(media, time.monotonic(), waited)
        if pause:
            self._loop.call_later(pause, self._retransmit_later, media)
        elif pause is not None:
            self._repeated = media
            try:
                await self._retransmit_plain(media)
            finally:
                self._repeated = None

    def _retransmit_later(self, media: int) -> None:
        if self._transport.state == "connected":
            self._start(self._retransmit(media, waited=True))

    async def _sender_rtcp(self, packet: Any) -> None:
        if isinstance(packet, rtp.RtcpPsfbPacket):
            if packet.fmt == rtp.RTCP_PSFB_APP:
                with contextlib.suppress(ValueError, struct.error):
                    self.downlink.estimate(rtp.unpack_remb_fci(packet.fci)[0])
                return
            if packet.fmt in (rtp.RTCP_PSFB_PLI, rtp.RTCP_PSFB_FIR):
                self._key_frame_wanted()
        elif isinstance(packet, rtp.RtcpRrPacket | rtp.RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._sender._ssrc:
                    self.downlink.reported_loss(report.fraction_lost / 256)
        await self._sender_rtcp_plain(packet)

    def _follow_with_vp8(self) -> None:
        """aiortc's own encoder gets the line's rate; a small step would only cost a key frame."""
        encoder = self._sender._RTCRtpSender__encoder
        if not isinstance(encoder, vpx.Vp8Encoder):
            return
        bps = int(self.downlink.encoder_bps)
        if abs(bps - encoder.target_bitrate) > 0.2 * encoder.target_bitrate:
            encoder.target_bitrate = bps

    # Receiving

    def _take_over_receiving(self) -> None:
        receiver, transport = self._receiver, self._transport
        receiver._RTCRtpReceiver__nack_generator = _Nacks(self._received)
        receiver._RTCRtpReceiver__jitter_buffer = _Buffer(self.frames)
        receiver._RTCRtpReceiver__remote_bitrate_estimator = self._remb
        self._receive_plain = receiver._handle_rtp_packet
        self._rtcp_plain = transport._handle_rtcp_data
        receiver._handle_rtp_packet = self._receive
        transport._handle_rtcp_data = self._rtcp

    async def _rtcp(self, data: bytes) -> None:
        """Transport feedback is taken out: aiortc refuses the whole compound when it is padded."""
        rest, place = b"", 0
        while place + 4 <= len(data):
            first, kind, words = struct.unpack_from("!BBH", data, place)
            packet = data[place : place + 4 + 4 * words]
            if (kind, first & 0x1F) == (transport_feedback.RTPFB, transport_feedback.FORMAT):
                try:
                    self.downlink.feedback(transport_feedback.parse(packet), time.monotonic())
                except ValueError as error:
                    logger.debug("%s", error)
            else:
                rest += packet
            place += 4 + 4 * words
        if rest:
            await self._rtcp_plain(rest)

    async def _receive(self, packet: rtp.RtpPacket, arrival_time_ms: int) -> None:
        now, receiver = time.monotonic(), self._receiver
        self.downlink.received(len(packet.payload) + packet.padding_size, now)
        codec = receiver._RTCRtpReceiver__codecs.get(packet.payload_type)
        self._again = codec is not None and is_rtx(codec)
        if codec is not None and codec.name in ("H264", "VP8"):
            self.frames.begins_key_frame = (
                begins_h264_key_frame if codec.name == "H264" else begins_vp8_key_frame
            )
        number = packet.extensions.transport_sequence_number
        if number is not None:
            self._arrivals.received(number, packet.ssrc, now)
            sent = packet.extensions.abs_send_time
            if sent is not None:
                self.downlink.uplink.received(sent, len(packet.payload), now)
            packet.extensions.abs_send_time = None  # No REMB where there is something better.
        error = getattr(receiver, "_RTCRtpReceiver__decoder_error", None)  # Since aiortc 1.16.
        if error is not None and error.is_set():
            self.frames.waits_for_key_frame = True
        await self._receive_plain(packet, arrival_time_ms)
        while (frame := self.frames.pop()) is not None:
            self._decode(frame.data, frame.timestamp)
        self._mend()

    def _decode(self, data: bytes, timestamp: int) -> None:
        receiver = self._receiver
        name = "VP8" if self.frames.begins_key_frame is begins_vp8_key_frame else "H264"
        known = receiver._RTCRtpReceiver__codecs.values()
        codec = next((one for one in known if one.name == name), None)
        if codec is None or not receiver._RTCRtpReceiver__decoder_thread:
            return
        mapped = receiver._RTCRtpReceiver__timestamp_mapper.map(timestamp)
        receiver._RTCRtpReceiver__decoder_queue.put((codec, JitterFrame(data, mapped)))

    def _received(self, packet: rtp.RtpPacket) -> None:
        self._media_ssrc = packet.ssrc
        number, size, now = packet.sequence_number, len(packet.payload), time.monotonic()
        self.recovery.received(number, size, now, self._again, self.frames.begun)

    def _mend(self) -> None:
        """Ask for what is missing, give up what stays missing; again soon, while there is any."""
        now = time.monotonic()
        if self._timer is not None:
            return
        if self.recovery.hopeless(now, self.downlink.uplink.seconds):
            place = self.frames.skip_to_key_frame(self.recovery.newest or 0)
            self.recovery.forget(until=place)
            while (frame := self.frames.pop()) is not None:
                self._decode(frame.data, frame.timestamp)
        lost = self.recovery.due(now, self.downlink.latest_round_trip)
        if lost:
            self._start(self._receiver._send_rtcp_nack(self._media_ssrc, lost))
        waits = self.frames.waits_for_key_frame
        pause = max(KEY_FRAME_PAUSE, 3 * self.downlink.round_trip)
        if self._asked_at is None and not self.frames.discarded:
            waits = False  # A call begins with a key frame: it need not be asked for.
        if waits and (self._asked_at is None or now - self._asked_at > pause):
            self._asked_at = now
            self._start(self._receiver._send_rtcp_pli(self._media_ssrc))
        if self.recovery.missing or self.frames.waits_for_key_frame:
            self._timer = self._loop.call_later(MEND_SECONDS, self._mend_again)

    def _mend_again(self) -> None:
        self._timer = None
        self._mend()

    async def _report(self) -> None:
        """Tell the browser what arrived, for as long as the connection lives."""
        count = 0
        while True:
            await asyncio.sleep(FEEDBACK_SECONDS)
            ssrc = self._receiver._RTCRtpReceiver__rtcp_ssrc
            if ssrc is None:
                continue
            count += 1
            if count % 10 == 0:
                self._follow_with_vp8()
            with contextlib.suppress(ConnectionError):
                # Each by itself: browsers pass over feedback within a compound packet.
                for packet in self._arrivals.feedback(ssrc, time.monotonic()):
                    await self._send_plain(packet)
