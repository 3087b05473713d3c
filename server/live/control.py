"""The control data channel: what a page may say, checked, as small dataclasses."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from capture.manifest import valid_id
from inference.analyzer import THRESHOLDS
from server.errors import ServerError
from transfer.target.placement import SCALES, SHIFTS, Placement

MAX_MESSAGE_BYTES = 4096
MAX_TITLE = 100


class ControlError(ServerError):
    """A message that means nothing; the sentence goes back to the page."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What a page may change while the picture runs."""

    view: str
    opacity: float
    """0..1, of the coloured parts."""
    threshold: float
    """Probability within `THRESHOLDS`, above which a pixel is a person."""
    model: str
    long_side: int
    """Pixels of the long side of the network's input."""

    def as_message(self) -> dict[str, Any]:
        """The fields of the contract's `settings` message."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be chosen."""

    views: Collection[str]
    models: Collection[str]
    long_sides: Collection[int]

    def change(self, now: LiveSettings, wanted: Mapping[str, Any]) -> LiveSettings:
        """`now` with the wanted changes; `ControlError` when one of them cannot be."""
        changes: dict[str, Any] = {}
        for name in ("opacity", "threshold"):
            if name in wanted:
                changes[name] = _number(wanted, name, 0.0, 1.0)
        if "threshold" in changes:
            least, most = THRESHOLDS
            changes["threshold"] = min(max(changes["threshold"], least), most)
        for name, allowed in (
            ("view", self.views),
            ("model", self.models),
            ("long_side", self.long_sides),
        ):
            if name in wanted:
                known = [one for one in allowed if one == wanted[name]]
                if isinstance(wanted[name], bool) or not known:
                    raise ControlError(f"There is no such {name.replace('_', ' ')} to choose.")
                changes[name] = known[0]  # 321.0 equals 321, and is no number of pixels.
        return replace(now, **changes)


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Some of `LiveSettings`' fields, not yet checked against what may be chosen."""

    wanted: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """Begin a recording."""

    seconds: float | None
    """Stop by itself after so long; None: until `Stop`."""
    title: str
    high_quality: bool
    """The page will upload a MediaRecorder's video of the same time."""
    heads: bool
    """Keep the network's raw heads (distillation data)."""
    captured_for: str | None = None
    """Id of the dataset that lacks what is to be recorded."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the recording."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life, to be sent back."""

    t: float


@dataclass(frozen=True, slots=True)
class Gesture:
    """Whether raised hands may start a recording."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Another source begins: forget who the dancer was."""

    kind: str


@dataclass(frozen=True, slots=True)
class FilmOrder:
    """Record what is performed, stop, or keep what was shown just now."""

    action: str
    """begin, end, moment, or beside: nothing but whether."""
    title: str
    beside: bool
    """Whether the camera's picture stands beside the performed one."""


@dataclass(frozen=True, slots=True)
class Calibrate:
    """The dancer stands still now: fit the double to them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the double of whoever is chosen is wanted."""

    placement: Placement


@dataclass(frozen=True, slots=True)
class DrawSmaller:
    """The performer is too much for the machine: draw it coarser."""


Message: TypeAlias = (
    FilmOrder
    | ChangeSettings
    | Record
    | Stop
    | Ping
    | Gesture
    | Source
    | Calibrate
    | Place
    | DrawSmaller
)


def parse(text: str | bytes) -> Message:
    """A message from the page; `ControlError` with one sentence when it is not one."""
    if len(text) > MAX_MESSAGE_BYTES:
        raise ControlError("That message is too long.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ControlError("That message is not JSON.") from None
    if not isinstance(data, dict):
        raise ControlError("That message is not a JSON object.")
    match data.get("type"):
        case "settings":
            return ChangeSettings({key: data[key] for key in data if key != "type"})
        case "record":
            seconds = data.get("seconds")
            return Record(
                None if seconds is None else _number(data, "seconds", 0.5, 86_400.0),
                _title(data),
                _flag(data, "high_quality"),
                _flag(data, "heads"),
                _dataset(data),
            )
        case "stop":
            return Stop()
        case "ping":
            return Ping(_number(data, "t", 0.0, 1e15))
        case "gesture":
            return Gesture(_flag(data, "enabled"))
        case "source":
            if data.get("kind") not in ("camera", "file"):
                raise ControlError("A source is either camera or file.")
            return Source(data["kind"])
        case "film":
            if data.get("action") not in ("begin", "end", "moment", "beside"):
                raise ControlError("A film is begun or ended, or its last moment kept.")
            title = str(data.get("title") or "")[:MAX_TITLE].strip()
            return FilmOrder(data["action"], title, _flag(data, "beside"))
        case "calibrate":
            return Calibrate()
        case "place":
            x, y = (_number(data, name, *SHIFTS) for name in ("x", "y"))
            return Place(Placement(x, y, _number(data, "scale", *SCALES)))
        case "smaller":
            return DrawSmaller()
    raise ControlError("That kind of message is unknown.")


def _number(data: Mapping[str, Any], name: str, low: float, high: float) -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ControlError(f"{name.capitalize()} must be a number.")
    if not low <= value <= high:
        raise ControlError(f"{name.capitalize()} must lie between {low:g} and {high:g}.")
    return float(value)


def _dataset(data: Mapping[str, Any]) -> str | None:
    value = data.get("for")
    if value is not None and not (isinstance(value, str) and valid_id(value)):
        raise ControlError("A dataset goes by its id.")
    return value


def _title(data: Mapping[str, Any]) -> str:
    value = data.get("title") or ""
    if not isinstance(value, str):
        raise ControlError("A title must be a text.")
    return value[:MAX_TITLE].strip()


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise ControlError(f"{name.capitalize()} must be true or false.")
    return value
