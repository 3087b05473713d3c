"""The curves of a run: a line for each value, whenever it begins and however large it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.curves import _COLOURS, _HEIGHT, _LEGEND, _MARGIN, _WIDTH, write_curves


def test_every_line_is_drawn_over_its_own_range(tmp_path: Path) -> None:
    history = [
        {"seconds": 15.0, "losses": {"pixels": 0.05}, "held_out": {"ssim": 0.92, "error": 5.0}},
        {
            "seconds": 60.0,
            "losses": {"pixels": 0.02, "adversarial": 0.7},
            "held_out": {"ssim": 0.93, "error": 4.0},
        },
        {
            "seconds": 120.0,
            "losses": {"pixels": 0.03, "adversarial": 1.4},
            "held_out": {"ssim": 0.94, "error": 4.5},
        },
    ]
    write_curves(history, tmp_path / "curves.png")
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "curves.png")), cv2.COLOR_BGR2RGB)
    for left in (0, _WIDTH):
        chart = picture[_MARGIN:-_MARGIN, left + _MARGIN : left + _WIDTH - _LEGEND - _MARGIN]
        for number, begins in enumerate((15, 60 if left == 0 else 15)):
            rows, columns = np.nonzero((chart == _COLOURS[number]).all(-1))
            assert np.ptp(rows) > 0.85 * (_HEIGHT - 2 * _MARGIN)
            assert abs(columns.min() / chart.shape[1] - begins / 120) < 0.02


def test_a_run_that_was_never_measured_has_empty_charts(tmp_path: Path) -> None:
    write_curves([], tmp_path / "curves.png")
    assert (cv2.imread(str(tmp_path / "curves.png")) == 255).mean() > 0.9


def test_a_run_that_was_stopped_at_once_has_charts(tmp_path: Path) -> None:
    line = {"seconds": 0.0, "losses": {"pixels": 0.05}, "held_out": {"ssim": 0.9}}
    write_curves([line], tmp_path / "curves.png")
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "curves.png")), cv2.COLOR_BGR2RGB)
    assert (picture == _COLOURS[0]).all(-1).any()
