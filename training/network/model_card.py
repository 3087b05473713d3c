"""The table of the model card, from the figures that `evaluate-model` wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.files import write_whole
from training.errors import TrainingError

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CardRow:
    """One line of the table."""

    title: str
    row: str
    key: str
    bar: str
    """What is to be reached, in words."""
    reached: Callable[[float, float], bool]
    """Of ours and the other network's value."""
    digits: int = 3


CARD = (
    CardRow("person IoU, street photos", "masks", "person_iou", "≥ 0.92", lambda a, b: a >= 0.92),
    CardRow("boundary F-score at 3 px, the same", "masks", "boundary_f_score", "≥ 0.74",
            lambda a, b: a >= 0.74),
    CardRow("person IoU, head and shoulders of the same", "close", "person_iou", "≥ 0.93",
            lambda a, b: a >= 0.93),
    CardRow("parts, mIoU with the teachers inside people", "parts", "part_agreement", "≥ 0.70",
            lambda a, b: a >= 0.7),
    CardRow("key points, COCO, PCK@0.2", "coco", "pck", "≥ BodyPix - 0.01",
            lambda a, b: a >= b - 0.01),
    CardRow("people of COCO found, of 26", "coco", "found", "≥ 25", lambda a, b: a >= 25, 0),
    CardRow("key points, sports, PCK@0.2", "sports", "pck", "≥ 0.50", lambda a, b: a >= 0.5),
    CardRow("the same, people upside-down", "sports", "upside_down_pck", "≥ 0.35",
            lambda a, b: a >= 0.35),
    CardRow("key points, six clips, agreement with the teachers", "clips", "agreement",
            "≥ BodyPix", lambda a, b: a >= b),
    CardRow("jitter on still stretches, of the box's side", "jitter", "movement", "≤ BodyPix",
            lambda a, b: a <= b, 5),
    CardRow("nobody there: false person pixels", "nobody", "false_pixels", "≤ 0.002",
            lambda a, b: a <= 0.002, 5),
    CardRow("three people: right count", "three", "right_count", "≥ 0.95", lambda a, b: a >= 0.95),
    CardRow("a dancer among spectators, mask IoU: live", "crowd", "live_iou", "≥ 0.60",
            lambda a, b: a >= 0.6),
    CardRow("the same, the whole clip known", "crowd", "whole_iou", "≥ 0.60",
            lambda a, b: a >= 0.6),
    CardRow("the same, picture by picture", "crowd", "picture_iou", "≥ BodyPix",
            lambda a, b: a >= b),
    CardRow("whole analysis of 640x480, one thread, ms", "speed", "analysis_ms",
            "≤ 0.5 × BodyPix", lambda a, b: a <= 0.5 * b, 1),
    CardRow("IoU lost in int8", "int8 against float", "loss", "≤ 0.005", lambda a, b: a <= 0.005),
)  # fmt: skip


def fill(card: Path, report: dict[str, Any]) -> None:
    """Put the table of a report about two networks between the marks of a card.

    Raises:
        TrainingError: the card has no marks, or the report lacks a network.
    """
    put_between_marks(card, table(report))


def put_between_marks(page: Path, figures: str) -> None:
    """Replace what stands between the marks of a page; `TrainingError` when it has none."""
    before, after = _around_marks(page)
    write_whole(page, f"{before}{BEGIN}\n{figures}\n{END}{after}".encode())


def _around_marks(page: Path) -> tuple[str, str]:
    if not page.is_file():
        raise TrainingError(f"{page} is not there: name a page with lines {BEGIN} and {END}.")
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise TrainingError(f"{page} has no lines {BEGIN} and {END} to put the figures between.")
    return before, after


def check_card(card: Path, networks: int) -> None:
    """Before minutes of measuring: `TrainingError` when `fill` could not put so many in there."""
    _around_marks(card)
    _check_two(networks)


def _check_two(networks: int) -> None:
    if networks != 2:
        raise TrainingError("A card compares two networks: name the other one with --beside.")


def table(report: dict[str, Any]) -> str:
    """Markdown; a row that was not measured says so."""
    _check_two(len(report["models"]))
    (ours, first), (theirs, second) = report["models"].items()
    lines = [
        f"Measured {report['when'][:10]} on {report['machine']}: {ours} (SHA-256 "
        f"`{first['sha256']}`, input {_size(first)}) beside {theirs} (input {_size(second)}).",
        "",
        f"| | {ours} | {theirs} | to be reached | |",
        "|---|---|---|---|---|",
    ]
    for row in CARD:
        one, two = (_value(model["rows"], row) for model in (first, second))
        told = [
            "not measured" if value is None else f"{value:.{row.digits}f}" for value in (one, two)
        ]
        known = one is not None and (two is not None or "BodyPix" not in row.bar)
        verdict = ("yes" if row.reached(one or 0.0, two or 0.0) else "**no**") if known else ""
        lines.append(f"| {row.title} | {told[0]} | {told[1]} | {row.bar} | {verdict} |")
    return "\n".join(lines)


def _value(rows: Rows, row: CardRow) -> float | None:
    value = rows.get(row.row, {}).get(row.key)
    return None if value is None else float(value)


def _size(model: dict[str, Any]) -> str:
    size = model["input"]
    return size if isinstance(size, str) else f"{size[0]}x{size[1]}"
