"""Minutes of distilling on a booth's clips, killed once, as somebody at a terminal does it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.dataset import Dataset
from capture.progress import Progress
from inference.network import Network
from inference.runtime import Device
from training.network.held_out import held_out_accuracy
from training.network.labelled import Packed
from training.network.prepare import prepare
from training.network.sources import find_samples
from training.network.student import PRESETS, Student
from training.network.student_files import load_student
from training.network.student_network import StudentNetwork
from training.network.teacher import Teacher
from training.run_folder import RunFolder

ROOT = Path(__file__).parents[3]
LEARNT = 0.25
"""By how much the held-out IoU must be above the untrained network's."""
LOST = 0.03
"""Held-out IoU that quantising may cost here."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_minutes_on_a_booth_learn(tmp_path: Path, videos: Path, models: Path) -> None:
    clips = [
        clip
        for clip in sorted((videos / "booth").iterdir())
        if clip.stem not in ("sorry", "school")
    ]
    run = tmp_path / "booth"
    command = [sys.executable, "run.py", "distill", *map(str, clips), "--out", str(run)]
    command += ["--preset", "tiny", "--minutes", "8"]
    environment = os.environ | {"UNDERSTUDY_NETWORKS": str(tmp_path / "networks")}

    said = tmp_path / "first.txt"
    with said.open("w") as file:
        first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
        _wait_for(run / "checkpoint.pt", first, said)
        first.send_signal(signal.SIGKILL)
        first.wait()
    seen_before = RunFolder(run).load()
    assert seen_before is not None

    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "is ready" in done.stdout
    state = RunFolder(run).load()
    assert state is not None
    assert state["seen"] > seen_before["seen"] > 0
    for name in ("curves.png", "pictures.png", "student.json", "student.safetensors"):
        assert (run / name).stat().st_size > 1000

    held_out = _held_out(run, clips)
    torch.manual_seed(0)
    untrained = held_out_accuracy(StudentNetwork(Student(PRESETS["tiny"])).heads, held_out)
    trained = held_out_accuracy(
        StudentNetwork(load_student(run / "student.safetensors")).heads, held_out
    )
    network = Network.open(run / "student.tflite", Device("cpu"))
    exported = held_out_accuracy(lambda rgb: network.infer(rgb)[0], held_out)
    assert trained["person_iou"] >= untrained["person_iou"] + LEARNT
    assert exported["person_iou"] >= trained["person_iou"] - LOST

    metadata = json.loads((run / "student.json").read_bytes())
    assert len(metadata["training"]["files"]) == len(clips)
    _captures_with(run, videos / "booth" / "sorry.mkv", tmp_path, environment)


def _wait_for(path: Path, process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + 600
    while not path.exists():
        assert process.poll() is None, said.read_text()[-2000:]
        assert time.monotonic() < until, said.read_text()[-2000:]
        time.sleep(0.5)


def _held_out(run: Path, clips: list[Path]) -> list[Packed]:
    """What the run held out, labelled already: no teacher is asked again."""

    def nobody() -> Teacher:
        raise AssertionError("something was not labelled")

    samples = find_samples(clips, 0.1)
    with Progress("labels") as progress:
        return prepare(samples, run / "labels", nobody, progress).held_out


def _captures_with(run: Path, clip: Path, folder: Path, environment: dict[str, str]) -> None:
    """A clip that was not learnt from becomes a dataset by the new network."""
    command = [sys.executable, "run.py", "capture", str(clip), "--out", str(folder / "dataset")]
    done = subprocess.run(
        [*command, "--model", str(run)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    dataset = Dataset.open(folder / "dataset")
    shares = [float((dataset.labels(pair.index) > 0).mean()) for pair in dataset.pairs[::20]]
    assert 0.08 < np.median(shares) < 0.8
