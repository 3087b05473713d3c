"""`run.py bench`: measure, print, and write JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.chromium import measure_chromium
from bench.clip import DEFAULT_CLIP, Clip
from bench.frame_latency import measure_frame_latency
from bench.importing import measure_import
from bench.journey import measure_journey
from bench.loop import Row, measure_loop
from bench.network.lines import LINES
from bench.network.measure import MOVED, measure_line, table_head, table_row
from bench.network.shared import NAME as SHARED
from bench.network.shared import measure_shared
from bench.performing import measure_performing
from bench.serving import BenchError
from bench.soak import measure_connections, measure_memory
from capture.files import check_writable, write_whole
from inference.network import DEFAULT_LONG_SIDE
from inference.pool import NetworkPool
from inference.zoo import default_model
from server.version import VERSION

VGA, HD = (640, 480), (1280, 720)

NETWORK_ROWS = [*LINES, MOVED, SHARED]

Measure = Callable[[Clip, float, int, list[str]], Row]

ROWS: dict[str, tuple[Measure, tuple[int, int]]] = {
    "live 640x480": (measure_loop, VGA),
    "live 1280x720": (measure_loop, HD),
    "chromium 640x480": (measure_chromium, VGA),
    "chromium 1280x720": (measure_chromium, HD),
    "journey": (measure_journey, VGA),
    "import 640x480": (measure_import, VGA),
    "connections": (measure_connections, VGA),
    "memory": (measure_memory, VGA),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="length of a run (default: 60)", metavar="S"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs; the median counts", metavar="N")
    parser.add_argument("--clip", type=Path, default=DEFAULT_CLIP, help="video to measure on")
    parser.add_argument(
        "--only", action="append", choices=ROWS, metavar="ROW", help=f"one of: {', '.join(ROWS)}"
    )
    parser.add_argument(
        "--as",
        dest="performers",
        action="append",
        type=Path,
        default=[],
        metavar="DATASET|RUN",
        help="measure this performer by itself and in Chromium, instead of the rows",
    )
    parser.add_argument(
        "--network",
        nargs="*",
        choices=[*NETWORK_ROWS, []],
        metavar="LINE",
        help=f"measure calls over bad lines instead: {', '.join(NETWORK_ROWS)}; none: all",
    )
    parser.add_argument("--model", default="", metavar="NAME|PATH", help="network")
    parser.add_argument("--device", default="auto", help="auto, cpu, edgetpu or edgetpu:0,1")
    parser.add_argument(
        "--long-side", type=int, default=DEFAULT_LONG_SIDE, help="of the network's input, pixels"
    )


def main(arguments: argparse.Namespace) -> int:
    """Measure every row with one model, one input size and one set of settings; 1 if one failed."""
    if arguments.json:  # What cannot be written is told before minutes of measuring.
        check_writable(arguments.json)
    model = _model(arguments)
    flags = [f"--model={model}", f"--device={arguments.device}"]
    flags += [f"--long-side={arguments.long_side}"]
    report: dict[str, Any] = {
        "version": VERSION,
        "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": machine(),
        "settings": {
            "model": model,
            "device": arguments.device,
            "long_side": arguments.long_side,
            "clip": arguments.clip.name,
            "seconds": arguments.seconds,
            "runs": arguments.runs,
        },
        "startup_ms": round(_opening_milliseconds(model, arguments), 1),
        "rows": {},
    }
    if arguments.network is not None:
        failed = _measure_lines(arguments, flags, report)
    else:
        failed = _measure_rows(arguments, flags, report)
    if arguments.json:
        write_whole(arguments.json, f"{json.dumps(report, indent=1)}\n".encode())
    return int(failed)


def _measure_lines(arguments: argparse.Namespace, flags: list[str], report: dict[str, Any]) -> bool:
    """Measure the lines that were asked for and print a table; True when one failed."""
    failed = False
    print(table_head(), flush=True)
    for name in arguments.network or NETWORK_ROWS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            clip = Clip(arguments.clip, VGA)
            if name == SHARED:
                rows = {name: measure_shared(clip, arguments.seconds, flags)}
            else:
                rows = measure_line(name, clip, arguments.seconds, flags)
        except BenchError as error:
            rows, failed = {name: {"error": str(error)}}, True
        report["rows"] |= rows
        for title, row in rows.items():
            print(table_row(title, row), flush=True)
    return failed


def _measure_rows(arguments: argparse.Namespace, flags: list[str], report: dict[str, Any]) -> bool:
    failed = False
    for name, (measure, size) in _asked(arguments).items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            row = measure(Clip(arguments.clip, size), arguments.seconds, arguments.runs, flags)
        except BenchError as error:
            row, failed = {"error": str(error)}, True
        report["rows"][name] = row
        print(as_text(name, row), flush=True)
    return failed


def _model(arguments: argparse.Namespace) -> str:
    """Name or path of the network that looks."""
    return arguments.model or default_model(arguments.device.startswith("edgetpu")).name


def _asked(arguments: argparse.Namespace) -> dict[str, tuple[Measure, tuple[int, int]]]:
    """The rows to be measured."""
    if not arguments.performers:
        return {name: ROWS[name] for name in arguments.only or ROWS}
    rows: dict[str, tuple[Measure, tuple[int, int]]] = {}
    for path in arguments.performers:
        rows[f"640x480 as {path.name}"] = (partial(_alone, arguments, path), VGA)
        rows[f"chromium 640x480 as {path.name}"] = (partial(measure_performing, path), VGA)
    return rows


def _alone(
    arguments: argparse.Namespace,
    path: Path,
    clip: Clip,
    seconds: float,
    runs: int,
    flags: list[str],
) -> Row:
    """One run: each frame is timed."""
    model = _model(arguments)
    with closing(NetworkPool.open(model, arguments.device, arguments.long_side)) as pool:
        return measure_frame_latency(path, clip, seconds, pool)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def as_text(name: str, row: Row) -> str:
    """A row for people."""
    lines = [name]
    for figure, value in row.items():
        if isinstance(value, dict):
            value = "  ".join(f"{stage} {ms}" for stage, ms in value.items())
        lines.append(f"  {figure:<22} {value}")
    return "\n".join(lines)


def _opening_milliseconds(model: str, arguments: argparse.Namespace) -> float:
    began = time.perf_counter()
    NetworkPool.open(model, arguments.device, arguments.long_side).close()
    return (time.perf_counter() - began) * 1000


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
