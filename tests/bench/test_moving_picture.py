"""The README's moving picture, made of a real clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import moving_picture
from bench.moving_picture import CAPTION_HEIGHT, CAPTIONS, WIDTH, main
from capture.video import probe, read_frames
from transfer.output.pictures_out import pictures_out

DANCE = Path(__file__).parents[1] / "data" / "dancer_c_288.mp4"
FRAMES = 12


@pytest.fixture
def performed(tmp_path: Path) -> Path:
    """The dance beside itself, dark, and beside a wider bright picture: 288 + 288 + 384 pixels."""
    path = tmp_path / "performed.mp4"
    with pictures_out(path, DANCE, probe(DANCE)) as out:
        for number, (rgb, time_s) in enumerate(read_frames(DANCE)):
            if number == FRAMES:
                break
            bright = np.full((288, 384, 3), 255 - 10 * number, np.uint8)
            out.write(np.hstack([rgb, rgb // 8, bright]), time_s)
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    """Every frame, RGB."""
    with Image.open(path) as picture:
        assert (picture.format, picture.info["loop"]) == ("WEBP", 0)
        shown = []
        for number in range(picture.n_frames):
            picture.seek(number)
            shown.append(np.asarray(picture.convert("RGB")).astype(int))
    return shown


def test_it_runs_there_and_back_with_a_caption_below_each_panel(
    performed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "picture.webp"
    assert main([str(DANCE), str(performed), "--out", str(out)]) == 0
    frames = frames_of(out)
    assert out.stat().st_size <= moving_picture.MAX_BYTES
    assert len(frames) == 2 * FRAMES - 2
    assert frames[0].shape == (270 + CAPTION_HEIGHT, WIDTH, 3)
    brightness = [frame[135, 720].mean() for frame in frames]
    forwards = [255 - 10 * number for number in range(FRAMES)]
    np.testing.assert_allclose(brightness, forwards + forwards[-2:0:-1], atol=6)
    assert len(CAPTIONS) == 3
    for left, right in ((0, 270), (270, 540), (540, 900)):
        line = frames[0][-CAPTION_HEIGHT:, left:right].mean(axis=2)
        columns = np.flatnonzero((line > 128).any(axis=0))
        assert columns.size > 40
        assert abs(columns.mean() - (right - left) / 2) < 20, "in the middle of its panel"


def test_clips_that_do_not_belong_together_are_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "picture.webp"
    assert main([str(DANCE), str(DANCE), "--out", str(out)]) == 1
    assert "--side-by-side" in capsys.readouterr().err
    assert not out.exists()


def test_a_picture_that_stays_too_large_is_not_written(
    performed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(moving_picture, "MAX_BYTES", 1000)
    out = tmp_path / "picture.webp"
    assert main([str(DANCE), str(performed), "--out", str(out)]) == 1
    assert "shorter" in capsys.readouterr().err
    assert not out.exists()
