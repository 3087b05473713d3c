"""From an uploaded video to a dataset: `run.py capture` as a job, its result put in place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from capture.dataset import Dataset, replace_dataset
from capture.errors import DatasetError
from capture.manifest import new_id
from server.background import Background
from server.errors import Refused
from server.settings import Settings
from server.work.jobs import Job, Jobs, State
from server.work.uploads import Upload

RUN = Path(__file__).resolve().parents[2] / "run.py"
INCOMING = ".incoming"
"""Ending of the folder in which a recording's better dataset is made."""


class Imports:
    """Starts the jobs that turn uploads into datasets."""

    def __init__(
        self,
        settings: Settings,
        background: Background,
        jobs: Jobs,
        made: Callable[[str], None] = lambda dataset: None,
    ) -> None:
        """`made` is told of every dataset that is complete."""
        self._settings = settings
        self._background = background
        self._jobs = jobs
        self._made = made

    async def start(self, upload: Upload) -> Job:
        """Queue the analysis of every frame; the upload's file is removed when it is over."""
        dataset = upload.dataset or new_id()
        folder = self._settings.datasets / dataset
        recording = upload.purpose == "recording"
        if recording and not folder.is_dir():
            await self._background.run(upload.path.unlink, missing_ok=True)
            raise Refused(410, "gone", "That recording has been deleted meanwhile.")
        out = folder.with_name(dataset + INCOMING) if recording else folder

        async def finished(job: Job, state: State) -> None:
            await self._background.run(upload.path.unlink, missing_ok=True)
            settle = _settle_recording if recording else _settle_import
            await self._background.run(settle, folder, out, state)
            if (folder / "dataset.json").is_file():
                self._made(dataset)
            job.message = job.message.replace(upload.path.name, upload.name)
            if recording and state != "done":
                job.message = f"{job.message} The live pairs are kept.".strip()

        return self._jobs.add(
            Job(
                kind=upload.purpose,
                title=upload.name,
                dataset=dataset,
                command=self._command(upload, out),
                finished=finished,
            )
        )

    def _command(self, upload: Upload, out: Path) -> list[str]:
        settings = self._settings
        command = [str(RUN), "capture", str(upload.path), f"--out={out}", "--progress=json"]
        command += [f"--title={Path(upload.name).stem}", f"--source-name={upload.name}"]
        command += [f"--source-kind={'recorder' if upload.purpose == 'recording' else 'import'}"]
        command += [f"--device={settings.device}"]
        model = upload.model or settings.model
        return command + ([f"--model={model}"] if model else [])


def _settle_recording(folder: Path, incoming: Path, state: State) -> None:
    """The better pairs take the live ones' place only when all of them are there."""
    if state == "done" and incoming.is_dir():
        replace_dataset(folder, incoming)
    shutil.rmtree(incoming, ignore_errors=True)


def _settle_import(folder: Path, out: Path, state: State) -> None:
    """What was cut short keeps its complete pairs; without any, nothing is left behind."""
    if state == "done" or not folder.is_dir():
        return
    try:
        empty = not Dataset.open(folder).pairs
    except DatasetError:
        empty = True
    if empty:
        shutil.rmtree(folder, ignore_errors=True)
