"""Warp performers of datasets, at once, and of runs, with what they have learnt."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from transfer.errors import TransferError
from transfer.performers.trained_files import (
    BASE_MENDING,
    BASE_MENDING_INT8,
    MENDING_INT8_NAME,
    MENDING_NAME,
)
from transfer.performers.warp.int8 import Int8Mender
from transfer.performers.warp.mending import Mended, Mender, MendingInput, WithoutNetwork
from transfer.performers.warp.performer import WarpPerformer
from transfer.target.normalisation import BodyFrame
from transfer.target.references import FILE_NAME, ReferenceBank
from transfer.target.target import Target

LOOK_SECONDS = 1.0
"""How often a newer checkpoint is looked for."""
AT_FIRST = 60
"""Frames that are drawn from until `prepare` has looked at all: the first picture comes within
seconds of the end of a recording."""
NICENESS = 15
"""Of the thread that makes references: the live picture comes first."""


def open_dataset(
    target: Target,
    source: BodyFrame | None = None,
    bank: ReferenceBank | None = None,
    base: Path | None = None,
) -> WarpPerformer:
    """A dataset's performer, for a clip: every reference is made when it is first wanted.

    `source`: the source's body frame over its whole clip; `bank`: the target's, of all usable
    frames by default; `base`: weights of a mending network, by default those that come with the
    program.
    """
    title = target.dataset.manifest.title
    bank = bank or ReferenceBank.of(target)
    return WarpPerformer(
        title,
        bank,
        target.plate,
        target.body_frame,
        source,
        base_mender() if base is None else _float_mender(base),
        left_out=target.warning,
    )


def open_live(target: Target) -> WarpPerformer:
    """A dataset's performer with its first references made.

    Where `prepare` has not been there yet, it begins with some of the dataset's frames (`partial`),
    and takes all as soon as `prepare` has kept them.
    """
    kept = ReferenceBank.kept(target)
    bank = kept or ReferenceBank.of(target, target.at_first(AT_FIRST))
    performer = WarpPerformer(
        target.dataset.manifest.title,
        bank,
        target.plate,
        target.body_frame,
        mender=base_mender(),
        live=True,
        left_out=target.warning,
    )
    performer.partial = kept is None
    performer.warm_up()
    if performer.partial:
        rest = bank.coarse_to_fine()
        arguments = (weakref.ref(performer), weakref.ref(bank), rest, target)
        threading.Thread(target=_complete, args=arguments, name="references", daemon=True).start()
    return performer


def _complete(
    performer: weakref.ref[WarpPerformer],
    bank: weakref.ref[ReferenceBank],
    rest: Sequence[int],
    target: Target,
) -> None:
    """Make the references that were begun with, then wait for all of them; while anybody still
    wants them: nothing is held for longer than it takes."""
    with suppress(AttributeError, OSError):  # Of threads on Linux only.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    for place in rest:
        if (few := bank()) is None:
            return
        few.prepare([place])
        del few
    while performer() is not None:
        if (whole := ReferenceBank.kept(target)) is not None:
            if (shown := performer()) is not None:
                shown.take(whole)
            return
        time.sleep(LOOK_SECONDS)


def open_run(run: Path, source: BodyFrame | None = None) -> WarpPerformer:
    """A trained run's performer; `TransferError` when it cannot be used."""
    from transfer.performers.trained import Trained

    about, plate = Trained.load(run)
    bank = ReferenceBank.load(run / FILE_NAME)
    return WarpPerformer(about.title, bank, plate, about.body_frame, source, RunMender(run))


def base_mender() -> Mender:
    """What comes with the program: in int8, else in PyTorch, else no network."""
    if BASE_MENDING_INT8.is_file():
        return Int8Mender(BASE_MENDING_INT8)
    return _float_mender(BASE_MENDING) if BASE_MENDING.is_file() else WithoutNetwork()


def _float_mender(path: Path) -> Mender:
    # PyTorch is imported for this alone: boards that only capture do without it.
    from transfer.performers.warp.network import FloatMender, load_network

    return FloatMender(load_network(path))


class RunMender:
    """Mends with the newest weights of a run, which may still be learning."""

    def __init__(self, run: Path) -> None:
        """Raises `TransferError` when they cannot be used."""
        self._run = run
        self._newest = self._changed()
        self._mender = self._load()
        self._looked = time.monotonic()

    def mend(self, inputs: MendingInput) -> Mended:
        """Of one picture."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if (changed := self._changed()) != self._newest:
                self._newest = changed
                # One that is not whole is left out: what is loaded goes on.
                with suppress(TransferError, OSError):
                    self._mender = self._load()
        return self._mender.mend(inputs)

    def _changed(self) -> tuple[int, int]:
        """When the float weights and the int8 file were written; -1: not yet."""
        weights, int8 = (
            path.stat().st_mtime_ns if path.is_file() else -1
            for path in (self._run / MENDING_NAME, self._run / MENDING_INT8_NAME)
        )
        return weights, int8

    def _load(self) -> Mender:
        """The newer one of both files; the base until there is one."""
        weights, int8 = self._newest
        if max(weights, int8) < 0:
            return base_mender()
        if int8 >= weights:
            return Int8Mender(self._run / MENDING_INT8_NAME)
        return _float_mender(self._run / MENDING_NAME)
