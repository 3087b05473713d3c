"""What writes performed pictures: one life, whatever the file's format."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from capture.files import TEMPORARY_SUFFIX, discard, disk_errors, make_folder
from inference.arrays import Rgb


class PicturesWriter(ABC):
    """Takes pictures with rising times; the file appears when `with` ends without an error.

    Whether it can be written is found out when `with` begins: `CaptureError` when it cannot.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        self.warning = ""
        """What will be amiss, in a sentence; once `with` has begun."""

    @abstractmethod
    def write(self, rgb: Rgb, time_s: float) -> None:
        """The next picture; all have the size of the first."""

    @abstractmethod
    def finish(self) -> None:
        """All pictures have come: the temporary file is to be whole, if there was any."""

    def open(self) -> None:  # noqa: B027  Not all hold anything.
        """Get ready for pictures."""

    def release(self) -> None:  # noqa: B027  Not all hold anything.
        """Give back what is open; called whatever happened."""

    def __enter__(self) -> Self:
        make_folder(self._path.parent)
        try:
            with disk_errors(self._path):
                self._temporary.open("wb").close()
                self.open()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with disk_errors(self._path):
                    self.finish()
                    # Without a picture there is no file.
                    if self._temporary.stat().st_size:
                        os.replace(self._temporary, self._path)
        finally:
            self._end()

    def _end(self) -> None:
        try:
            self.release()
        finally:
            discard(self._temporary)
