"""From an uploaded video to a film of somebody else doing the same: `run.py perform` as a job."""

from __future__ import annotations

from pathlib import Path

from server.background import Background
from server.performers import PREFIX, RUN
from server.settings import Settings
from server.work.films import Films
from server.work.imports import RUN as RUN_PY
from server.work.jobs import Job, Jobs, State
from server.work.uploads import Upload


class Renditions:
    """Starts the jobs that turn uploads into films."""

    def __init__(
        self, settings: Settings, background: Background, jobs: Jobs, films: Films
    ) -> None:
        self._settings, self._background = settings, background
        self._jobs, self._films = jobs, films

    async def start(self, upload: Upload) -> Job:
        """Queue it; the upload's file is removed when it is over."""
        film = self._films.new("rendition", Path(upload.name).stem)
        settings = self._settings
        command = [str(RUN_PY), "perform", str(upload.path), "--progress=json"]
        command += [f"--as={self._whom(upload.performer or '')}"]
        command += [f"--out={self._films.path(film.id)}", f"--device={settings.device}"]
        command += [f"--model={settings.model}"] if settings.model else []

        async def finished(job: Job, state: State) -> None:
            await self._background.run(upload.path.unlink, missing_ok=True)
            job.message = job.message.replace(upload.path.name, upload.name)
            if state == "done":
                await self._background.run(self._films.keep, film)
                job.message = "The film is ready."
            else:
                await self._background.run(self._films.delete, film.id)

        return self._jobs.add(Job("rendition", upload.name, None, command, finished))

    def _whom(self, performer: str) -> Path:
        """The dataset's or the run's folder; the name was checked against those there are."""
        name = performer.removeprefix(PREFIX)
        if name.startswith(RUN):
            return self._settings.runs / name.removeprefix(RUN)
        return self._settings.datasets / name
