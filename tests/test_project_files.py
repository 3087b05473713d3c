"""What the files around the code name is there: commands, paths, modules, hooks, systems."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

import run

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
MEGABYTE = 1_000_000


def read(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """Lines of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)
    assert found is not None, target
    return [line.strip() for line in found[1].splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page: str) -> None:
    text = read(page)
    for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert recipe(target)
    for command in re.findall(r"run\.py ([a-z-]+)", text):
        assert command in run.COMMANDS or command.startswith("--"), command
    for module in re.findall(r"python -m ((?:bench|training)[\w.]+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    paths = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", text)
    paths += re.findall(r"`([\w-]+/[\w./*-]*)`", text)
    paths += re.findall(r"pytest (?:-\S+ )*(tests/[\w/.]+)", text)
    paths += re.findall(r"`([\w-]+\.(?:md|txt|toml|py))`", text)
    for path in paths:
        if path.startswith(("build/", "google-coral/")):
            continue
        assert list(ROOT.glob(path)), path


def test_the_checks_of_pages_find_something() -> None:
    text = read("CONTRIBUTING.md")
    assert len(re.findall(r"`make [a-z-]+", text)) > 5
    assert len(re.findall(r"run\.py [a-z-]+", text)) > 4
    assert len(re.findall(r"`([\w-]+/[\w./*-]*)`", text)) > 4


def test_the_readme_begins_with_a_small_picture_that_moves() -> None:
    begin = read("README.md").partition("```")[0]
    [path] = re.findall(r"!\[[^]]+\]\(([^)]+)\)", begin)
    assert (ROOT / path).stat().st_size < 2 * MEGABYTE
    with Image.open(ROOT / path) as picture:
        assert picture.format == "WEBP"
        assert picture.n_frames > 20


def test_the_changelog_knows_the_version() -> None:
    [version] = re.findall(r'^version = "(.+)"', read("pyproject.toml"), re.MULTILINE)
    assert f'VERSION = "{version}"' in read("server/version.py")
    sections = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert sections[:2] == ["Unreleased", version]


def test_the_hooks_are_what_make_lint_runs() -> None:
    [local] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local", "versions stand in constraints.txt alone"
    hooks = {
        hook["entry"].removeprefix("python -m ").replace(" --force-exclude", "")
        for hook in local["hooks"]
    }
    linted = {line.removeprefix("$(BIN)/").removesuffix(" .") for line in recipe("lint")}
    assert hooks == linted


def test_the_workflow_runs_the_readmes_commands_everywhere() -> None:
    jobs = yaml.safe_load(read(".github/workflows/test.yml"))["jobs"]
    unix, windows = jobs["unix"], jobs["windows"]
    assert unix["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest"]
    assert windows["runs-on"] == "windows-latest"
    for job in (unix, windows):
        assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    commands = "\n".join(step.get("run", "") for step in unix["steps"])
    assert re.search(r"^make run", commands, re.MULTILINE)
    assert re.search(r"^make test", commands, re.MULTILINE)
    commands = "\n".join(step.get("run", "") for step in windows["steps"])
    for line in (
        "python -m venv .venv",
        r".venv\Scripts\python -m pip install -r requirements.txt",
    ):
        assert line in commands
        assert line in read("README.md")
    assert "python -m pytest" in commands
    assert "make" not in commands


def test_the_image_holds_what_the_program_imports_and_nothing_else() -> None:
    lines = read(".dockerignore").splitlines()
    assert "*" in lines, "nothing goes in unless it is named"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert allowed >= {"run.py", "static", "templates", *run.OURS}
    assert all((ROOT / name).exists() for name in allowed)
    for names in re.findall(r"^COPY ((?:\S+\.txt )+)", read("Dockerfile"), re.MULTILINE):
        assert set(names.split()) <= allowed
