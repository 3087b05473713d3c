"""What a training in the terminal says, and how it is stopped."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from capture.progress import Progress


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """What is told of a run's progress."""

    seconds: float
    """Trained so far, over all sittings."""
    total_seconds: float
    step: int
    seen: int
    """Pictures."""
    losses: dict[str, float]
    held_out: dict[str, float]
    """On the held-out pictures, when last measured."""
    starved: float | None = None
    """Share of the time in which the step waited for data, where it is measured."""


Report = Callable[[TrainingProgress], None]
Run = Callable[[Report, Callable[[], bool], Callable[[str], None]], None]
"""What to tell of its progress, whether it is to stop, and what to note."""


def watched(run: Run, as_json: bool) -> None:
    """Run a training with a bar, or JSON lines; Ctrl-C and SIGTERM let it save and end.

    The last line of JSON says `"over": true`: what comes after it is no learning any more.
    """
    stopped = False
    last: TrainingProgress | None = None

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    told_at = 0.0
    try:
        with Progress("training", "s") as progress:

            def report(now: TrainingProgress) -> None:
                nonlocal told_at, last
                last = now
                if not as_json:
                    progress(round(now.seconds), round(now.total_seconds))
                if time.monotonic() - told_at >= (1 if as_json else 30):
                    told_at = time.monotonic()
                    print(_json(now), flush=True) if as_json else progress.note(_line(now))

            run(report, lambda: stopped, progress.note)
            if as_json and last is not None:
                print(_json(last, over=True), flush=True)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _json(now: TrainingProgress, over: bool = False) -> str:
    rate = now.seen / max(now.seconds, 1e-9)
    starved = {} if now.starved is None else {"starved": round(now.starved, 3)}
    return json.dumps(
        {
            "seconds": round(now.seconds, 1),
            "seconds_left": round(max(now.total_seconds - now.seconds, 0), 1),
            "step": now.step,
            "pictures": now.seen,
            "pictures_per_second": round(rate, 1),
            "losses": {name: round(value, 4) for name, value in now.losses.items()},
            "held_out": now.held_out,
            **starved,
            **({"over": True} if over else {}),
        }
    )


def _line(now: TrainingProgress) -> str:
    losses = ", ".join(f"{name} {value:.3f}" for name, value in now.losses.items())
    accuracy = ", ".join(f"{name} {value:.3f}" for name, value in now.held_out.items())
    rate = f"{now.seen / max(now.seconds, 1e-9):.1f}/s"
    if now.starved is not None:
        rate += f", {now.starved:.0%} of the time waiting"
    return f"{now.seen} pictures ({rate}): {losses}" + (accuracy and f" | held out: {accuracy}")
