"""What a training says: lines of JSON for the server, and a last one when it is over."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest

from training.reporting import Report, TrainingProgress, watched


def now(seconds: float) -> TrainingProgress:
    return TrainingProgress(seconds, 60.0, 3, 30, {"pixels": 0.25}, {"ssim": 0.8}, 0.5)


def test_json_ends_with_a_line_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    def run(report: Report, stop: Callable[[], bool], note: Callable[[str], None]) -> None:
        report(now(1.0))
        report(now(1.5))  # Too soon for a line of its own.
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()

    before = signal.getsignal(signal.SIGTERM)
    watched(run, as_json=True)
    assert signal.getsignal(signal.SIGTERM) is before
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["seconds"], first["seconds_left"], first["pictures_per_second"]) == (1, 59, 30)
    assert "over" not in first
    assert (last["seconds"], last["over"], last["starved"]) == (1.5, True, 0.5)


def test_without_json_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    watched(lambda report, stop, note: report(now(2.0)), as_json=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert "30 pictures (15.0/s, 50% of the time waiting): pixels 0.250" in said.err
    assert "held out: ssim 0.800" in said.err
