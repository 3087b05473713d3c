"""A real server in a process of its own, started as a person starts it."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.errors import UnderstudyError

RUN = Path(__file__).resolve().parent.parent / "run.py"
START_SECONDS = 60.0


class BenchError(UnderstudyError):
    """A measurement could not be made; says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is up."""

    url: str
    """Ends in a slash."""
    pid: int
    data: Path


@contextmanager
def serving(*flags: str) -> Iterator[Server]:
    """Start `run.py` with `flags` on a free port and with a temporary data folder; stop it after.

    Raises:
        BenchError: it did not start; the sentence ends with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        command = [sys.executable, str(RUN), "--port=0", f"--data={folder}", *flags]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield Server(_url(process), process.pid, Path(folder))
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url(process: subprocess.Popen[str]) -> str:
    """Where it listens, as it prints; what follows is read so that it never blocks."""
    assert process.stdout is not None
    said: list[str] = []
    deadline = time.monotonic() + START_SECONDS
    for line in process.stdout:
        said.append(line)
        found = re.search(r"https?://\S+", line)
        if found and "is at" in line:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return found.group()
        if time.monotonic() > deadline:
            break
    raise BenchError(f"The server did not start: {''.join(said).strip() or 'it said nothing'}")
