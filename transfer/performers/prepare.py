"""What performing needs of a dataset, made when its capture ends: choosing it then takes no time.

Whatever is made is kept beside the dataset; `run.py prepare` and the server call this, niced.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from transfer.errors import TransferError
from transfer.target.references import FILE_NAME, ReferenceBank
from transfer.target.target import Target, find_target


def _references(target: Target) -> None:
    bank = ReferenceBank.of(target)
    if not bank.ready.all():
        target.store(FILE_NAME, bank.content())


PREPARATIONS: tuple[Callable[[Target], object], ...] = (
    lambda target: target.plate,
    lambda target: target.usable,
    _references,
)
"""Each makes one thing of a target and keeps it, unless it is kept already."""


def prepare(target: Target) -> None:
    """Make and keep everything that is not kept yet; some seconds for a long dataset."""
    for make in PREPARATIONS:
        make(target)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("datasets", nargs="+", metavar="DATASET")
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; 1 when one of several datasets could not be prepared."""
    failed = 0
    for name in arguments.datasets:
        try:
            target = find_target(name, Path("."))
            prepare(target)
        except TransferError as error:
            if len(arguments.datasets) == 1:
                raise
            print(error)
            failed = 1
            continue
        print(f"{target.dataset.manifest.title} is ready. {target.left_out()}".rstrip())
    return failed
