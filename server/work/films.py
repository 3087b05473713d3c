"""Films that the server keeps: datasets, performances and renditions as mp4, with a poster."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import av
import cv2

from capture.errors import CaptureError
from capture.files import write_whole
from capture.manifest import new_id
from server.errors import Refused

logger = logging.getLogger(__name__)

ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
POSTER_WIDTH = 640
LOOPS = {
    "gif": ("film.gif",),
    "boomerang": ("boomerang.mp4", "boomerang.gif"),
}
"""What can be made of some seconds of a film, and the names of its files."""
Kind = Literal["dataset", "performance", "rendition"]


@dataclass(frozen=True, slots=True)
class Film:
    """`data/films/ID.json`; `ID.mp4` beside it, and `ID.jpg`, its poster."""

    id: str
    kind: Kind
    title: str
    created: str
    """UTC, ISO 8601."""
    dataset: str | None = None
    """The dataset that it shows, of kind `dataset`: deleted with it."""


class Films:
    """The folder of films; every method reads or writes files: call them off the loop."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def new(self, kind: Kind, title: str, dataset: str | None = None) -> Film:
        """A film to be; it is there once its file is written and `keep` was called."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return Film(new_id(), kind, title, created, dataset)

    def path(self, film_id: str) -> Path:
        """Of its mp4."""
        return self._folder / f"{film_id}.mp4"

    def poster(self, film_id: str) -> Path:
        """Of a still picture of it, JPEG."""
        return self._folder / f"{film_id}.jpg"

    def loop(self, film_id: str, name: str) -> Path:
        """Of one of the files named in `LOOPS`; `Refused` 404 for another name."""
        if not any(name in names for names in LOOPS.values()):
            raise Refused(404, "not_found", "There is no such file of a film.")
        return self._folder / f"{film_id}.{name}"

    def loops(self, film_id: str) -> list[str]:
        """Names of those that were made."""
        names = (name for names in LOOPS.values() for name in names)
        return [name for name in names if self.loop(film_id, name).is_file()]

    def keep(self, film: Film) -> None:
        """Its file is there: draw its poster, and list it. `CaptureError` on a full disk."""
        write_whole(self.poster(film.id), _poster(self.path(film.id)))
        write_whole(self._folder / f"{film.id}.json", json.dumps(asdict(film), indent=1).encode())

    def all(self) -> list[Film]:
        """Newest first; what cannot be read, or has no film, is left out."""
        found = [film for path in self._folder.glob("*.json") if (film := _read(path)) is not None]
        there = [film for film in found if self.path(film.id).is_file()]
        return sorted(there, key=lambda film: film.created, reverse=True)

    def get(self, film_id: str) -> Film:
        """One film; `Refused` 404. Ids are ours only."""
        film = _read(self._folder / f"{film_id}.json") if ID.fullmatch(film_id) else None
        if film is None or not self.path(film_id).is_file():
            raise Refused(404, "not_found", "There is no such film; it may have been deleted.")
        return film

    def of_dataset(self, dataset: str) -> Film | None:
        """The film of a dataset, if it was made."""
        return next((film for film in self.all() if film.dataset == dataset), None)

    def forget_dataset(self, dataset: str) -> None:
        """It was deleted, or changed: its film is gone too."""
        for film in self.all():
            if film.dataset == dataset:
                self.delete(film.id)

    def delete(self, film_id: str) -> None:
        """Forget it; nothing happens when it is gone already."""
        for path in (self._folder / f"{film_id}.json", self.path(film_id), self.poster(film_id)):
            path.unlink(missing_ok=True)
        for name in self.loops(film_id):
            self.loop(film_id, name).unlink(missing_ok=True)


def _read(path: Path) -> Film | None:
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        film = Film(**{one.name: data[one.name] for one in fields(Film)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return film if film.id == path.stem else None


def _poster(film: Path) -> bytes:
    """A picture of its middle."""
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            if container.duration:
                container.seek(container.duration // 2)
            rgb = next(container.decode(stream)).to_ndarray(format="bgr24")
    except (OSError, IndexError, StopIteration, ValueError) as error:
        raise CaptureError(f"{film.name} cannot be read: {error}.") from error
    height = max(1, round(rgb.shape[0] * POSTER_WIDTH / rgb.shape[1]))
    small = cv2.resize(rgb, (POSTER_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()
