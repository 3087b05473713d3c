"""The answer's text (SDP): which codec was chosen, what rate and address the browser is told."""

from __future__ import annotations

import re


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
