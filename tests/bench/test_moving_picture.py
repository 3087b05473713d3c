"""The README's moving picture: its parts; the journey itself is `tests/browser/test_journey.py`."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import moving_picture
from bench.moving_picture import CAPTION_HEIGHT, WIDTH, Film, captioned, main, save_mjpeg
from capture.video import probe, read_frames

DANCE = Path(__file__).parents[1] / "data" / "dancer_c_288.mp4"


def test_a_caption_stands_below_the_page_in_the_middle() -> None:
    shot = Image.new("RGB", (2 * WIDTH, WIDTH), (0, 120, 0))
    made = np.asarray(captioned(shot, "Somebody dances")).astype(int)
    assert made.shape == (WIDTH // 2 + CAPTION_HEIGHT, WIDTH, 3)
    assert (made[: WIDTH // 2] == (0, 120, 0)).all()
    columns = np.flatnonzero((made[-CAPTION_HEIGHT:].mean(axis=2) > 128).any(axis=0))
    assert columns.size > 40
    assert abs(columns.mean() - WIDTH / 2) < 20


def film_of(count: int) -> Film:
    film = Film()
    for (rgb, _), number in zip(read_frames(DANCE), range(count), strict=False):
        film.pictures.append(captioned(Image.fromarray(rgb), f"{number}"))
        film.milliseconds.append(100 + 50 * number)
    return film


def test_each_picture_is_shown_as_long_as_it_was_filmed(tmp_path: Path) -> None:
    with Image.open(BytesIO(film_of(4).webp())) as made:
        assert (made.format, made.info["loop"], made.n_frames) == ("WEBP", 0, 4)
        durations = []
        for number in range(made.n_frames):
            made.seek(number)
            made.load()
            durations.append(made.info["duration"])
    assert durations == [100, 150, 200, 250]


def test_a_long_one_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    film = film_of(3)
    best = film.webp()
    monkeypatch.setattr(moving_picture, "MAX_BYTES", len(best) - 1)
    assert len(film.webp()) < len(best)


def test_a_camera_shows_every_frame_of_its_clip(tmp_path: Path) -> None:
    camera = tmp_path / "camera.mjpeg"
    save_mjpeg(DANCE, camera)
    begins = camera.read_bytes().split(b"\xff\xd8\xff")[1:]
    assert len(begins) == sum(1 for _ in read_frames(DANCE))
    with Image.open(BytesIO(b"\xff\xd8\xff" + begins[0])) as first:
        assert first.size == (probe(DANCE).width, probe(DANCE).height)


def test_without_chromium_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.moving_picture.chromium_path", lambda: None)
    out = tmp_path / "picture.webp"
    assert main([str(DANCE), str(DANCE), "--out", str(out)]) == 1
    assert "Chromium is not installed" in capsys.readouterr().err
    assert not out.exists()
