"""What `run.py train` and `distill` say as JSON, read as it comes: points, and the last words."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

MOST_POINTS = 1000
"""When there are more, every second one is left out: the curve keeps its shape."""
MAX_READ = 4_000_000
"""Bytes read at a time."""
MAX_SENTENCE = 400


class TrainingLog:
    """Two files that grow: `output` with lines of JSON among sentences, `errors`."""

    def __init__(self, output: Path, errors: Path) -> None:
        self._output, self._errors = output, errors
        self._offset = 0
        self._rest = b""
        self._reading = threading.Lock()
        self.points: list[dict[str, Any]] = []
        """`{"seconds", "losses": {name: value}, "held_out": {name: value}}`, rising in time."""
        self.latest: dict[str, Any] = {}
        """The last point as it was said."""
        self.sentence = ""
        """The last line that was no point, for a person."""

    def read(self) -> bool:
        """Take in what has come since last time; whether there was anything. Blocks."""
        with self._reading:
            return self._read()

    def _read(self) -> bool:
        try:
            with self._output.open("rb") as file:
                file.seek(self._offset)
                block = file.read(MAX_READ)
        except FileNotFoundError:
            return False
        self._offset += len(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            self._take(line.decode(errors="replace").strip())
        return bool(lines)

    def complaint(self) -> str:
        """The last line of what went wrong; empty: nothing was said. Blocks."""
        try:
            with self._errors.open("rb") as file:
                file.seek(max(self._errors.stat().st_size - 4096, 0))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return next((one.strip() for one in reversed(lines) if one.strip()), "")[:MAX_SENTENCE]

    def _take(self, line: str) -> None:
        said: Any = None
        try:
            said = json.loads(line)
            point = {
                "seconds": float(said["seconds"]),
                "losses": dict(said["losses"]),
                "held_out": dict(said["held_out"]),
            }
        except (ValueError, TypeError, KeyError):
            if line:
                self.sentence = _sentence(said, line)[:MAX_SENTENCE]
            return
        # A training that was cut short goes on from its last checkpoint, which lies before.
        while self.points and self.points[-1]["seconds"] >= point["seconds"]:
            self.points.pop()
        self.points.append(point)
        self.latest = said
        if len(self.points) > MOST_POINTS:
            self.points = self.points[::2]


def _sentence(said: Any, line: str) -> str:
    """A line for people: `capture.progress` speaks JSON too."""
    match said:
        case {"note": str(note)}:
            return note
        case {"done": int(done), "total": int(total)}:
            return f"{done} of {total} pictures looked at."
    return line
