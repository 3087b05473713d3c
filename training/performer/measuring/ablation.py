"""What each ingredient of a performer is worth: one run without it (or with it) a row.

    python -m training.performer.measuring.ablation run TARGET SOURCE --out build/ablation
    python -m training.performer.measuring.ablation table --out FIGURES --into docs/ablation.md

`run` trains and evaluates whatever row has no figures yet, one after the other, each for as long;
it may be stopped and started again. `table` writes the table and fails when a row is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture.files import write_whole
from inference.errors import UnderstudyError
from training.network.model_card import BEGIN, END, put_between_marks

SEEDS = 3
COLUMNS = ("ssim", "error", "haarpsi", "face_haarpsi", "pose_distance", "warping_error", "ms")
STRANGER = ("pose_distance", "pck", "missed")
"""Of the second dancer, shown as the first."""
_RUN = Path(__file__).parents[3] / "run.py"


@dataclass(frozen=True, slots=True)
class Row:
    """One way to train or to perform."""

    what: str
    train: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()
    start: str = "none"
    of: str = ""
    """The row whose weights it performs with; empty: its own."""


ROWS: dict[str, Row] = {
    **{
        f"default-{seed}": Row(f"default, seed {seed}", ("--seed", str(seed)))
        for seed in range(SEEDS)
    },
    "warm": Row("warm start (`--from base`)", start="base"),
    "previous": Row(
        "with its own last picture fed back", ("--condition", "parts", "pose", "previous")
    ),
    "parts": Row("parts alone", ("--condition", "parts")),
    "pose": Row("pose alone", ("--condition", "pose")),
    "face": Row("with the face stage", ("--face",)),
    "no-plate": Row("the whole square drawn, no plate", ("--no-plate",)),
    "as-it-stands": Row("without pose normalisation", (), ("--no-normalise",), of="default-0"),
    "pairs": Row("two frames judged together", ("--pairs",)),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="train and evaluate the rows that are missing")
    run.add_argument("target", metavar="TARGET", help="dataset of who is shown")
    run.add_argument("source", metavar="SOURCE", help="dataset of somebody else")
    run.add_argument("--out", type=Path, required=True)
    run.add_argument("--minutes", type=float, default=10.0)
    run.add_argument("--model", help="network that looks at the pictures")
    run.set_defaults(command=_run)
    table = commands.add_parser("table", help="write the table from the figures")
    table.add_argument("--out", type=Path, required=True, help="folder of the figures")
    table.add_argument("--into", type=Path, required=True, metavar="PAGE")
    table.set_defaults(command=_table)
    arguments = parser.parse_args(words)
    try:
        code: int = arguments.command(arguments)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return 1
    return code


def _run(arguments: argparse.Namespace) -> int:
    for name, row in ROWS.items():
        figures = arguments.out / f"{name}.json"
        if figures.exists():
            continue
        weights = arguments.out / "runs" / (row.of or name)
        if not row.of:
            minutes = ("--minutes", str(arguments.minutes), "--progress", "json")
            start, preset = ("--from", row.start), ("--preset", "realtime")
            _call(
                "train", arguments.target, "--out", weights, *minutes, *start, *preset, *row.train
            )
        eyes = ("--model", arguments.model) if arguments.model else ()
        asked = (*row.evaluate, *eyes, "--source", arguments.source, "--json", figures)
        _call("evaluate", weights, *asked)
    return 0


def _call(*words: object) -> None:
    print("run.py", *words, flush=True)
    done = subprocess.run([sys.executable, _RUN, *map(str, words)], check=False)
    if done.returncode:
        raise UnderstudyError(f"`run.py {words[0]}` failed; what is done so far is kept.")


def _table(arguments: argparse.Namespace) -> int:
    rows = {name: _figures(arguments.out / f"{name}.json") for name in ROWS}
    lines = _lines(rows)
    if not arguments.into.exists():
        write_whole(arguments.into, f"# What each ingredient is worth\n\n{BEGIN}{END}\n".encode())
    put_between_marks(arguments.into, "\n".join(lines))
    return 0


def _figures(path: Path) -> dict[str, Any]:
    """One row's file; `UnderstudyError` when it is missing."""
    try:
        rows: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnderstudyError(
            f"{path} cannot be read ({error}): "
            "`python -m training.performer.measuring.ablation run` makes it."
        ) from error
    return rows


def _lines(rows: dict[str, dict[str, Any]]) -> list[str]:
    """The table: plate and nearest poses, the default with its spread, one row each."""
    first = rows["default-0"]
    names = [*COLUMNS, *(f"{name} (stranger)" for name in STRANGER)]
    lines = ["| | " + " | ".join(names) + " | weights |", "|---" * (len(names) + 2) + "|"]
    for performer in ("plate", "knn"):
        lines.append(_line(performer, _values(first, performer), ""))
    seeds = [_values(rows[f"default-{seed}"]) for seed in range(SEEDS)]
    lines.append(_line("default, mean of the seeds", np.mean(seeds, axis=0), ""))
    lines.append(_line("their spread (highest - lowest)", np.ptp(seeds, axis=0), ""))
    for name, row in ROWS.items():
        lines.append(_line(row.what, _values(rows[name]), f"`{rows[name]['sha256'][:8]}`"))
    return lines


def _values(figures: dict[str, Any], performer: str = "") -> list[float]:
    """By column; not a number where nothing was measured."""
    performer = performer or figures["preset"]
    rows: list[dict[str, Any]] = [
        next((row for row in figures[group] if row["performer"] == performer), {})
        for group in ("rows", "transfer")
    ]
    return [
        float(row.get(name, "nan"))
        for row, columns in zip(rows, (COLUMNS, STRANGER), strict=True)
        for name in columns
    ]


def _line(what: str, values: Sequence[float], weights: str) -> str:
    cells = ["–" if np.isnan(value) else f"{value:.3f}" for value in values]
    return f"| {what} | " + " | ".join(cells) + f" | {weights} |"


if __name__ == "__main__":
    sys.exit(main())
