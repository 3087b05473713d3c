"""Where aiortc's defaults do not suit a live mirror: bitrates, jitter buffer, ports, addresses.

Written for the aiortc versions in `TESTED_VERSIONS`; with another one the parts that reach into
it are left out and said so in the log, and everything works, a frame slower.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import aioice.ice
import aiortc
from aiortc import codecs, jitterbuffer
from aiortc.codecs import h264, vpx

logger = logging.getLogger(__name__)

TESTED_VERSIONS = ("1.14", "1.15", "1.16")
GATHER_SECONDS = 2
_original_remove_frame = jitterbuffer.JitterBuffer._remove_frame
_original_gather = aioice.ice.Connection.get_component_candidates
_original_host_addresses = aioice.ice.get_host_addresses


def supported() -> bool:
    """Whether this aiortc's insides are those this module was written for."""
    return aiortc.__version__.rpartition(".")[0] in TESTED_VERSIONS


def set_bitrates(kbps: int) -> None:
    """Fix the rate of aiortc's own encoders (VP8 here; H.264 comes encoded already).

    All three constants alike: a target that moves would rebuild the encoder.
    """
    for module in (vpx, h264):
        for name in ("MIN_BITRATE", "DEFAULT_BITRATE", "MAX_BITRATE"):
            setattr(module, name, kbps * 1000)


def install() -> bool:
    """Put the cures in place, for every connection of this process; once is enough.

    * Video frames go out on their last packet, not on the next frame's first (-33 ms at 30 fps).
    * Candidates are gathered for `GATHER_SECONDS` at most: at a booth no STUN server answers.
    * On a machine without a network media run over 127.0.0.1, which aioice leaves out.

    False, with a line in the log, when this aiortc is not one the cures were tested with.
    """
    if not supported():
        logger.warning("aiortc %s is unknown: video comes in a frame later", aiortc.__version__)
        return False
    jitterbuffer.JitterBuffer._remove_frame = _remove_frame  # type: ignore[method-assign]
    aioice.ice.Connection.get_component_candidates = _gather  # type: ignore[method-assign,assignment]
    aioice.ice.get_host_addresses = _host_addresses
    return True


async def _gather(
    self: aioice.ice.Connection, component: int, addresses: list[str]
) -> list[aioice.Candidate]:
    return await _original_gather(self, component, addresses, GATHER_SECONDS)


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return _original_host_addresses(use_ipv4, use_ipv6) or ["127.0.0.1"]


def _remove_frame(
    self: jitterbuffer.JitterBuffer, sequence_number: int
) -> jitterbuffer.JitterFrame | None:
    """The first complete frame: packets without a gap up to the RTP marker bit (RFC 3550, 5.1).

    A frame whose marker never comes ends where the next timestamp begins, as in aiortc. Packets
    without data (probing for bandwidth) are swallowed: an empty packet would end the decoder.
    """
    if not self._is_video or self._prefetch:
        return _original_remove_frame(self, sequence_number)
    data: list[bytes] = []
    timestamp: int | None = None
    origin = self._origin or 0
    for count in range(self._capacity):
        packet = self._packets[(origin + count) % self._capacity]
        if packet is None:
            return None
        if timestamp is not None and packet.timestamp != timestamp and any(data):
            self.remove(count)
            return jitterbuffer.JitterFrame(data=b"".join(data), timestamp=timestamp)
        timestamp = packet.timestamp
        data.append(packet._data)  # type: ignore[attr-defined]
        if packet.marker and any(data):
            self.remove(count + 1)
            return jitterbuffer.JitterFrame(data=b"".join(data), timestamp=timestamp)
    return None


def on_picture_loss(sender: aiortc.RTCRtpSender, callback: Callable[[], None]) -> None:
    """Call `callback` when the browser asks for a key frame (PLI, FIR: RFC 4585, RFC 5104).

    aiortc tells only its own encoder, which a track of encoded packets does not use.
    """
    if not supported():
        return
    own: Any = sender
    original = own._send_keyframe

    def send_keyframe() -> None:
        callback()
        original()

    own._send_keyframe = send_keyframe


def preferred_codecs() -> list[Any]:
    """H.264 first (we encode it ourselves), then VP8, retransmission kept."""
    known = codecs.get_capabilities("video").codecs
    order = {"video/h264": 0, "video/vp8": 1, "video/rtx": 2}
    chosen = [codec for codec in known if codec.mimeType.lower() in order]
    return sorted(chosen, key=lambda codec: order[codec.mimeType.lower()])


def chosen_codec(sdp: str) -> str:
    """Name of the codec that an answer's video section puts first: `H264` or `VP8`."""
    section = sdp[sdp.index("m=video") :]
    first = section.split("\r\n", 1)[0].split()[3]
    found = re.search(rf"a=rtpmap:{first} ([^/\r\n]+)/", section)
    return found.group(1) if found else ""


def with_bitrates(sdp: str, start_kbps: int, max_kbps: int) -> str:
    """The answer with the rate a Chromium browser shall start at and may climb to.

    Without it, it starts at 0.3 Mbit/s and needs half a minute to look good.
    """
    rates = f"x-google-start-bitrate={start_kbps};x-google-max-bitrate={max_kbps}"
    lines: list[str] = []
    for section in re.split(r"(?=^m=)", sdp, flags=re.MULTILINE):
        if not section.startswith("m=video"):
            lines.append(section)
            continue
        wanted = re.findall(r"^a=rtpmap:(\d+) (?:H264|VP8|VP9|AV1)/", section, re.MULTILINE)
        for payload_type in wanted:
            fmtp = re.compile(rf"^(a=fmtp:{payload_type} [^\r\n]+)", re.MULTILINE)
            rtpmap = re.compile(rf"^(a=rtpmap:{payload_type} [^\r\n]+)", re.MULTILINE)
            if fmtp.search(section):
                section = fmtp.sub(rf"\1;{rates}", section)
            else:
                section = rtpmap.sub(rf"\1\r\na=fmtp:{payload_type} {rates}", section)
        lines.append(section)
    return "".join(lines)


def with_announced_address(sdp: str, address: str) -> str:
    """The answer with every host candidate of the same IP version at `address` (NAT, Docker)."""
    version = r"[0-9a-fA-F:]*:[0-9a-fA-F:]*" if ":" in address else r"\d+(?:\.\d+){3}"
    return re.sub(
        rf"^(a=candidate:\S+ \d+ \S+ \d+ ){version}( \d+ typ host)",
        rf"\g<1>{address}\g<2>",
        sdp,
        flags=re.MULTILINE,
    )


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
