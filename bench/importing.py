"""How fast `run.py capture` turns a video into a dataset."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.clip import FPS, Clip
from bench.loop import Row
from bench.serving import RUN, BenchError
from capture.dataset import Dataset


def measure_import(clip: Clip, seconds: float, runs: int, flags: list[str]) -> Row:
    """`runs` imports of a clip of `seconds`; start-up of the command included.

    Raises:
        BenchError: the command failed.
    """
    count = int(seconds * FPS)
    rates, pairs = [], 0
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        video = Path(folder) / "clip.mp4"
        clip.save_mp4(video, count)
        for run in range(runs):
            out = Path(folder) / str(run)
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(RUN), "capture", str(video), f"--out={out}", *flags],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise BenchError(f"The import failed: {done.stderr.strip()[-300:]}")
            rates.append(count / (time.perf_counter() - began))
            pairs = len(Dataset.open(out).pairs)
    return {"frames_per_second": round(median(rates), 1), "frames": count, "pairs": pairs}
