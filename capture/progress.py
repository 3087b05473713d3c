"""How far long work is: a bar in a terminal, or JSON lines for the server."""

from __future__ import annotations

import json
import sys
import time

from tqdm import tqdm

LINE_SECONDS = 0.25
"""JSON lines come no more often."""


class Progress:
    """`with Progress("dance.mp4", "frame") as progress: progress(done, total)`.

    Calling it tells how much of how much is done; `total` may be None, and both may still change.
    """

    def __init__(self, title: str, unit: str = "it", as_json: bool = False) -> None:
        """`as_json`: lines `{"done": n, "total": n or null}`, `{"note": sentence}` on stdout."""
        self._as_json = as_json
        self._line_at = 0.0
        self._latest: tuple[int, int | None] = (0, None)
        self._bar = (
            None
            if as_json
            else tqdm(desc=title, unit=unit, file=sys.stderr, dynamic_ncols=True, leave=True)
        )

    def __call__(self, done: int, total: int | None) -> None:
        """So much is done."""
        self._latest = (done, total)
        if self._bar is not None:
            self._bar.total = total
            if self._bar.n == 0:
                self._bar.initial = self._bar.n = (
                    done  # Of an earlier sitting: not this one's rate.
                )
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._line_at >= LINE_SECONDS:
            self._write_line()

    def note(self, sentence: str) -> None:
        """Say something without disturbing the bar; the server shows it with the result."""
        if self._bar is not None:
            self._bar.write(sentence, file=sys.stderr)
        else:
            print(json.dumps({"note": sentence}), flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        else:
            self._write_line()

    def _write_line(self) -> None:
        self._line_at = time.monotonic()
        done, total = self._latest
        print(json.dumps({"done": done, "total": total}), flush=True)
