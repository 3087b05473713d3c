"""A run's folder: begun, gone on with, damaged, full."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from capture.errors import CaptureError
from training.errors import TrainingError
from training.network.student import PRESETS, Student
from training.network.student_files import load_student, save_student
from training.run_folder import RunFolder

OPTIONS = {"preset": "tiny", "seed": 0}


def test_a_run_is_begun_once_and_gone_on_with(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.open(OPTIONS)
    run.note({"seen": 1})
    run.open(OPTIONS | {"seed": 3})
    assert run.options() == {"version": 1, "kind": "distill", **OPTIONS}
    assert run.history() == [{"seen": 1}]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.note({"seen": 1})
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"seen": ')
    assert run.history() == [{"seen": 1}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"version": 99}, "made by another version"),
        ({"version": 1, "kind": "distill", "preset": "trunk"}, "another preset .trunk."),
        ("{", "cannot be read"),
    ],
)
def test_another_run_is_left_alone(tmp_path: Path, content: Any, sentence: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "options.json").write_text(text)
    with pytest.raises(TrainingError, match=sentence):
        RunFolder(tmp_path).open(OPTIONS)
    assert (tmp_path / "options.json").read_text() == text


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(TrainingError, match="no run of ours"):
        RunFolder(tmp_path).open(OPTIONS)


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.load() is None
    run.save({"step": 3, "weights": {"a": torch.arange(3.0)}})
    state = run.load()
    assert state is not None
    assert state["step"] == 3
    assert state["weights"]["a"].tolist() == [0, 1, 2]


def test_a_damaged_checkpoint_is_said_to_be_one(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.save({"step": 3})
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(TrainingError, match=r"checkpoint\.pt is damaged: delete it"):
        run.load()


class Hostile:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("run",))


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"step": Hostile()}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="is damaged"):
        RunFolder(tmp_path).load()


def test_a_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    run.save({"step": 3})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("capture.files.os.replace", full)
        with pytest.raises(CaptureError, match="is full"):
            run.save({"step": 4})
    state = run.load()
    assert state is not None
    assert state["step"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt"]


def test_a_student_comes_back_but_for_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(1)
    student = Student(PRESETS["tiny"]).eval()
    save_student(student, tmp_path / "student.safetensors")
    again = load_student(tmp_path / "student.safetensors").eval()
    assert again.preset == student.preset
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for name, value in student(x).items():
            torch.testing.assert_close(again(x)[name], value, atol=0.05, rtol=0.01)


def test_a_file_that_is_no_student_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TrainingError, match="holds no student"):
        load_student(path)
