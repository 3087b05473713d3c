"""Three seconds of a film: the right ones, whole or not at all, as players want them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.capture.real import CLIP
from transfer.output.loop_command import boomerang
from transfer.output.pictures_out import Mp4Out

RUN = Path(__file__).resolve().parents[3] / "run.py"


def loop(*arguments: object, code: int = 0) -> str:
    """What it says."""
    done = subprocess.run(
        [sys.executable, RUN, "loop", *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return (done.stdout + done.stderr).strip()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds that grow brighter, of an odd size."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with Mp4Out(path, 30.0) as out:
        for number in range(150):
            out.write(np.full((90, 122, 3), 20 + number, np.uint8), number / 30)
    return path


def levels(path: Path) -> tuple[list[float], list[float]]:
    """Times and mean greys."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.codec_context.width % 2 == stream.codec_context.height % 2 == 0
        frames = [*container.decode(stream)]
    return [float(one.time) for one in frames], [
        float(one.to_ndarray(format="rgb24").mean()) for one in frames
    ]


def test_a_boomerang_goes_forwards_and_backwards(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    loop(film, "--from=1", "--boomerang", "--out", out, tmp_path / "out.gif")
    times, greys = levels(out)
    assert len(times) == 90 + 88
    assert np.diff(times) == pytest.approx(1 / 30, abs=0.002)
    assert greys[0] == pytest.approx(50, abs=4)
    assert max(greys) == pytest.approx(20 + 119, abs=4)
    assert greys[90:] == pytest.approx(greys[88:0:-1], abs=4)
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "faststart"
    with Image.open(tmp_path / "out.gif") as gif:
        assert 55 < gif.n_frames < 76
        assert gif.info["loop"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.gif", "out.mp4"]


def test_a_gif_of_the_last_seconds_when_too_late_a_place_is_named(
    film: Path, tmp_path: Path
) -> None:
    loop(film, "--from=99", "--out", tmp_path / "out.gif")
    with Image.open(tmp_path / "out.gif") as gif:
        length = 0.0
        for frame in range(gif.n_frames):
            gif.seek(frame)
            length += gif.info["duration"] / 1000
        assert length == pytest.approx(3.0, abs=0.2)
        last = np.asarray(gif.convert("RGB")).mean()
    assert last > 150


def test_a_short_film_is_looped_as_a_whole(tmp_path: Path) -> None:
    loop(CLIP, "--seconds=10", "--out", tmp_path / "out.mp4")
    with av.open(str(CLIP)) as container:
        count = sum(1 for _ in container.decode(video=0))
    assert len(levels(tmp_path / "out.mp4")[0]) == pytest.approx(count, abs=2)


def test_what_cannot_be_is_said_and_nothing_is_left(film: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    out = tmp_path / "out.gif"
    assert "must end in" in loop(film, "--out", tmp_path / "out.png", code=1)
    assert "bad.mp4" in loop(tmp_path / "bad.mp4", "--out", out, code=1)
    assert "between" in loop(film, "--seconds=nan", "--out", out, code=1)
    assert "number" in loop(film, "--from=nan", "--out", out, code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mp4"]
    out.write_bytes(b"mine")
    assert "--force" in loop(film, "--out", out, code=1)
    assert out.read_bytes() == b"mine"


def test_the_turning_points_are_shown_once() -> None:
    pictures = [(np.full((2, 2, 3), number, np.uint8), number / 10) for number in range(4)]
    turned = boomerang(pictures)
    assert [int(rgb[0, 0, 0]) for rgb, _ in turned] == [0, 1, 2, 3, 2, 1]
    assert [time_s for _, time_s in turned] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
