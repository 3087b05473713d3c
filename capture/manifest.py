"""`dataset.json`: what a dataset is, where it came from and what it holds."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from capture.errors import DatasetError
from capture.files import write_whole
from inference.body import KEYPOINT_NAMES, LABEL_NAMES, PALETTE

SCHEMA = 1
"""Version of the layout that this program writes and reads."""

MANIFEST_NAME = "dataset.json"

TITLE_LENGTH = 120
"""Longest title, in characters; longer ones are cut."""

State = Literal["recording", "complete"]
SourceKind = Literal["webrtc", "recorder", "import"]
FrameFormat = Literal["jpg", "png"]

_MANIFEST_BYTES = 4_000_000
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}", re.ASCII)


def new_id() -> str:
    """A dataset id nobody else has: the time (UTC) and six random hexadecimal digits."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def valid_id(text: str) -> bool:
    """Whether a text from outside is a dataset id, and so safe as the name of a folder."""
    return _ID.fullmatch(text) is not None


def clean_title(text: str) -> str:
    """A title from outside on one line, without control characters, of bounded length."""
    words = "".join(c if c.isprintable() else " " for c in text[: 4 * TITLE_LENGTH]).split()
    return " ".join(words)[:TITLE_LENGTH].rstrip()


@dataclass(slots=True)
class Source:
    """Where the pictures came from."""

    kind: SourceKind
    """`webrtc`: the live picture; `recorder`: the browser's own recording; `import`: a video."""
    name: str = ""
    """File name of the video, or name of the camera."""
    sha256: str | None = None
    """Of the video file."""


@dataclass(slots=True)
class FrameInfo:
    """What the frames look like."""

    width: int = 0
    """Of the first frame, in pixels; 0 before there is one."""
    height: int = 0
    fps: float = 0.0
    """Pairs a second, over the whole dataset; 0 before it is complete."""
    format: FrameFormat = "jpg"


@dataclass(slots=True)
class ModelInfo:
    """The network that made the labels, and how it was run."""

    name: str
    sha256: str
    input: tuple[int, int]
    """Width and height of the network's input."""
    device: str
    threshold: float
    """Probability of "person" from which a pixel belongs to a body part."""


@dataclass(slots=True)
class Counts:
    """Frames, and what became of them."""

    written: int = 0
    """Pairs written, those deleted later included."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason -> frames that were seen and not written."""
    deleted: int = 0
    """Pairs that a person deleted after the recording, or whose lines a loss of power destroyed."""

    @property
    def seen(self) -> int:
        """All frames that were offered."""
        return self.written + sum(self.dropped.values())


@dataclass(slots=True)
class Consent:
    """What the people in the pictures allow."""

    licence: str = ""
    note: str = ""


@dataclass(slots=True)
class Manifest:
    """The contents of `dataset.json`; label names, palette and key points are always the same."""

    id: str
    title: str
    created: str
    """ISO 8601 in UTC, to the second, ending in `Z`."""
    source: Source
    model: ModelInfo
    state: State = "recording"
    frame: FrameInfo = field(default_factory=FrameInfo)
    counts: Counts = field(default_factory=Counts)
    coverage: dict[str, Any] = field(default_factory=dict)
    """`fraction` (0..1) of the poses seen, and `missing`, a list of sentences."""
    notes: list[str] = field(default_factory=list)
    """What was odd about the source, a sentence each: frames left out, a file cut off."""
    held_out_from: int | None = None
    """Index of the first pair of the last tenth in time, which training must not see."""
    consent: Consent = field(default_factory=Consent)
    captured_for: str | None = None
    """Id of the dataset that lacked what this one shows; None: of no other."""

    @classmethod
    def new(
        cls,
        source: Source,
        model: ModelInfo,
        title: str = "",
        dataset_id: str | None = None,
        captured_for: str | None = None,
    ) -> Manifest:
        """The manifest of a recording that begins now."""
        created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return cls(
            dataset_id or new_id(), clean_title(title), created, source, model,
            captured_for=captured_for,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The contents of `dataset.json`."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "title": self.title,
            "created": self.created,
            "state": self.state,
            "source": asdict(self.source),
            "frame": asdict(self.frame),
            "model": asdict(self.model),
            "labels": list(LABEL_NAMES),
            "palette": PALETTE.tolist(),
            "keypoints": list(KEYPOINT_NAMES),
            "counts": {"seen": self.counts.seen, **asdict(self.counts)},
            "coverage": self.coverage,
            "notes": self.notes,
            "split": {"held_out_from": self.held_out_from},
            "consent": asdict(self.consent),
            "captured_for": self.captured_for,
        }

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        """Check and take over the contents of a `dataset.json`; `DatasetError` when damaged."""
        reader = _Reader(data, MANIFEST_NAME)
        schema = reader.number("schema")
        if schema != SCHEMA:
            raise DatasetError(
                f"{MANIFEST_NAME} has schema {schema:g}, and this program reads {SCHEMA}; "
                "use the version of Understudy that wrote it."
            )
        if reader.list("labels") != list(LABEL_NAMES):
            raise DatasetError(f"{MANIFEST_NAME} names other labels than BodyPix's 24 parts.")
        source, frame, model = reader.part("source"), reader.part("frame"), reader.part("model")
        counts, split, consent = reader.part("counts"), reader.part("split"), reader.part("consent")
        dataset_id = reader.text("id")
        if not valid_id(dataset_id):
            raise DatasetError(f"{MANIFEST_NAME} is damaged: its id is not one of Understudy's.")
        dropped = counts.part("dropped")
        return cls(
            id=dataset_id,
            title=clean_title(reader.text("title")),
            created=reader.text("created"),
            state=reader.choice("state", get_args(State)),
            source=Source(
                source.choice("kind", get_args(SourceKind)),
                source.text("name"),
                source.text("sha256") if source.values.get("sha256") is not None else None,
            ),
            frame=FrameInfo(
                frame.count("width"),
                frame.count("height"),
                frame.number("fps"),
                frame.choice("format", get_args(FrameFormat)),
            ),
            model=ModelInfo(
                model.text("name"),
                model.text("sha256"),
                model.size("input"),
                model.text("device"),
                model.number("threshold"),
            ),
            counts=Counts(
                counts.count("written"),
                {reason: dropped.count(reason) for reason in dropped.values},
                counts.count("deleted"),
            ),
            coverage=dict(reader.part("coverage").values),
            # Older datasets have none.
            notes=[str(note) for note in reader.list("notes")] if "notes" in reader.values else [],
            held_out_from=(
                split.count("held_out_from")
                if split.values.get("held_out_from") is not None
                else None
            ),
            consent=Consent(consent.text("licence"), consent.text("note")),
            # Older datasets have none.
            captured_for=(
                reader.text("captured_for")
                if reader.values.get("captured_for") is not None
                else None
            ),
        )

    def save(self, folder: Path) -> None:
        """Write `dataset.json`, whole or not at all; `CaptureError` when the disk refuses."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"
        # Names of files may hold what is not Unicode.
        data = text.encode(errors="replace")
        write_whole(folder / MANIFEST_NAME, data, durable=self.state == "complete")

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read `dataset.json`; `DatasetError` when there is none or it is damaged."""
        path = folder / MANIFEST_NAME
        try:
            if path.stat().st_size > _MANIFEST_BYTES:
                raise DatasetError(f"{path} is too large to be a dataset's manifest.")
            return cls.from_json(json.loads(path.read_bytes()))
        except FileNotFoundError as error:
            raise DatasetError(f"There is no dataset at {folder}.") from error
        except (OSError, ValueError, RecursionError) as error:
            raise DatasetError(f"{path} cannot be read: it is damaged ({error}).") from error


class _Reader:
    """Takes values out of JSON from outside, each of the type it must have."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, Mapping):
            raise DatasetError(f"{where} is damaged: it must be an object.")
        self.values: Mapping[str, Any] = values
        self._where = where

    def _wrong(self, name: str, wanted: str) -> DatasetError:
        return DatasetError(f"{self._where} is damaged: {name!r} must be {wanted}.")

    def part(self, name: str) -> _Reader:
        return _Reader(self.values.get(name), f"{self._where}, {name!r}")

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
            raise self._wrong(name, "a number of 0 or more")
        return value

    def count(self, name: str) -> int:
        value = self.number(name)
        if not isinstance(value, int):
            raise self._wrong(name, "a whole number")
        return value

    def list(self, name: str, length: int | None = None) -> list[Any]:
        value = self.values.get(name)
        if not isinstance(value, list) or (length is not None and len(value) != length):
            raise self._wrong(name, "a list" if length is None else f"a list of {length}")
        return value

    def size(self, name: str) -> tuple[int, int]:
        width, height = self.list(name, 2)
        if not all(type(side) is int and 0 <= side < 1e15 for side in (width, height)):
            raise self._wrong(name, "a width and a height")
        return width, height

    def choice(self, name: str, allowed: tuple[Any, ...]) -> Any:
        value = self.values.get(name)
        if value not in allowed:
            raise self._wrong(name, "one of " + ", ".join(allowed))
        return value
