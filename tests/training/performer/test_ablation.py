"""The table of ingredients: from files alone, and only when none is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from run import _parser as command_parser
from training.network.model_card import BEGIN, END
from training.performer.measuring import ablation
from training.performer.measuring.ablation import ROWS, SEEDS, main


def figures(path: Path, ssim: float) -> None:
    plate = {"performer": "plate", "ssim": 0.5}
    made = {"performer": "realtime", "ssim": ssim, "pose_distance": 0.04}
    content = {
        "preset": "realtime",
        "sha256": "ab" * 32,
        "rows": [plate, made],
        "transfer": [{"performer": "realtime", "pck": 0.9}],
    }
    path.write_text(json.dumps(content))


def test_the_table_is_made_of_the_files(tmp_path: Path) -> None:
    for number, name in enumerate(ROWS):
        figures(tmp_path / f"{name}.json", 0.70 + number / 100)
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n{BEGIN}{END}\n")
    assert main(["table", "--out", str(tmp_path), "--into", str(page)]) == 0
    first = page.read_text()
    assert first.startswith("# Title\n")
    assert "| parts and pose (the default), mean of the seeds | 0.710 |" in first
    assert "| their spread (highest - lowest) | 0.020 |" in first
    assert "0.500" not in first
    for number, (what, _) in enumerate(ROWS.values()):
        assert f"| {what} | {0.70 + number / 100:.3f} |" in first
    page.write_text(first.replace("0.710", "9.999") + "\nAnd this is why.\n")
    assert main(["table", "--out", str(tmp_path), "--into", str(page)]) == 0
    assert page.read_text() == first + "\nAnd this is why.\n"


def test_a_missing_row_fails_and_the_page_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in list(ROWS)[1:]:
        figures(tmp_path / f"{name}.json", 0.7)
    page = tmp_path / "page.md"
    page.write_text("as it was")
    assert main(["table", "--out", str(tmp_path), "--into", str(page)]) == 1
    assert f"{next(iter(ROWS))}.json" in capsys.readouterr().err
    assert page.read_text() == "as it was"


def test_rows_are_made_once_with_flags_that_the_commands_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def call(*words: object) -> None:
        said = list(map(str, words))
        command_parser(said[0]).parse_args(said)  # Exits where a flag is unknown.
        asked.append(said)
        if said[0] == "evaluate":
            figures(Path(said[said.index("--json") + 1]), 0.7)

    monkeypatch.setattr(ablation, "_call", call)
    begin = ["run", "target", "source", "--out", str(tmp_path), "--minutes", "2"]
    assert main(begin) == 0
    commands = [said[0] for said in asked]
    assert commands.count("evaluate") == commands.count("train") == len(ROWS)
    assert sum("--seed" in said for said in asked) == SEEDS
    starts = [said[said.index("--from") + 1] for said in asked if said[0] == "train"]
    assert set(starts) == {"none"}
    asked.clear()
    (tmp_path / "pose.json").unlink()
    assert main(begin) == 0
    assert [said[0] for said in asked] == ["train", "evaluate"]
    assert "pose" in asked[0]
