"""Everything that can be set: one dataclass, filled from flags and `UNDERSTUDY_*` variables."""

from __future__ import annotations

import argparse
import ipaddress
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from inference.geometry import check_long_side
from server.errors import ServerError
from server.rtc.ice_servers import ice_servers


def _about(
    explanation: str, metavar: str = "N", least: float = -math.inf, most: float = math.inf
) -> dict[str, Any]:
    return {"help": explanation, "metavar": metavar, "least": least, "most": most}


def _kbps(explanation: str) -> dict[str, Any]:
    return _about(f"{explanation}, kbit/s", least=50, most=100_000)


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the server. Each field is a flag (`--long-side`) and a variable
    (`UNDERSTUDY_LONG_SIDE`); a flag wins over a variable, a variable over the default."""

    host: str = field(
        default="127.0.0.1",
        metadata=_about("address to listen on; not loopback: HTTPS and a token", "IP"),
    )
    port: int = field(
        default=8420,
        metadata=_about("port to listen on; 0 takes any free one"),
    )
    prefix: str = field(
        default="",
        metadata=_about("path that the address begins with behind a reverse proxy", "/PATH"),
    )
    data: Path = field(
        default=Path("data"),
        metadata=_about("folder of datasets, uploads and the certificate", "DIR"),
    )
    model: str = field(
        default="",
        metadata=_about("network's name or path; empty: the best that is here", "NAME|PATH"),
    )
    device: str = field(
        default="auto", metadata=_about("auto, cpu, edgetpu or edgetpu:0,1", "DEVICE")
    )
    long_side: int = field(
        default=0, metadata=_about("long side of the network's input in pixels; 0: the default")
    )
    threads: int = field(
        default=2, metadata=_about("threads of one network on the CPU", least=1, most=256)
    )
    workers: int = field(
        default=1, metadata=_about("networks side by side on the CPU", least=1, most=256)
    )
    max_sessions: int = field(
        default=4, metadata=_about("browsers that may be connected at once", least=1)
    )
    max_upload_bytes: int = field(
        default=4_000_000_000, metadata=_about("largest video that may be uploaded, bytes", least=1)
    )
    max_recording_seconds: float = field(
        default=900.0, metadata=_about("longest recording", "S", least=1, most=86_400)
    )
    moment_seconds: float = field(
        default=20.0,
        metadata=_about(
            "what was performed last is kept in memory for so long; 0: not", "S", least=0, most=120
        ),
    )
    frames: str = field(
        default="jpg",
        metadata=_about("format of recorded live frames: jpg, or png without loss", "jpg|png"),
    )
    disk_floor_bytes: int = field(
        default=1_000_000_000, metadata=_about("stop writing when less than this is free", least=0)
    )
    job_memory_bytes: int = field(
        default=8_000_000_000, metadata=_about("address space of an import, bytes", least=1)
    )
    uplink_kbps: int = field(
        default=3000,
        metadata=_about("bitrate a browser is asked to start with, kbit/s", least=50, most=100_000),
    )
    uplink_max_kbps: int = field(
        default=6000,
        metadata=_about("bitrate a browser may climb to, kbit/s", least=50, most=100_000),
    )
    downlink_kbps: int = field(
        default=3000,
        metadata=_about(
            "bitrate of the picture sent back at 640x480, kbit/s", least=50, most=100_000
        ),
    )
    ice_servers: str = field(
        default="",
        metadata=_about(
            "STUN/TURN servers: stun:host:port or turn:user:password@host:port, by commas", "URLS"
        ),
    )
    udp_ports: str = field(
        default="", metadata=_about("UDP ports for media, e.g. 40000-40100; empty: any", "LOW-HIGH")
    )
    announce: str = field(
        default="",
        metadata=_about("address that browsers reach this machine by (NAT, Docker)", "IP"),
    )
    allowed_hosts: str = field(
        default="", metadata=_about("further names in the URL that are ours, by commas", "NAMES")
    )
    token: str = field(
        default="",
        metadata=_about("password in the URL when not on loopback; empty: a new one", "TEXT"),
    )
    certificate: str = field(
        default="", metadata=_about("TLS certificate (PEM); empty: a self-signed one", "FILE")
    )
    key: str = field(default="", metadata=_about("TLS private key (PEM)", "FILE"))

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def udp_range(self) -> tuple[int, int] | None:
        """First and last UDP port for media, or None for any."""
        if not self.udp_ports:
            return None
        low, _, high = self.udp_ports.partition("-")
        return int(low), int(high or low)

    @property
    def datasets(self) -> Path:
        """The folder that holds the datasets."""
        return self.data / "datasets"

    @property
    def runs(self) -> Path:
        """The folder of trained performers that the page offers."""
        return self.data / "runs"

    @property
    def uploads(self) -> Path:
        """The folder of videos on their way in."""
        return self.data / "uploads"

    def checked(self) -> Settings:
        """Itself; `UnderstudyError`: a sentence about the first value that makes no sense."""
        if not 0 <= self.port <= 65535:
            raise ServerError(f"Port {self.port} is not a port: choose 1 to 65535.")
        for one in fields(self):
            value, least, most = (
                getattr(self, one.name),
                one.metadata["least"],
                one.metadata["most"],
            )
            if isinstance(value, int | float) and not least <= value <= most:
                bound = f"{least} or more" if most == math.inf else f"{least} to {most}"
                raise ServerError(f"{_flag(one.name)} {value} cannot be: choose {bound}.")
        if self.uplink_max_kbps < self.uplink_kbps:
            raise ServerError("--uplink-max-kbps must not be less than --uplink-kbps.")
        if self.long_side:
            check_long_side(self.long_side)
        if self.prefix and not _PREFIX.fullmatch(self.prefix):
            raise ServerError(f"--prefix {self.prefix} is no path such as /understudy.")
        if not self.host.strip():
            raise ServerError("--host is empty: give an address, 127.0.0.1 or 0.0.0.0.")
        if self.announce:
            _check_announced(self.announce)
        for name in filter(None, (part.strip() for part in self.allowed_hosts.split(","))):
            if not _HOST.fullmatch(name):
                raise ServerError(
                    f"--allowed-hosts {name} is no name: give it without https://, port and path."
                )
        if self.frames not in ("jpg", "png"):
            raise ServerError(f"--frames {self.frames} is neither jpg nor png.")
        try:
            low, high = self.udp_range or (1, 1)
        except ValueError:
            low, high = 0, 0
        if not 1 <= low <= high <= 65535:
            raise ServerError(f"--udp-ports {self.udp_ports} is no range such as 40000-40100.")
        if bool(self.certificate) != bool(self.key):
            raise ServerError("--certificate and --key belong together: give both or neither.")
        if self.token and len(self.token) < 8:
            raise ServerError("--token is too short: give 8 characters or more.")
        ice_servers(self.ice_servers)
        return self


_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])+")
_HOST = re.compile(r"[\w.-]+")


def _check_announced(text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ServerError(
            f"--announce {text} is no address: give it in figures, such as 192.0.2.7."
        ) from None
    if address.is_unspecified or address.is_multicast:
        raise ServerError(f"--announce {text} is no address by which a browser reaches a machine.")


_TYPES: dict[str, type[Any]] = {one.name: type(one.default) for one in fields(Settings)}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every field of `Settings`."""
    for one in fields(Settings):
        parser.add_argument(
            _flag(one.name),
            dest=one.name,
            default=None,
            type=_TYPES[one.name],
            metavar=one.metadata["metavar"],
            help=f"{one.metadata['help']} (default: {one.default or 'none'})",
        )


def from_arguments(
    arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings from parsed flags and the environment; `ServerError` when a value is unusable."""
    values: dict[str, Any] = {}
    for one in fields(Settings):
        given = getattr(arguments, one.name, None)
        variable = "UNDERSTUDY_" + one.name.upper()
        if given is not None:
            values[one.name] = given
        elif variable in environment:
            kind: type[Any] = _TYPES[one.name]
            try:
                values[one.name] = kind(environment[variable])
            except ValueError:
                raise ServerError(
                    f"{variable}={environment[variable]} is not a {kind.__name__}."
                ) from None
    return Settings(**values).checked()
