"""Stands in for `run.py`: learns nothing, but does as `train`, `evaluate` and `distill` do.

What it does beside that stands in the dataset's title: `slow` preparation, `child` processes,
`dies`, `stubborn`, `breaks` when a network's file is written, `lingers` there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WEIGHTS = {"train": "generator.safetensors", "distill": "student.safetensors"}


def main() -> None:
    command, subject, *rest = sys.argv[1:]
    options = dict(one.removeprefix("--").split("=", 1) for one in rest if one.startswith("--"))
    if command == "evaluate":
        rows = [{"performer": "knn", "ssim": 0.7}, {"performer": "realtime", "ssim": 0.8}]
        (Path(subject) / "evaluation.json").write_text(json.dumps({"rows": rows}))
        return
    title = json.loads((Path(subject) / "dataset.json").read_text())["title"]
    run, minutes = Path(options["out"]), float(options["minutes"])
    if "child" in title:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        Path(subject, "child").write_text(str(child.pid))
    print("Looking.", flush=True)
    time.sleep(100 if "slow" in title else 0.1)
    said = train(run, minutes * 60, title, WEIGHTS[command])
    if command == "distill":
        print(json.dumps({**said, "over": True}), flush=True)
        finish(run, options["name"], title)


def finish(run: Path, name: str, title: str) -> None:
    time.sleep(100 if "lingers" in title else 1.0)
    if "breaks" in title:
        sys.exit("The network does not keep the rules.")
    rows = [{"network": "before", "pck": 0.7}, {"network": "now", "pck": 0.8}]
    (run / "evaluation.json").write_text(json.dumps({"rows": rows}))
    own = Path(os.environ["UNDERSTUDY_NETWORKS"])
    own.mkdir(exist_ok=True)
    for path in (run / "student.tflite", own / f"{name}.tflite"):
        path.write_bytes(b"network")


def train(run: Path, total: float, title: str, weights: str) -> dict[str, object]:
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = "stubborn" not in title

    signal.signal(signal.SIGTERM, stop)
    run.mkdir(exist_ok=True)
    (run / "pictures").mkdir(exist_ok=True)
    state = run / "checkpoint.pt"
    seconds = float(state.read_text()) if state.exists() else 0.0
    said: dict[str, object] = {"seconds": seconds, "losses": {}, "held_out": {}}
    while seconds < total and not stopped:
        time.sleep(0.1)
        seconds += 0.1
        if "dies" in title and seconds > 0.5:
            sys.exit("The disk is full.")
        said = {
            "seconds": round(seconds, 2),
            "seconds_left": round(max(total - seconds, 0), 2),
            "pictures_per_second": 10.0,
            "losses": {"pixels": 1 / (1 + seconds)},
            "held_out": {},
        }
        print(json.dumps(said), flush=True)
        state.write_text(str(seconds))
        (run / weights).write_bytes(b"weights")
        (run / "pictures" / f"{int(seconds):06d}.jpg").write_bytes(b"jpeg")
    return said


if __name__ == "__main__":
    main()
