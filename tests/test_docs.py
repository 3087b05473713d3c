"""What the documentation promises is tried."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.capture.real import write

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.usefixtures("models")
def test_the_reading_example_reads(tmp_path: Path) -> None:
    write(tmp_path / "dataset")
    text = (ROOT / "docs" / "dataset-format.md").read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    done = subprocess.run(
        [sys.executable, "-c", found[1]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 24
    assert "torso_front" in lines[0]


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / "docs" / page).read_text() + (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / link).exists() or (ROOT / "docs" / link).exists(), link


def test_every_setting_is_a_flag_that_is_explained() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for flag in (
        "--host",
        "--port",
        "--max-sessions",
        "--udp-ports",
        "--announce",
        "--ice-servers",
    ):
        assert flag in done.stdout


def test_every_module_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = "inference|capture|transfer|training|server|bench|static|templates|tests"
    named = set(re.findall(rf"`((?:{rooms})/[\w/.]*)`", text))
    assert len(named) > 40
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    assert len(text.splitlines()) <= 120


def test_every_name_that_the_architecture_puts_behind_a_module_is_in_it() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`([\w/]+\.py)`\]\([^)]*\) `([\w.]+)`", text)
    assert len(named) > 10
    for path, name in named:
        source = (ROOT / path).read_text()
        for word in name.split("."):
            assert re.search(rf"(class|def) {word}\b", source), f"{path}: {name}"
