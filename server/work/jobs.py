"""Long work in subprocesses, one at a time: progress, time left, cancel, a sentence at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from server.errors import Refused

logger = logging.getLogger(__name__)

NICENESS = 10
KEPT = 50
"""Jobs that are over and still listed."""
STOP_SECONDS = 10.0
"""A cancelled job may take so long to put its dataset in order."""
SHUTDOWN_SECONDS = 3.0
MAX_LINE_BYTES = 65_536
MOST_NOTES = 20

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Finished = Callable[["Job", State], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work; the contract's `GET /api/jobs/{id}`."""

    kind: str
    title: str
    dataset: str | None
    command: Sequence[str]
    finished: Finished
    """Called once with the outcome, before the state becomes final; may set `message`."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    message: str = ""
    notes: list[str] = field(default_factory=list)
    """What was odd, a sentence each, whatever came of it."""
    began: float | None = None
    process: asyncio.subprocess.Process | None = None
    cancel_wanted: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    def as_json(self) -> dict[str, Any]:
        """What a page is told."""
        left: float | None = None
        if self.state == "running" and self.began and self.total and self.done:
            each = (time.monotonic() - self.began) / self.done
            left = round(max(self.total - self.done, 0) * each, 1)
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "seconds_left": left,
            "message": self.message,
            "notes": self.notes,
            "dataset": self.dataset,
        }


class Jobs:
    """Runs jobs in the order they came, one at a time: the live picture needs the other core."""

    def __init__(self, memory_bytes: int, niceness: int = NICENESS) -> None:
        """`memory_bytes`: address space of a job, where the system can bound it."""
        self._memory_bytes, self._niceness = memory_bytes, niceness
        self._jobs: dict[str, Job] = {}
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work())

    def add(self, job: Job) -> Job:
        """Queue it."""
        over = [one.id for one in self._jobs.values() if one.over]
        for old in over[: max(len(over) - KEPT, 0)]:
            del self._jobs[old]
        self._jobs[job.id] = job
        self._queue.put_nowait(job)
        return job

    def all(self) -> list[Job]:
        """Newest first."""
        return list(self._jobs.values())[::-1]

    def get(self, job_id: str) -> Job:
        """One job; `Refused` 404."""
        if job_id not in self._jobs:
            raise Refused(404, "not_found", "There is no such job.")
        return self._jobs[job_id]

    def writing(self, dataset: str) -> Job | None:
        """The job that writes this dataset now or soon."""
        busy = (job for job in self._jobs.values() if job.dataset == dataset and not job.over)
        return next(busy, None)

    def cancel(self, job: Job) -> None:
        """Ask it to stop; it ends as `cancelled`, keeping what it has."""
        job.cancel_wanted = True
        if job.process is not None:
            _signal(job.process, gently=True)

    async def close(self) -> None:
        """Stop everything; waits a few seconds at most."""
        for job in self._jobs.values():
            if not job.over:
                self.cancel(job)
        running = [job.process for job in self._jobs.values() if job.process is not None]
        for process in running:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await process.wait()
            _signal(process, gently=False)
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            outcome: State = "cancelled"
            if not job.cancel_wanted:
                try:
                    outcome = await self._run(job)
                except Exception:
                    logger.exception("job %s failed", job.id)
                    outcome, job.message = "failed", "It failed; the server's log says why."
            try:
                await job.finished(job, outcome)
            except Exception:
                logger.exception("what job %s left could not be put in order", job.id)
                outcome, job.message = "failed", "Its result could not be put in place."
            job.state = outcome

    async def _run(self, job: Job) -> State:
        job.state, job.began = "running", time.monotonic()
        job.process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            *job.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=MAX_LINE_BYTES,
        )
        _hold_back(process.pid, self._memory_bytes, self._niceness)
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            last_words = asyncio.create_task(_last_line(process.stderr))
            await _follow(process.stdout, job)
            code = await self._wait(job, process)
            sentence = await last_words
        finally:
            _signal(process, gently=False)
            await process.wait()
            job.process = None
        if job.cancel_wanted:
            job.message = "Cancelled; what had been analysed is kept."
            return "cancelled"
        if code != 0:
            job.message = sentence or "It stopped without saying why."
            return "failed"
        return "done"

    async def _wait(self, job: Job, process: asyncio.subprocess.Process) -> int:
        if not job.cancel_wanted:
            return await process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                return await process.wait()
        return -1


async def _follow(stdout: asyncio.StreamReader, job: Job) -> None:
    """Read lines until the output ends: `{"done": n, "total": n or null}`, `{"note": sentence}`."""
    while True:
        try:
            line = await stdout.readline()
        except ValueError:
            continue  # longer than any line of ours: left out
        if not line:
            return
        with contextlib.suppress(ValueError, RecursionError, TypeError, KeyError):
            progress = json.loads(line)
            if "note" in progress:
                job.notes = [*job.notes, str(progress["note"])[:500]][:MOST_NOTES]
                continue
            job.done = int(progress["done"])
            job.total = None if progress.get("total") is None else int(progress["total"])


async def _last_line(stderr: asyncio.StreamReader) -> str:
    """The last line that says something; everything is read, so that the job never blocks."""
    tail = b""
    while block := await stderr.read(MAX_LINE_BYTES):
        tail = (tail + block)[-4096:]
    lines = [line.strip() for line in tail.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")[:500]


def _hold_back(pid: int, memory_bytes: int, niceness: int) -> None:
    """Lower its priority and bound its memory, before it has started its own threads."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError, ValueError, ImportError, AttributeError):
        import resource

        resource.prlimit(pid, resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _signal(process: asyncio.subprocess.Process, gently: bool) -> None:
    """End the whole process group, if it is still there; gently: it may put things in order."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.returncode is not None:
            return
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGTERM if gently else signal.SIGKILL)
