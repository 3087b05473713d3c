"""`python -m training.performer.measuring.compare A B --out PAGE.html`: which of two films
do people prefer?

A and B are videos, or folders with videos of the same names. The page holds them all; it shows each
pair in random order, side by side, without saying which is which, and counts what is picked.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from capture.files import make_folder, write_whole
from inference.errors import UnderstudyError
from training.errors import TrainingError
from training.performer.measuring.evaluation_page import TEMPLATES

ENDINGS = (".mp4", ".webm")
LARGEST = 100_000_000
"""Bytes of all films together."""


def main(argv: list[str]) -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("a", type=Path, metavar="A")
    parser.add_argument("b", type=Path, metavar="B")
    parser.add_argument("--out", type=Path, required=True, metavar="PAGE.html")
    arguments = parser.parse_args(argv)
    try:
        count = write_comparison(arguments.a, arguments.b, arguments.out)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.out} shows {count} pairs; open it in a browser.")
    return 0


def write_comparison(a: Path, b: Path, out: Path) -> int:
    """Write the page, whole or not at all; how many pairs it shows.

    Raises `TrainingError` when there is nothing to compare.
    """
    pairs = _pairs(a, b)
    if sum(path.stat().st_size for pair in pairs for path in pair) > LARGEST:
        raise TrainingError(f"The films are larger than {LARGEST // 1_000_000} MB: cut them.")
    page = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    text = page.get_template("comparison.html").render(
        names=[_title(a, b, a), _title(a, b, b)],
        pairs=[[_as_data(path) for path in pair] for pair in pairs],
    )
    make_folder(out.parent)
    write_whole(out, text.encode())
    return len(pairs)


def _pairs(a: Path, b: Path) -> list[tuple[Path, Path]]:
    if a.is_file() and b.is_file():
        return [(a, b)]
    found = sorted(path for path in a.glob("*") if path.suffix in ENDINGS)
    pairs = [(path, b / path.name) for path in found if (b / path.name).is_file()]
    if not pairs:
        raise TrainingError(f"{a} and {b} hold no videos (.mp4, .webm) of the same names.")
    return pairs


def _title(a: Path, b: Path, one: Path) -> str:
    return one.name if a.name != b.name else str(one)


def _as_data(path: Path) -> str:
    kind = path.suffix.removeprefix(".")
    return f"data:video/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
