"""What a generator goes by, and what each of it is worth: one training a row.

    python -m training.performer.measuring.ablation run TARGET SOURCE --out build/ablation
    python -m training.performer.measuring.ablation table --out FIGURES --into docs/performers.md

`run` trains and evaluates whatever row has no figures yet, one after the other, each for as long;
it may be stopped and started again. `table` writes the table between the page's marks and fails
when a row is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.errors import UnderstudyError
from training.network.model_card import put_between_marks

SEEDS = 3
COLUMNS = ("ssim", "error", "haarpsi", "face_haarpsi", "pose_distance", "warping_error")
STRANGER = ("pose_distance", "pck", "missed")
"""Of the second dancer, shown as the first."""
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{
        f"default-{seed}": (f"parts and pose, seed {seed}", ("--seed", str(seed)))
        for seed in range(SEEDS)
    },
    "previous": ("its own last picture as well", ("--condition", "parts", "pose", "previous")),
    "parts": ("parts alone", ("--condition", "parts")),
    "pose": ("pose alone", ("--condition", "pose")),
}
"""By the name of its files: what a row is, and flags of `run.py train`."""
_RUN = Path(__file__).parents[3] / "run.py"


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
    eyes = ("--model", arguments.model) if arguments.model else ()
    how = ("--preset", "realtime", "--from", "none", "--minutes", str(arguments.minutes))
    for name, (_, flags) in ROWS.items():
        figures = arguments.out / f"{name}.json"
        if figures.exists():
            continue
        weights = arguments.out / "runs" / name
        _call("train", arguments.target, "--out", weights, *how, "--progress", "json", *flags)
        _call("evaluate", weights, *eyes, "--source", arguments.source, "--json", figures)
    return 0


def _call(*words: object) -> None:
    print("run.py", *words, flush=True)
    done = subprocess.run([sys.executable, _RUN, *map(str, words)], check=False)
    if done.returncode:
        raise UnderstudyError(f"`run.py {words[0]}` failed; what is done so far is kept.")


def _table(arguments: argparse.Namespace) -> int:
    rows = {name: _figures(arguments.out / f"{name}.json") for name in ROWS}
    put_between_marks(arguments.into, "\n".join(_lines(rows)))
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
    """The table: the mean of the seeds with their spread, then one row each."""
    names = [*COLUMNS, *(f"{name} (stranger)" for name in STRANGER)]
    lines = ["| | " + " | ".join(names) + " | weights |", "|---" * (len(names) + 2) + "|"]
    seeds = [_values(rows[f"default-{seed}"]) for seed in range(SEEDS)]
    lines.append(_line("parts and pose (the default), mean of the seeds", np.mean(seeds, axis=0)))
    lines.append(_line("their spread (highest - lowest)", np.ptp(seeds, axis=0)))
    for name, (what, _) in ROWS.items():
        lines.append(_line(what, _values(rows[name]), f"`{rows[name]['sha256'][:8]}`"))
    return lines


def _values(figures: dict[str, Any]) -> list[float]:
    """By column; not a number where nothing was measured."""
    rows: list[dict[str, Any]] = [
        next((row for row in figures[group] if row["performer"] == figures["preset"]), {})
        for group in ("rows", "transfer")
    ]
    return [
        float(row.get(name, "nan"))
        for row, columns in zip(rows, (COLUMNS, STRANGER), strict=True)
        for name in columns
    ]


def _line(what: str, values: Sequence[float], weights: str = "") -> str:
    cells = ["–" if np.isnan(value) else f"{value:.3f}" for value in values]
    return f"| {what} | " + " | ".join(cells) + f" | {weights} |"


if __name__ == "__main__":
    sys.exit(main())
