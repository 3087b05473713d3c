"""A subprocess that outlives the server: started, found again after a restart, ended as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

NICENESS = 10
_FIRST_TO_GO = 500
"""Of -1000..1000: when memory runs out, Linux ends this rather than the server."""


class LastingProcess:
    """One of ours, with all that it started."""

    def __init__(self, process: psutil.Process, child: subprocess.Popen[bytes] | None) -> None:
        """Use `start` or `find`."""
        self._process, self._child = process, child
        self.pid = process.pid

    @classmethod
    def start(cls, command: Sequence[str], output: Path, errors: Path) -> LastingProcess:
        """Start Python with these arguments, held back; what it says is added to both files."""
        # No bars: they are for terminals.
        environment = {**os.environ, "TQDM_DISABLE": "1", "PYTHONUNBUFFERED": "1"}
        with output.open("ab") as out, errors.open("ab") as err:
            child = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,
            )
        _hold_back(child.pid)
        return cls(psutil.Process(child.pid), child)

    @classmethod
    def find(cls, pid: int, mark: str) -> LastingProcess | None:
        """The one that an earlier server started; None when it has ended.

        `mark` stands in its command alone: numbers are given anew, and a time of birth moves when
        the clock is set.
        """
        try:
            process = psutil.Process(pid)
            ours = any(mark in argument for argument in process.cmdline())
        except psutil.Error:
            return None
        found = cls(process, None)
        return found if ours and found.runs() else None

    def runs(self) -> bool:
        """Whether it has not ended yet."""
        if self._child is not None:
            return self._child.poll() is None
        try:
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    @property
    def code(self) -> int | None:
        """Its exit code, below 0 for a signal; None when another server was its parent."""
        return None if self._child is None else self._child.poll()

    def ask_to_end(self) -> None:
        """It may put its things in order first."""
        with contextlib.suppress(psutil.Error):
            self._process.terminate()

    def end(self) -> None:
        """End it and everything that it started, now."""
        family = [self._process]
        with contextlib.suppress(psutil.Error):
            family += self._process.children(recursive=True)
        for one in family:
            with contextlib.suppress(psutil.Error):
                one.kill()
        if sys.platform != "win32":
            # Those whose parent is gone; the group is named after the one that we started.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._child is not None:
            self._child.wait()


def _hold_back(pid: int) -> None:
    """Whatever is live comes first; before it has started its own threads."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(_FIRST_TO_GO))
