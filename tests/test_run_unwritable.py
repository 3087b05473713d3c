"""Every command where nothing can be written: one sentence, at once, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import run
from capture.importer import ImportOptions, import_video
from inference.pool import NetworkPool
from tests.unprivileged import unprivileged

JUGGLER = Path(__file__).parent / "data" / "juggler_320.mp4"

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a real clip, large enough to be learnt from or measured."""
    pool = NetworkPool.open("bodypix-075", "cpu")
    made = import_video(JUGGLER, tmp_path_factory.mktemp("d") / "juggler", pool, ImportOptions())
    pool.close()
    return made.path


def _commands(dataset: Path, picture: Path, place: Path) -> dict[str, list[str]]:
    """For each command, words that make it write below `place`."""
    return {
        "serve": ["serve", "--port=0", f"--data={place / 'data'}"],
        "serve without a word": [f"--data={place}", "--port=0"],
        "capture": ["capture", str(JUGGLER), f"--out={place / 'd'}"],
        "segment": ["segment", str(picture), f"--out={place / 'out'}"],
        "export": ["export", str(dataset), "--format=coco", f"--out={place / 'x.zip'}"],
        "export to a folder": ["export", str(dataset), "--format=coco", f"--out={place / 'x'}"],
        "repair": ["repair", str(dataset / "parts"), f"--out={place / 'out'}"],
        "train": ["train", str(dataset), f"--out={place / 'run'}"],
        "train, realtime": [
            "train",
            str(dataset),
            "--preset=realtime",
            f"--out={place / 'run'}",
        ],
        "perform": ["perform", str(JUGGLER), f"--as={dataset}", f"--out={place / 'o.mp4'}"],
        "evaluate": ["evaluate", str(dataset), f"--json={place / 'f.json'}"],
        "evaluate, page": ["evaluate", str(dataset), f"--html={place / 'f.html'}"],
        "distill": ["distill", str(picture), f"--out={place / 'run'}"],
        "bench": ["bench", f"--json={place / 'f.json'}", "--seconds=1", "--runs=1"],
    }


NAMES = list(_commands(Path(), Path(), Path()))
Words = Callable[[str, Path], list[str]]


@pytest.fixture
def words(dataset: Path, models: Path) -> Words:
    """The words of a command that writes to a place."""
    return lambda name, place: _commands(dataset, models / "test_image.bmp", place)[name]


def _refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says when it fails."""
    assert run.main(words) == 1
    said = capsys.readouterr()
    [sentence] = [line for line in said.err.splitlines() if "written" in line or "changed" in line]
    assert "Traceback" not in said.err
    return sentence


@pytest.mark.parametrize("name", NAMES)
def test_a_file_where_a_folder_should_be(
    name: str, words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert "a file stands where a folder is needed" in _refused(
        words(name, tmp_path / "file"), capsys
    )
    assert (tmp_path / "file").read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_somebody_else(
    name: str, words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o555)
    with unprivileged():
        assert "Permission denied" in _refused(words(name, folder), capsys)
    assert not list(folder.iterdir())


def test_a_full_disk_without_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `write` raises tells no file."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("capture.commands.find_pictures", full)
    assert run.main(["segment", "a.png", f"--out={tmp_path}"]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_what_is_no_matter_of_files_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise OSError("a fault of ours")

    monkeypatch.setattr("capture.commands.find_pictures", broken)
    with pytest.raises(OSError, match="a fault of ours"):
        run.main(["segment", "a.png", f"--out={tmp_path}"])
