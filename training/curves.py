"""A picture in a run's folder: how the losses fell, how like the truth held-out frames became."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.files import write_whole

_WIDTH, _HEIGHT, _MARGIN = 900, 420, 40
_LEGEND = 260
"""Pixels at the right of a chart."""
_COLOURS = [(110, 64, 170), (255, 94, 99), (26, 199, 194), (255, 140, 56), (47, 150, 224),
            (96, 200, 96), (120, 120, 120), (210, 62, 167)]  # fmt: skip
_INK, _LINE = (90, 90, 90), (210, 210, 210)

Picture = NDArray[np.uint8]


def write_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Two charts over the minutes, a PNG: losses, and how well held-out frames do.

    What they measure differs in size, so each line goes from its own lowest to its own highest
    value; the first and the last stand beside it.
    """
    canvas = np.full((_HEIGHT, 2 * _WIDTH, 3), 255, np.uint8)
    minutes = np.array([line["seconds"] / 60 for line in history])
    for left, key, title in ((0, "losses", "losses"), (_WIDTH, "held_out", "held-out frames")):
        chart = canvas[:, left : left + _WIDTH]
        names = dict.fromkeys(name for line in history for name in line[key])
        _frame(chart, title, f"{minutes[-1]:.0f} min" if history else "")
        for number, name in enumerate(names):
            # Some begin later: what the discriminator says.
            values = np.array([line[key].get(name, np.nan) for line in history], np.float64)
            there = np.isfinite(values)
            if there.any():
                _curve(chart, number, name, minutes[there] / max(minutes[-1], 1e-9), values[there])
    _, data = cv2.imencode(".png", cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR))
    write_whole(path, data.tobytes())


def _frame(chart: Picture, title: str, last: str) -> None:
    """What a chart has without lines; `last`: said at the end of its time axis."""
    right, bottom = _WIDTH - _LEGEND - _MARGIN, _HEIGHT - _MARGIN
    cv2.rectangle(chart, (_MARGIN, _MARGIN), (right, bottom), _LINE, 1)
    _write(chart, title, (_MARGIN, _MARGIN - 12), _INK)
    _write(chart, "0", (_MARGIN, bottom + 20), _INK)
    _write(chart, last, (right - 50, bottom + 20), _INK)


def _curve(
    chart: Picture, number: int, name: str, x: NDArray[np.float64], y: NDArray[np.float64]
) -> None:
    """One line and its name beside the chart; `x`: 0..1."""
    colour = _COLOURS[number % len(_COLOURS)]
    wide, high = _WIDTH - _LEGEND - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN - 16
    share = (y - y.min()) / max(float(np.ptp(y)), 1e-9)
    points = np.stack([_MARGIN + x * wide, _HEIGHT - _MARGIN - 8 - share * high], axis=-1)
    cv2.polylines(chart, [np.rint(points).astype(np.int32)], False, colour, 2, cv2.LINE_AA)
    place = (_WIDTH - _LEGEND - _MARGIN + 20, _MARGIN + 16 + 24 * number)
    _write(chart, f"{name} {y[0]:.3f} to {y[-1]:.3f}", place, colour)


def _write(chart: Picture, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(chart, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
