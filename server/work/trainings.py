"""Trainings asked for on the page: a queue that survives a restart, one at a time, held back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inference import zoo
from server.background import Background
from server.errors import Refused
from server.settings import Settings
from server.work.imports import RUN
from server.work.lasting_process import LastingProcess
from server.work.learnt import has_learnt, is_finished, network_name
from server.work.training_log import TrainingLog
from server.work.training_record import Kind, TrainingRecord, load_records

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.4
STOP_SECONDS = 20.0
"""A training that was asked to stop measures and saves what it has; it gets so long."""
NETWORK_STOP_SECONDS = 90.0
"""The same of a network: on a busy machine a single step of its may take ten seconds."""
MOST_WAITING = 20


class Trainings:
    """All trainings; used on the event loop alone."""

    def __init__(self, settings: Settings, background: Background) -> None:
        self._settings, self._background = settings, background
        self._folder = settings.data / "trainings"
        self._folder.mkdir(parents=True, exist_ok=True)
        settings.runs.mkdir(parents=True, exist_ok=True)
        self._records = {one.id: one for one in load_records(self._folder)}
        self._logs: dict[str, TrainingLog] = {}
        self._process: LastingProcess | None = None
        self._stopped_at = 0.0
        self._unwanted: set[str] = set()
        """Those that are being deleted."""
        self._asked = asyncio.Event()
        self._changed = asyncio.Condition()
        self.version = 0
        """Rises with every change of anything that `wait` waits for."""
        self.closed = False
        self._worker = asyncio.create_task(self._work())

    # What is asked

    def all(self) -> list[TrainingRecord]:
        """Those that run and wait, in their order, then those that are over, the newest first."""
        over = [one for one in self._records.values() if one.over]
        others = [one for one in self._records.values() if not one.over]
        others.sort(key=lambda one: (one.state == "waiting", one.asked))
        return others + sorted(over, key=lambda one: one.asked, reverse=True)

    def get(self, training_id: str) -> TrainingRecord:
        """One of them; `Refused` 404."""
        if training_id not in self._records:
            raise Refused(404, "not_found", "There is no such training; it may have been deleted.")
        return self._records[training_id]

    def run_folder(self, record: TrainingRecord) -> Path:
        """Where its run lies, or will lie."""
        return self._settings.runs / record.id

    def log(self, record: TrainingRecord) -> TrainingLog:
        """What it has said so far."""
        if record.id not in self._logs:
            paths = [self._folder / f"{record.id}.{ending}" for ending in ("out", "err")]
            self._logs[record.id] = TrainingLog(*paths)
        return self._logs[record.id]

    def reading(self, dataset: str) -> TrainingRecord | None:
        """The training that needs this dataset now or soon."""
        using = (one for one in self._records.values() if dataset in one.datasets and not one.over)
        return next(using, None)

    def measured(self, kind: Kind) -> dict[str, float | None]:
        """How fast this machine trained that last: seconds to get ready, pictures a second."""
        known = [one for one in self._records.values() if one.kind == kind and one.rate is not None]
        if not known:
            return {"prepared": None, "rate": None}
        last = max(known, key=lambda one: one.asked)
        return {"prepared": last.prepared, "rate": last.rate}

    async def add(self, record: TrainingRecord) -> TrainingRecord:
        """Queue it. The same dataset asked for twice at once is one training."""
        names = await self._background.run(zoo.own_names)
        for one in self._records.values():
            if one.state in ("waiting", "preparing", "learning") and one.same_wish(record):
                return one
        if sum(one.state == "waiting" for one in self._records.values()) >= MOST_WAITING:
            raise Refused(429, "full", "So many trainings wait already: stop one of them first.")
        self._records[record.id] = record
        if record.kind == "network":
            taken = {*names, *(one.network for one in self._records.values() if one.network)}
            record.network = network_name(record.title, record.preset or "", taken)
        await self._note(record)
        self._asked.set()
        return record

    async def stop(self, record: TrainingRecord) -> None:
        """End it at once, keeping what it has learnt; nothing happens to one that is over."""
        unwanted = record.id in self._unwanted
        if record.over or (record.stop_wanted and not unwanted):
            return
        if record.state == "judging" and record.kind == "network" and not unwanted:
            return  # Its file is being written: it is good for nothing without.
        record.stop_wanted = True
        if record.state == "waiting":
            record.state, record.message = "done", "Stopped before it began."
        elif self._process is not None:
            self._stopped_at = time.monotonic()
            if record.state == "learning" and not unwanted:
                record.state = "stopping"
                self._process.ask_to_end()
            else:  # There is nothing to be put in order.
                await self._background.run(self._process.end)
        await self._note(record)

    async def go_on(self, record: TrainingRecord, minutes: float) -> None:
        """Train so many minutes more from where it ended; `Refused` while it is not over."""
        if not record.over:
            raise Refused(409, "busy", "This training is running or waiting already.")
        await self._background.run(self.log(record).read)
        spent = float(self.log(record).latest.get("seconds", 0.0)) / 60
        record.minutes = round(spent + minutes, 2)
        record.state, record.stop_wanted, record.message = "waiting", False, ""
        record.asked = time.time()
        await self._note(record)
        self._asked.set()

    async def delete(self, record: TrainingRecord) -> None:
        """Stop it if need be; its run and its record are gone. Whoever uses it now goes on."""
        self._unwanted.add(record.id)
        await self.stop(record)
        while not record.over:
            await self.wait(self.version)
        self._unwanted.discard(record.id)
        self._records.pop(record.id, None)
        self._logs.pop(record.id, None)
        await self._background.run(self._remove, record)
        await self._tell()

    def _remove(self, record: TrainingRecord) -> None:
        shutil.rmtree(self.run_folder(record), ignore_errors=True)
        if record.network is not None:
            try:
                zoo.forget(record.network)
            except OSError as error:
                logger.warning("%s is not deleted: %s", record.network, error)
        for path in self._folder.glob(f"{record.id}.*"):
            path.unlink(missing_ok=True)

    async def wait(self, version: int, seconds: float = 15.0) -> int:
        """Until something has changed since `version`, or so long; the version then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.version != version or self.closed)
        return self.version

    async def close(self) -> None:
        """Let go of everything. What trains goes on: the next server finds it again."""
        self.closed = True
        await self._tell()
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        if self._process is not None and self._process.runs():
            logger.warning("a training goes on without the server, which finds it when it is back")

    # What happens

    async def _work(self) -> None:
        for record in [one for one in self._records.values() if not one.over]:
            if record.state != "waiting":
                await self._guarded(self._find_again(record), record)
        while True:
            waiting = [one for one in self._records.values() if one.state == "waiting"]
            if not waiting:
                self._asked.clear()
                await self._asked.wait()
                continue
            record = min(waiting, key=lambda one: one.asked)
            await self._guarded(self._train(record), record)

    async def _guarded(self, work: Any, record: TrainingRecord) -> None:
        try:
            await work
        except Exception:
            logger.exception("training %s failed", record.id)
            if self._process is not None:
                await self._background.run(self._process.end)
            record.state, record.message = "failed", "It failed; the server's log says why."
        finally:
            self._process = None
        await self._note(record)

    async def _find_again(self, record: TrainingRecord) -> None:
        """Go on watching what an earlier server began, or say how it ended meanwhile."""
        log = self.log(record)
        await self._background.run(log.read)
        process = LastingProcess.find(record.pid, record.id) if record.pid is not None else None
        if process is not None and (record.state != "judging" or record.kind == "network"):
            self._process = process
            await self._watch_training(record, process)
            return
        if process is not None:
            await self._background.run(process.end)
        await self._settle(record, code=None)

    async def _train(self, record: TrainingRecord) -> None:
        log = self.log(record)
        await self._background.run(log.read)
        log.latest = {}
        record.state, record.message = "preparing", ""
        command = record.command(RUN, self._settings.datasets, self.run_folder(record))
        self._process = process = await self._start(record, command)
        await self._watch_training(record, process)

    async def _start(self, record: TrainingRecord, command: Sequence[str]) -> LastingProcess:
        paths = [self._folder / f"{record.id}.{ending}" for ending in ("out", "err")]
        process = await self._background.run(LastingProcess.start, command, *paths)
        record.pid = process.pid
        await self._note(record)
        return process

    async def _watch_training(self, record: TrainingRecord, process: LastingProcess) -> None:
        log = self.log(record)
        began = time.monotonic()

        def stage() -> None:
            if record.state == "preparing" and log.latest:
                record.state = "learning"
                record.prepared = round(time.monotonic() - began, 1)
            if record.kind == "network" and "over" in log.latest and not record.over:
                # Measuring and writing the file take the same process another minute.
                record.state, record.stop_wanted = "judging", False

        await self._follow(record, process, stage)
        await self._settle(record, process.code)

    async def _follow(
        self, record: TrainingRecord, process: LastingProcess, on_poll: Callable[[], None]
    ) -> None:
        """Until the process has ended, and all that it said is read."""
        log = self.log(record)
        while True:
            runs = process.runs()
            before = record.state
            heard = await self._background.run(log.read)
            on_poll()  # Somebody else may have read the log just before.
            if heard or record.state != before:
                await self._note(record, save=record.state != before)
            if not runs:
                break
            # One that was stopped at the moment when it began has nothing to put in order either.
            patience = STOP_SECONDS if record.kind == "performer" else NETWORK_STOP_SECONDS
            unheard = time.monotonic() - self._stopped_at > patience
            if record.stop_wanted and (unheard or record.state == "preparing"):
                await self._background.run(process.end)
            await asyncio.sleep(LOOK_SECONDS)
        await self._background.run(process.end)

    async def _settle(self, record: TrainingRecord, code: int | None) -> None:
        """The training has ended, with this exit code where it is known."""
        log = self.log(record)
        learnt = has_learnt(self.run_folder(record), record.kind)
        rate = log.latest.get("pictures_per_second")
        record.rate = rate if isinstance(rate, int | float) else record.rate
        if self._ended_well(record, code, learnt):
            record.message = "" if learnt else "Stopped before anything was learnt."
            judged = record.state == "judging" or record.kind == "network"
            if learnt and not judged and record.id not in self._unwanted:
                await self._judge(record)
            record.state = "done"
            return
        message = await self._background.run(_why, log, code)
        if record.stop_wanted:
            message = "It was stopped before its file was written."
        if learnt:
            message += " What it had learnt until then is kept: continue it."
        record.state, record.message = "failed", message

    def _ended_well(self, record: TrainingRecord, code: int | None, learnt: bool) -> bool:
        """Whether all is there that there should be; `code`: None where it is not known."""
        if code == 0 or (record.stop_wanted and not learnt):
            return True
        if record.kind == "network":
            # Without its file it is of no use, however much of it was learnt.
            return (record.stop_wanted or code is None) and is_finished(self.run_folder(record))
        left = self.log(record).latest.get("seconds_left", 1.0)
        return record.stop_wanted or float(left) <= 0.0

    async def _judge(self, record: TrainingRecord) -> None:
        """Measure it on frames that it never saw; without scores it is as good as before."""
        record.state, record.stop_wanted = "judging", False
        model = self._settings.model
        command = [str(RUN), "evaluate", str(self.run_folder(record))]
        command += [f"--dataset={self._settings.datasets / record.dataset}"]
        command += [f"--model={model}"] if model else []
        self._process = process = await self._start(record, command)
        await self._follow(record, process, lambda: None)
        if process.code != 0 and not record.stop_wanted:
            why = await self._background.run(self.log(record).complaint)
            record.message = f"It could not be measured. {why}".strip()

    async def _note(self, record: TrainingRecord, save: bool = True) -> None:
        if save and record.id in self._records:
            await self._background.run(record.save, self._folder)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self.version += 1
            self._changed.notify_all()


def _why(log: TrainingLog, code: int | None) -> str:
    """Why a training ended that nobody stopped."""
    if code is None:
        return "It ended while the server was away."
    if code < 0:
        return f"It was ended from outside (signal {-code}): perhaps memory ran out."
    return log.complaint() or "It stopped without saying why."
