"""Performers by the folder that holds them: a dataset, or a trained run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from transfer.errors import TransferError
from transfer.performers.knn import KnnPerformer
from transfer.performers.performer import Performer
from transfer.performers.trained_files import WARP, is_trained, preset_of, title_of
from transfer.performers.warp.opening import open_dataset, open_run
from transfer.target.normalisation import BodyFrame
from transfer.target.target import find_target

Make: TypeAlias = Callable[[BodyFrame | None], Performer]
"""Makes the performer for a source; the source's body frame over its clip, None when live."""


def find_performer(name: str, kind: str | None = None) -> tuple[str, Make]:
    """Title and maker of a performer by its folder.

    `kind`: `warp` or `knn`, of a dataset; `gan`, of a trained run; None: as the folder is.
    `TransferError` when it holds no such thing.
    """
    path = Path(name)
    trained = is_trained(path)
    if kind == "gan" and not trained:
        raise TransferError(f"{name} is no trained run: give the folder that `run.py train` made.")
    if not trained or kind == "knn":
        target = find_target(name, Path("."))
        title = target.dataset.manifest.title
        if kind == "knn":
            return title, lambda source: KnnPerformer(target, source)
        return title, lambda source: open_dataset(target, source)
    played = "warp" if preset_of(path) == WARP else "gan"
    if kind not in (None, played):
        raise TransferError(f"{name} is a {played} performer: leave out --performer.")
    if played == "warp":
        return title_of(path), lambda source: open_run(path, source)
    # PyTorch is imported for this alone: boards that only capture do without it.
    from transfer.performers.gan import GanPerformer

    return title_of(path), lambda source: GanPerformer(path, source)
