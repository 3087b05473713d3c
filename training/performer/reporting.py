"""What a training in the terminal says, and how it is stopped."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

from capture.progress import Progress
from training.performer.training import TrainingProgress

Report = Callable[[TrainingProgress], None]
Run = Callable[[Report, Callable[[], bool], Callable[[str], None]], None]
"""What to tell of its progress, whether it is to stop, and what to note."""


def watched(run: Run, as_json: bool) -> None:
    """Run a training with a bar, or JSON lines; Ctrl-C and SIGTERM let it save and end."""
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    told_at = 0.0
    try:
        with Progress("training", "s") as progress:

            def report(now: TrainingProgress) -> None:
                nonlocal told_at
                if not as_json:
                    progress(round(now.seconds), round(now.total_seconds))
                if time.monotonic() - told_at >= (1 if as_json else 30):
                    told_at = time.monotonic()
                    print(_json(now), flush=True) if as_json else progress.note(_line(now))

            run(report, lambda: stopped, progress.note)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _json(now: TrainingProgress) -> str:
    rate = now.seen / max(now.seconds, 1e-9)
    return json.dumps(
        {
            "seconds": round(now.seconds, 1),
            "seconds_left": round(max(now.total_seconds - now.seconds, 0), 1),
            "step": now.step,
            "pictures": now.seen,
            "pictures_per_second": round(rate, 1),
            "losses": {name: round(value, 4) for name, value in now.losses.items()},
            "held_out": now.held_out,
            "starved": round(now.starved, 3),
        }
    )


def _line(now: TrainingProgress) -> str:
    losses = ", ".join(f"{name} {value:.3f}" for name, value in now.losses.items())
    accuracy = ", ".join(f"{name} {value:.3f}" for name, value in now.held_out.items())
    rate = now.seen / max(now.seconds, 1e-9)
    return (
        f"{now.seen} pictures ({rate:.1f}/s, {now.starved:.0%} of the time waiting): {losses}"
        + (accuracy and f" | held out: {accuracy}")
    )
