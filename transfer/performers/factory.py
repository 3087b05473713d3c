"""Performers by the folder that holds them: a dataset, or a trained run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from transfer.errors import TransferError
from transfer.performers.knn import KnnPerformer
from transfer.performers.performer import Performer
from transfer.performers.trained_files import is_trained
from transfer.target.normalisation import BodyFrame
from transfer.target.target import find_target

Make: TypeAlias = Callable[[BodyFrame | None], Performer]
"""Makes the performer for a source; the source's body frame over its clip, None when live."""


def find_performer(name: str, kind: str | None = None) -> tuple[str, Make]:
    """Title and maker of a performer by its folder.

    `kind`: `knn`, `gan` or `direct`; None: as the folder is. `TransferError` when it holds no such
    thing.
    """
    path = Path(name)
    trained = is_trained(path)
    if kind in ("gan", "direct") and not trained:
        raise TransferError(f"{name} is no trained run: give the folder that `run.py train` made.")
    if not trained or kind == "knn":
        target = find_target(name, Path("."))
        return target.dataset.manifest.title, lambda source: KnnPerformer(target, source)
    # PyTorch is imported for this alone: boards that only capture do without it.
    from transfer.performers.gan import GanPerformer
    from transfer.performers.trained import Trained

    about, _ = Trained.load(path)
    if kind is not None and (kind == "direct") != about.ingredients.picture:
        other = "gan" if kind == "direct" else "direct"
        raise TransferError(f"{name} is a {other} performer: leave out --performer.")
    return about.title, lambda source: GanPerformer(path, source)
