"""When a capture ends, what performers need of it is made: choosing it later takes no time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from server.settings import Settings
from server.work.jobs import Job, Jobs, State

RUN = Path(__file__).resolve().parents[2] / "run.py"
NICENESS = 19
"""Whoever dances meanwhile, and imports, come first."""
MENDING_SECONDS = 20.0
"""After the last edit: whoever mends goes on for a while, and each edit makes the work useless."""


class Preparations:
    """`run.py prepare` for one dataset after the other, in jobs that no page lists.

    Whoever chooses a dataset before its turn is shown by some of its frames until then.
    """

    def __init__(self, settings: Settings) -> None:
        self._datasets = settings.datasets
        self._jobs = Jobs(settings.job_memory_bytes, NICENESS)
        self._later: dict[str, asyncio.TimerHandle] = {}

    def begin(self, dataset: str) -> None:
        """A dataset was completed or edited; once is enough for one that waits already."""
        if any(job.state == "waiting" and job.dataset == dataset for job in self._jobs.all()):
            return
        command = [str(RUN), "prepare", str(self._datasets / dataset)]
        self._jobs.add(Job("prepare", dataset, dataset, command, _finished))

    def want(self, dataset: str) -> None:
        """Somebody is shown by a dataset: begin, unless that is under way."""
        if not any(not job.over and job.dataset == dataset for job in self._jobs.all()):
            self.begin(dataset)

    def begin_later(self, dataset: str) -> None:
        """A dataset is being mended: begin when nobody has edited it for a while."""
        if (waiting := self._later.pop(dataset, None)) is not None:
            waiting.cancel()

        def begin() -> None:
            del self._later[dataset]
            if (self._datasets / dataset).is_dir():
                self.begin(dataset)

        self._later[dataset] = asyncio.get_running_loop().call_later(MENDING_SECONDS, begin)

    def running(self) -> bool:
        """Whether something is being prepared, or waits for it."""
        return bool(self._later) or any(not job.over for job in self._jobs.all())

    async def close(self) -> None:
        """Stop; what is not kept yet is made when it is asked for."""
        for waiting in self._later.values():
            waiting.cancel()
        await self._jobs.close()


async def _finished(job: Job, state: State) -> None:
    """A dataset that nobody can be shown of says so when it is chosen."""
