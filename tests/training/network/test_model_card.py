"""The model card's table says what was measured, and where a bar was missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.errors import TrainingError
from training.network.model_card import BEGIN, CARD, END, fill, table

ROOT = Path(__file__).parents[3]


def report(ours: float, theirs: float) -> dict[str, Any]:
    def model(value: float) -> dict[str, Any]:
        rows: dict[str, dict[str, float]] = {}
        for row in CARD:
            rows.setdefault(row.row, {})[row.key] = value
        return {"sha256": "ab" * 32, "input": [320, 320], "rows": rows}

    models = {"ours": model(ours), "theirs": model(theirs)}
    return {"when": "2026-11-21T10:00:00+00:00", "machine": "x86_64, 2 cores", "models": models}


def test_every_row_is_judged_by_its_bar() -> None:
    lines = table(report(0.45, 0.9)).splitlines()[4:]
    assert len(lines) == len(CARD)
    verdicts = [line.split("|")[-2].strip() for line in lines]
    wanted = [row.reached(0.45, 0.9) for row in CARD]
    assert [verdict == "yes" for verdict in verdicts] == wanted
    assert {"yes", "**no**"} == set(verdicts)


def test_what_was_not_measured_is_not_claimed() -> None:
    figures = report(0.95, 0.5)
    del figures["models"]["ours"]["rows"]["sports"]
    del figures["models"]["theirs"]["rows"]["clips"]
    text = table(figures)
    assert text.count("not measured") == 3
    [line] = [line for line in text.splitlines() if "six clips" in line]
    assert line.endswith("|  |")


def test_a_card_is_filled_between_its_marks_and_again(tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text(f"# Card\n\n{BEGIN}\nold\n{END}\n\nmore\n")
    fill(card, report(0.95, 0.5))
    fill(card, report(0.95, 0.6))
    text = card.read_text()
    assert "old" not in text
    assert text.startswith("# Card\n")
    assert text.endswith("\nmore\n")
    assert text.count("0.600") > 3
    assert "0.500" not in text
    card.write_text("no marks")
    with pytest.raises(TrainingError, match="has no lines"):
        fill(card, report(1, 1))


def test_the_card_in_the_docs_has_the_marks() -> None:
    text = (ROOT / "docs" / "model-card.md").read_text("utf-8")
    assert text.index(BEGIN) < text.index(END)
