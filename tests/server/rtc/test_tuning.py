"""The answer's SDP, ports, and the settings."""

import argparse
import asyncio
import ssl

import pytest
from aiortc import sdp as aiortc_sdp

from server import settings as settings_module
from server.errors import ServerError
from server.rtc import aiortc_tuning as tuning
from server.rtc import answer_sdp
from server.rtc.udp_ports import limit_udp_ports
from server.settings import Settings
from server.web.certificate import tls_context

ANSWER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "m=video 40000 UDP/TLS/RTP/SAVPF 109 114 96 97",
        "c=IN IP4 192.0.2.7",
        "a=mid:0",
        "a=rtpmap:109 H264/90000",
        "a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:114 rtx/90000",
        "a=fmtp:114 apt=109",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host",
        "a=candidate:2 1 udp 2130706431 fd00::2 40001 typ host",
        "a=candidate:3 1 udp 1694498815 198.51.100.9 40000 typ srflx raddr 192.0.2.7 rport 40000",
        "m=application 40000 UDP/DTLS/SCTP webrtc-datachannel",
        "a=mid:1",
        "",
    ]
)


def test_bitrates_go_to_every_video_codec_and_nowhere_else():
    rates = "x-google-start-bitrate=3000;x-google-max-bitrate=6000"
    lines = answer_sdp.with_bitrates(ANSWER, 3000, 6000).split("\r\n")
    assert [line for line in lines if rates in line] == [
        "a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f;"
        + rates,
        "a=fmtp:96 " + rates,
    ]
    assert [line for line in lines if rates not in line] == [
        line for line in ANSWER.split("\r\n") if not line.startswith("a=fmtp:109")
    ]
    parsed = aiortc_sdp.SessionDescription.parse("\r\n".join(lines))
    assert parsed.media[0].rtp.codecs[0].parameters["x-google-start-bitrate"] == "3000"


def test_the_first_codec_is_the_chosen_one():
    assert answer_sdp.chosen_codec(ANSWER) == "H264"
    assert answer_sdp.chosen_codec(ANSWER.replace("109 114 96 97", "96 97 109 114")) == "VP8"


def test_announcing_an_address_changes_host_candidates_of_its_version_only():
    lines = answer_sdp.with_announced_address(ANSWER, "203.0.113.5").split("\r\n")
    assert "a=candidate:1 1 udp 2130706431 203.0.113.5 40000 typ host" in lines
    assert "a=candidate:2 1 udp 2130706431 fd00::2 40001 typ host" in lines
    assert any("198.51.100.9" in line for line in lines)


def test_h264_is_preferred_and_retransmission_kept():
    names = [codec.mimeType for codec in tuning.preferred_codecs()]
    assert names[0] == "video/H264"
    assert names[-1] == "video/rtx"
    assert "video/VP8" in names


async def test_media_sockets_stay_within_the_port_range():
    loop = asyncio.new_event_loop()

    async def bind_three():
        limit_udp_ports(asyncio.get_running_loop(), 47310, 47311)
        made = []
        for _ in range(2):
            transport, _protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
            )
            made.append(transport)
        with pytest.raises(OSError, match="47310"):
            await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
            )
        ports = sorted(transport.get_extra_info("sockname")[1] for transport in made)
        for transport in made:
            transport.close()
        await asyncio.sleep(0)
        return ports

    assert await asyncio.to_thread(loop.run_until_complete, bind_three()) == [47310, 47311]
    loop.close()


def parse(*flags: str, **environment: str) -> Settings:
    parser = argparse.ArgumentParser()
    settings_module.add_arguments(parser)
    return settings_module.from_arguments(parser.parse_args(flags), environment)


def test_flags_win_over_variables_over_defaults():
    settings = parse("--port", "1234", UNDERSTUDY_PORT="99", UNDERSTUDY_MAX_SESSIONS="2")
    assert (settings.port, settings.max_sessions, settings.host) == (1234, 2, "127.0.0.1")


@pytest.mark.parametrize(
    "flags",
    [
        ["--port", "70000"],
        ["--udp-ports", "high"],
        ["--udp-ports", "10-5"],
        ["--certificate", "a.pem"],
        ["--token", "short"],
        ["--max-sessions", "0"],
        ["--ice-servers", "http://example.org"],
    ],
)
def test_unusable_settings_are_refused_in_a_sentence(flags):
    with pytest.raises(ServerError, match=r"\.$"):
        parse(*flags)


def test_ice_servers_with_credentials():
    assert settings_module.ice_servers("stun:a:1, turn:me:secret@b:2?transport=tcp") == [
        {"urls": "stun:a:1"},
        {"urls": "turn:b:2?transport=tcp", "username": "me", "credential": "secret"},
    ]


def test_the_own_certificate_is_made_once_kept_private_and_works(tmp_path):
    settings = Settings(host="0.0.0.0", data=tmp_path)
    assert isinstance(tls_context(settings), ssl.SSLContext)
    certificate = tmp_path / "certificate.pem"
    first = certificate.read_bytes()
    tls_context(settings)
    assert certificate.read_bytes() == first
    assert (tmp_path / "certificate.key").stat().st_mode & 0o077 == 0
    tls_context(Settings(host="0.0.0.0", data=tmp_path, allowed_hosts="booth.example"))
    assert certificate.read_bytes() != first


def test_a_broken_certificate_is_named(tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("nonsense")
    with pytest.raises(ServerError, match=r"bad\.pem"):
        tls_context(Settings(host="0.0.0.0", certificate=str(bad), key=str(bad)))
