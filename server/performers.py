"""Who may be shown instead of whoever dances: every dataset, by its nearest poses."""

from __future__ import annotations

from capture.dataset import Dataset
from server.background import Background
from server.settings import Settings
from transfer.errors import TransferError
from transfer.knn import KnnPerformer
from transfer.performer import Performer
from transfer.target import Target

PREFIX = "as:"
"""Of the names of views that are performers; the dataset's id follows."""


def is_performer(view: str) -> bool:
    """Whether a view's name means a performer."""
    return view.startswith(PREFIX)


class Performers:
    """Finds performers by the names of their views, and makes them ready."""

    def __init__(self, settings: Settings, background: Background) -> None:
        self._folder = settings.datasets
        self._background = background

    def names(self) -> tuple[str, ...]:
        """Of all views that are performers; reads the folder."""
        found = self._folder.glob("*/dataset.json")
        return tuple(PREFIX + path.parent.name for path in found)

    async def open(self, name: str) -> Performer:
        """A performer of its own for whoever asks; a long dataset takes some seconds at first.

        `name` is one of `names`. Raises `UnderstudyError` when nobody can be shown.
        """
        return await self._background.run(self._open, name.removeprefix(PREFIX))

    def _open(self, dataset_id: str) -> Performer:
        dataset = Dataset.open(self._folder / dataset_id)
        if dataset.manifest.state != "complete":
            raise TransferError(f"{dataset.manifest.title} is still being made: try again soon.")
        target = Target(dataset)
        performer = KnnPerformer(target)
        performer.warm_up()
        return performer
