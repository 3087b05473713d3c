"""A clip is captured, a performer trained on it for a minute, measured, exported and shown."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from transfer.performers.generator import GENERATORS, Generator
from transfer.performers.trained import save_generator
from transfer.performers.trained_files import INT8_NAME, WEIGHTS_NAME

ROOT = Path(__file__).parents[3]
JUGGLER = ROOT / "tests" / "data" / "juggler_480.mp4"
DANCER = ROOT / "tests" / "data" / "dancer_c_288.mp4"
BAR = 0.7
"""Error of the held-out frames over the clean plate's: less has learnt the dancer."""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`python run.py ...`, which must succeed."""
    command = [sys.executable, "run.py", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def errors(performer: Path, dataset: Path, out: Path) -> dict[str, float]:
    """By performer, from `evaluate`'s own file."""
    run("evaluate", performer, "--dataset", dataset, "--json", out)
    figures: dict[str, Any] = json.loads(out.read_bytes())
    return {row["performer"]: row["error"] for row in figures["rows"]}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_minutes_of_training_learn_a_dancer(models: Path, tmp_path: Path) -> None:
    dataset, performer = tmp_path / "dataset", tmp_path / "me"
    run("capture", JUGGLER, "--out", dataset)
    train = [sys.executable, "run.py", "train", str(dataset), "--out", str(performer)]
    train += ["--minutes", "3", "--progress", "json", "--from", "none", "--preset", "realtime"]
    with (tmp_path / "first.txt").open("w") as said:
        first = subprocess.Popen(train, cwd=ROOT, stdout=said, stderr=said)
        until = time.monotonic() + 120
        while "losses" not in (tmp_path / "first.txt").read_text():
            assert first.poll() is None
            assert time.monotonic() < until
            time.sleep(0.3)
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
    assert (performer / WEIGHTS_NAME).is_file()
    done = subprocess.run(train, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines[0]["seconds"] > 0
    assert lines[-1]["step"] > lines[0]["step"] > 0
    assert lines[-1]["seconds_left"] < 5
    assert lines[-1]["starved"] < 0.2
    assert f"perform SOURCE.mp4 --as {performer}" in (performer / "README.md").read_text()
    for name in ("samples.png", "curves.png", "plate.png", "thumbnail.jpg"):
        assert (performer / name).stat().st_size > 1000

    trained = errors(performer, dataset, tmp_path / "trained.json")
    assert trained["realtime"] < BAR * trained["plate"]
    weights = (performer / WEIGHTS_NAME).read_bytes()
    torch.manual_seed(0)
    save_generator(Generator(GENERATORS["realtime"]), performer / WEIGHTS_NAME)
    untrained = errors(performer, dataset, tmp_path / "untrained.json")
    assert untrained["realtime"] > BAR * untrained["plate"]

    (performer / WEIGHTS_NAME).write_bytes(weights)
    done = run("export-model", performer)
    assert "is ready" in done.stdout
    assert (performer / INT8_NAME).is_file()
    exported = errors(performer, dataset, tmp_path / "exported.json")
    assert exported["realtime"] == pytest.approx(trained["realtime"], abs=3)
    assert exported["realtime"] < BAR * exported["plate"]

    run("perform", DANCER, "--as", performer, "--out", tmp_path / "out.mp4", "--side-by-side")
    with av.open(str(tmp_path / "out.mp4")) as made, av.open(str(DANCER)) as source:
        counts = [sum(1 for _ in one.decode(video=0)) for one in (made, source)]
    assert counts[0] == counts[1]
