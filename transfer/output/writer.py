"""What writes performed pictures: one life, whatever the file's format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from inference.arrays import Rgb


class PicturesWriter(ABC):
    """Takes pictures with rising times; the file appears when `with` ends without an error."""

    @abstractmethod
    def write(self, rgb: Rgb, time_s: float) -> None:
        """The next picture; all have the size of the first."""

    @abstractmethod
    def finish(self) -> None:
        """All pictures have come: the file, if there was any, is to appear."""

    def release(self) -> None:  # noqa: B027  Not all hold anything.
        """Give back what is open and what is half written; called whatever happened."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.release()
