"""What cannot be is said at the start, in a sentence, not by a page that waits for ever."""

from __future__ import annotations

import argparse

import pytest

from inference.errors import UnderstudyError
from server.rtc.ice_servers import ice_servers
from server.settings import Settings, from_arguments


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"port": 70_000}, "Port 70000"),
        ({"long_side": -5}, "--long-side -5"),
        ({"long_side": 3}, "--long-side 3"),
        ({"long_side": 100_000}, "--long-side 100000"),
        ({"uplink_max_kbps": 0}, "--uplink-max-kbps 0"),
        ({"uplink_kbps": -1}, "--uplink-kbps -1"),
        ({"uplink_kbps": 5000, "uplink_max_kbps": 4000}, "--uplink-max-kbps"),
        ({"downlink_kbps": 0}, "--downlink-kbps"),
        ({"threads": 0}, "--threads"),
        ({"max_sessions": 0}, "--max-sessions"),
        ({"max_upload_bytes": 0}, "--max-upload-bytes"),
        ({"max_recording_seconds": 0.0}, "--max-recording-seconds"),
        ({"max_recording_seconds": float("nan")}, "--max-recording-seconds"),
        ({"disk_floor_bytes": -1}, "--disk-floor-bytes"),
        ({"announce": "my-laptop"}, "--announce my-laptop"),
        ({"announce": "192.168.1.300"}, "--announce"),
        ({"announce": "192.0.2.7:8420"}, "--announce"),
        ({"announce": "0.0.0.0"}, "--announce"),
        ({"host": ""}, "--host"),
        ({"allowed_hosts": "https://booth.example"}, "--allowed-hosts"),
        ({"allowed_hosts": "booth.example, a b"}, "--allowed-hosts a b"),
        ({"prefix": "understudy"}, "--prefix understudy"),
        ({"prefix": "/"}, "--prefix /"),
        ({"prefix": "/a/"}, "--prefix"),
        ({"prefix": "/a//b"}, "--prefix"),
        ({"prefix": "/a/.."}, "--prefix"),
        ({"prefix": "/a/{b}"}, "--prefix"),
        ({"udp_ports": "40100-40000"}, "--udp-ports"),
        ({"ice_servers": "turn:turn.example"}, "password"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(changes, word):
    with pytest.raises(UnderstudyError, match=r"^\S.*\.$") as error:
        Settings(**changes).checked()
    assert word in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prefix": "/understudy"},
        {"prefix": "/a/b.c"},
        {"announce": "192.0.2.7"},
        {"announce": "2001:db8::7"},
        {"allowed_hosts": "booth.example, my-laptop.local"},
        {"long_side": 481},
        {"udp_ports": "40000-40100"},
    ],
)
def test_what_can_be_is_taken(changes):
    settings = Settings(**changes)
    assert settings.checked() is settings


def test_a_variable_is_checked_like_a_flag():
    nothing = argparse.Namespace()
    with pytest.raises(UnderstudyError, match="--uplink-max-kbps"):
        from_arguments(nothing, {"UNDERSTUDY_UPLINK_MAX_KBPS": "0"})


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", []),
        ("stun:stun.example", [{"urls": "stun:stun.example"}]),
        (
            "stun:10.0.0.1:3478, turn:me:a:b@c@turn.example:5349?transport=tcp",
            [
                {"urls": "stun:10.0.0.1:3478"},
                {
                    "urls": "turn:turn.example:5349?transport=tcp",
                    "username": "me",
                    "credential": "a:b@c",
                },
            ],
        ),
    ],
)
def test_ice_servers_as_browsers_want_them(text, servers):
    assert ice_servers(text) == servers


@pytest.mark.parametrize(
    "text",
    [
        "stun",
        "stun:",
        "stun://",
        "stun://stun.example",
        "stun:[::1",
        "stun:[::1]:3478",
        "stun:stun.example:99999",
        "stun:stun.example:0",
        "stun:stun.example:",
        "stun:stun.example:port",
        "stun:stun.example?transport=udp",
        "stun:me:secret@stun.example",
        "turn:turn.example",
        "turn:me@turn.example",
        "turn:me:@turn.example",
        "turn::secret@turn.example",
        "turn:me:secret@",
        "turn:me:secret@turn.example?transport=sctp",
        "http://turn.example",
        "stun:stun.example turn:me:secret@turn.example",
    ],
)
def test_what_a_browser_would_choke_on_is_no_ice_server(text):
    with pytest.raises(UnderstudyError, match=r"^\S.*\.$") as error:
        ice_servers(text)
    assert "secret" not in str(error.value)
