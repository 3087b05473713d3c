"""Sharpness against what must be so; films and the blind choice."""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from training.errors import TrainingError
from training.performer.measuring.compare import main, write_comparison
from training.performer.measuring.moving import film
from training.performer.measuring.sharpness import RIM, dancer, sharpness


def textured() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)


def test_the_truth_is_1_and_a_blurred_picture_less() -> None:
    true, inside = textured(), np.full((80, 80), 255, np.uint8)
    assert sharpness(true, true, inside) == pytest.approx(1)
    soft = np.asarray(cv2.GaussianBlur(true, (0, 0), 2))
    blurred = sharpness(true, soft, inside)
    assert blurred is not None
    assert blurred < 0.5


def test_of_half_the_contrast_it_is_a_half() -> None:
    true = textured()
    half = (true // 2).astype(np.uint8)
    found = sharpness(true, half, np.full((80, 80), 255, np.uint8))
    assert found == pytest.approx(0.5, abs=0.02)


def test_a_halo_is_not_sharpness() -> None:
    labels = np.zeros((80, 80), np.uint8)
    labels[20:60, 20:60] = 13
    made = np.full((80, 80, 3), 90, np.uint8)
    made[20 : 20 + RIM - 1, 20:60] = 255
    inside = dancer(labels)
    assert cv2.countNonZero(inside) == (40 - 2 * RIM) ** 2
    true = textured()
    found = sharpness(true, made, inside)
    assert found is not None
    assert found < 0.02


def test_too_little_says_nothing() -> None:
    true = textured()
    assert sharpness(true, true, np.zeros((80, 80), np.uint8)) is None
    flat = np.full_like(true, 7)
    assert sharpness(flat, true, np.full((80, 80), 255, np.uint8)) is None


def test_a_film_shows_all_pictures_side_by_side() -> None:
    rows = [[np.full((64, 48, 3), value, np.uint8)] * 5 for value in (40, 200)]
    with av.open(io.BytesIO(film(rows, 12))) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5
    assert frames[0].shape == (64, 96, 3)
    assert abs(int(frames[2][30, 20, 0]) - 40) < 6
    assert abs(int(frames[2][30, 70, 0]) - 200) < 6
    with pytest.raises(ValueError, match="no pictures"):
        film([[], []], 12)


def test_a_choice_holds_both_films_of_each_pair(tmp_path: Path) -> None:
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        for name in ("one.mp4", "two.mp4", "notes.txt"):
            (tmp_path / side / name).write_bytes(side.encode() * 10)
    (tmp_path / "a" / "alone.mp4").write_bytes(b"x")
    page = tmp_path / "page.html"
    assert write_comparison(tmp_path / "a", tmp_path / "b", page) == 2
    assert page.read_text().count("data:video/mp4") == 4
    assert "http" not in page.read_text()


def test_nothing_to_compare_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingError, match="no videos"):
        write_comparison(tmp_path, tmp_path, tmp_path / "p.html")
    assert main([str(tmp_path), str(tmp_path), "--out", str(tmp_path / "p.html")]) == 1
    assert "no videos" in capsys.readouterr().err
