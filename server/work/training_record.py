"""One training as the server knows it, kept in a file so that a restart finds it again."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from capture.errors import CaptureError
from capture.files import write_whole
from capture.manifest import new_id

logger = logging.getLogger(__name__)

Kind = Literal["performer", "network"]
"""A performer learns to draw whoever is in a dataset (`run.py train`), a network to see them better
(`run.py distill`)."""
State = Literal["waiting", "preparing", "learning", "stopping", "judging", "done", "failed"]
OVER: tuple[State, ...] = ("done", "failed")
TEACHER = "understudy-default"
"""Labels what no dataset keeps raw outputs of: it comes with the program, so it is always there."""
ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
"""Of trainings and of the runs that they make; those that a person made may be named otherwise."""


@dataclass(slots=True)
class TrainingRecord:
    """`data/trainings/ID.json`; `data/runs/ID` is the run that it makes."""

    id: str
    dataset: str
    title: str
    """Of the dataset when it was asked for."""
    minutes: float
    """All in all, with those of earlier sittings."""
    kind: Kind = "performer"
    network: str | None = None
    """Name of the network that comes of it."""
    preset: str | None = None
    """None: the program's own default; so with `size` and `start`."""
    size: int | None = None
    start: str | None = None
    further: list[str] = field(default_factory=list)
    """Other datasets of the same person before the same camera that it learns from as well."""
    state: State = "waiting"
    created: str = ""
    """UTC, ISO 8601."""
    asked: float = 0.0
    """Place in the queue: the smallest of those that wait is next."""
    pid: int | None = None
    stop_wanted: bool = False
    message: str = ""
    """One sentence: how it ended, or what it is doing."""
    prepared: float | None = None
    """Seconds from its start to its first step, as measured."""
    rate: float | None = None
    """Pictures a second, as measured."""

    @classmethod
    def new(cls, dataset: str, title: str, minutes: float, **more: Any) -> TrainingRecord:
        """One that waits."""
        now = datetime.now(UTC)
        return cls(
            new_id(), dataset, title, minutes, created=now.isoformat(timespec="seconds"),
            asked=now.timestamp(), **more,
        )  # fmt: skip

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in OVER

    @property
    def datasets(self) -> list[str]:
        """All that it learns from; the first is the one that is shown."""
        return [self.dataset, *self.further]

    def same_wish(self, other: TrainingRecord) -> bool:
        """Whether both ask for the same."""
        names = ("kind", "datasets", "minutes", "preset", "size", "start")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def command(self, run_py: Path, folder: Path, run: Path) -> list[str]:
        """What makes it, and what goes on with it; `folder` holds the datasets."""
        datasets = [str(folder / dataset) for dataset in self.datasets]
        verb = "train" if self.kind == "performer" else "distill"
        command = [str(run_py), verb, *datasets, f"--out={run}", "--progress=json"]
        command.append(f"--minutes={self.minutes:g}")
        if self.kind == "network":
            command += ["--from=built-in", f"--teacher={TEACHER}", f"--name={self.network}"]
        for name, value in (("preset", self.preset), ("size", self.size), ("from", self.start)):
            if value is not None:
                command.append(f"--{name}={value}")
        return command

    def save(self, folder: Path) -> None:
        """Write it whole; a full disk is no reason to stop what runs."""
        try:
            write_whole(folder / f"{self.id}.json", json.dumps(asdict(self), indent=1).encode())
        except CaptureError as error:
            logger.warning("a training is not remembered: %s", error)


def load_records(folder: Path) -> list[TrainingRecord]:
    """All records, in the order in which they were asked for; damaged ones are left out."""
    names = {one.name for one in fields(TrainingRecord)}
    found = []
    for path in folder.glob("*.json"):
        try:
            data = json.loads(path.read_bytes())
            record = TrainingRecord(**{name: data[name] for name in names & data.keys()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            logger.warning("%s cannot be read: %s", path, error)
            continue
        if ID.fullmatch(path.stem) and record.id == path.stem:
            found.append(record)
    return sorted(found, key=lambda one: one.asked)
