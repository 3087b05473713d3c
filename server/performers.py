"""Who may be shown instead of whoever dances: every dataset by its own pixels, every run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capture.dataset import Dataset
from server.background import Background
from server.settings import Settings
from transfer.errors import TransferError
from transfer.performers.performer import LivePerformer
from transfer.performers.trained_files import (
    MENDING_NAME,
    PERFORMER_NAME,
    THUMBNAIL_NAME,
    WARP,
    WEIGHTS_NAME,
    has_weights,
    preset_of,
    title_of,
)
from transfer.performers.warp.opening import open_live, open_run
from transfer.performers.warp.performer import WarpPerformer
from transfer.target.target import Target

PREFIX = "as:"
"""Of the names of views that are performers; a dataset's id follows, or `run:` and a folder."""
RUN = "run:"
WAITING = "Getting your double ready …"
"""Said until a performer is shown."""
SLOW = 0.7
"""A performer that shows less than this share of the frames is too slow for the machine."""
BUSY = 0.6
"""Who works on pictures for this share of the time has no time left; what lies between the stages
is not counted."""
WARNING_SECONDS = 10.0
"""So long it is said which limbs a performer lacks, once it is shown."""


def is_performer(view: str) -> bool:
    """Whether a view's name means a performer."""
    return view.startswith(PREFIX)


def note(stats: dict[str, Any], performer: LivePerformer | None, seconds: float) -> str:
    """What is to be said over the picture of a session that wants a performer; nothing: empty.

    `performer`: None while it is being made ready; `seconds`: how long it has been shown.
    """
    if performer is None:
        return WAITING
    if performer.warning and seconds < WARNING_SECONDS:
        return performer.warning
    if too_slow(stats):
        return too_much(stats)
    return ""


def too_much(stats: dict[str, Any]) -> str:
    """The sentence about a machine that does not keep up."""
    came, seen = stats["fps_in"], stats["fps_analysed"]
    return f"Too much for this machine: {seen:.0f} of {came:.0f} pictures a second."


def too_slow(stats: dict[str, Any]) -> bool:
    """Whether the machine cannot keep up with the frames that come."""
    return bool(stats["fps_analysed"] < SLOW * stats["fps_in"]) and busy(stats)


def busy(stats: dict[str, Any]) -> bool:
    """Whether pictures are worked on nearly all the time: over a line that loses, several come at
    once and older ones are left out, however quick the machine is."""
    return bool(sum(stats["stages"].values()) * stats["fps_analysed"] >= BUSY * 1000)


class Performers:
    """Finds performers by the names of their views, and makes them ready."""

    def __init__(
        self, settings: Settings, background: Background, prepare: Callable[[str], None]
    ) -> None:
        """`prepare`: asked for what a dataset has not been made ready for yet."""
        self._datasets, self._runs = settings.datasets, settings.runs
        self._background, self._prepare = background, prepare

    def names(self) -> tuple[str, ...]:
        """Of all views that are performers; reads the folders."""
        datasets = (path.parent.name for path in self._datasets.glob("*/dataset.json"))
        return tuple(PREFIX + name for name in (*(RUN + run for run in self.runs()), *datasets))

    def runs(self) -> list[str]:
        """Folders of all trained performers, the newest first; reads the folder."""
        found = [
            path.parent
            for path in self._runs.glob(f"*/{PERFORMER_NAME}")
            if has_weights(path.parent)
        ]
        found.sort(key=lambda run: (run / PERFORMER_NAME).stat().st_mtime, reverse=True)
        return [run.name for run in found]

    def title(self, run: str) -> str:
        """Whom a run shows; reads a file."""
        return title_of(self._runs / run)

    def since(self, run: str) -> str | None:
        """When a run last became better, UTC, ISO 8601; reads the folder."""
        files = [self._runs / run / name for name in (WEIGHTS_NAME, MENDING_NAME)]
        times = [path.stat().st_mtime for path in files if path.is_file()]
        if not times:
            return None
        changed = max(times)
        return datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds")

    def thumbnail(self, run: str) -> Path | None:
        """A picture of whom a run shows; None when there is no such run or picture."""
        path = self._runs / run / THUMBNAIL_NAME
        return path if run in self.runs() and path.is_file() else None

    async def open(self, name: str) -> LivePerformer:
        """A performer of its own for whoever asks, within a few seconds.

        `name` is one of `names`. Raises `UnderstudyError` when nobody can be shown.
        """
        wanted = name.removeprefix(PREFIX)
        if wanted.startswith(RUN):
            return await self._background.run(self._open_run, wanted.removeprefix(RUN))
        performer = await self._background.run(self._open_dataset, wanted)
        if performer.partial:
            self._prepare(wanted)
        return performer

    def _open_dataset(self, dataset_id: str) -> WarpPerformer:
        dataset = Dataset.open(self._datasets / dataset_id)
        if dataset.manifest.state != "complete":
            raise TransferError(f"{dataset.manifest.title} is still being made: try again soon.")
        return open_live(Target(dataset))

    def _open_run(self, run: str) -> LivePerformer:
        # PyTorch is imported for this alone: boards that only capture do without it.
        try:
            from transfer.performers.gan import GanPerformer
        except ImportError as error:
            raise TransferError(
                "Trained performers need PyTorch: run "
                "`python -m pip install -r requirements.txt` and start again."
            ) from error
        if preset_of(self._runs / run) == WARP:
            return open_run(self._runs / run)
        return GanPerformer(self._runs / run)
