"""`run.py perform` as people use it: a real clip in, a video of somebody else out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.capture.clips import write_video
from tests.transfer.turned import turned

ROOT = Path(__file__).parents[3]
DANCER = ROOT / "tests" / "data" / "dancer_c_288.mp4"


def perform(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """`python run.py perform ...`, which must end with `code`, and never with a traceback."""
    command = [sys.executable, "run.py", "perform", *map(str, arguments)]
    command += ["--model", "bodypix-075"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def with_sound(source: Path, path: Path, codec: str, layout: str = "mono") -> Path:
    """The pictures of a clip beside a tone."""
    with av.open(str(source)) as inside, av.open(str(path), "w") as container:
        video = container.add_stream_from_template(inside.streams.video[0])
        sound: Any = container.add_stream(codec, rate=48_000, layout=layout)
        for packet in inside.demux(inside.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                container.mux(packet)
        for block in range(60):
            times = np.arange(block * 1024, (block + 1) * 1024) / 48_000
            tone = (np.sin(2 * np.pi * 440 * times) * 8000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, block * 1024
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def times(path: Path) -> list[float]:
    """Of all pictures, seconds."""
    with av.open(str(path)) as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("codec", "ending"), [("aac", "mp4"), ("flac", "mkv")])
def test_length_rate_and_sound_are_the_sources(
    codec: str, ending: str, juggler: Path, tmp_path: Path
) -> None:
    source = with_sound(DANCER, tmp_path / f"source.{ending}", codec)
    done = perform(source, "--as", juggler, "--out", tmp_path / "out.mp4")
    assert "as juggler_480" in done.stdout
    with av.open(str(tmp_path / "out.mp4")) as made, av.open(str(source)) as given:
        ours, theirs = made.streams.audio[0], given.streams.audio[0]
        assert ours.codec_context.name == "aac"
        lengths = [
            sum(frame.samples / frame.sample_rate for frame in container.decode(stream))
            for container, stream in ((made, ours), (given, theirs))
        ]
        assert lengths[0] == pytest.approx(lengths[1], abs=0.05)
        assert (made.streams.video[0].width, made.streams.video[0].height) == (640, 480)
    assert times(tmp_path / "out.mp4") == pytest.approx(times(source), abs=0.002)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", source.name]


def test_a_gif_side_by_side(juggler: Path, tmp_path: Path) -> None:
    perform(DANCER, "--as", juggler, "--out", tmp_path / "out.gif", "--side-by-side")
    with Image.open(tmp_path / "out.gif") as picture:
        assert getattr(picture, "n_frames", 1) > 10
        # Source and what was seen of it are square, as high as the result.
        assert picture.width == 480
        assert picture.height == pytest.approx(480 * 480 / (480 + 480 + 640), abs=2)


def test_a_source_with_nobody_becomes_the_clean_plate(juggler: Path, tmp_path: Path) -> None:
    plain = [np.full((120, 160, 3), 90, np.uint8)] * 12
    source = write_video(tmp_path / "empty.mp4", plain)
    done = perform(source, "--as", juggler, "--out", tmp_path / "out.mp4")
    assert "Nobody was seen in empty.mp4" in done.stdout
    assert len(times(tmp_path / "out.mp4")) == 12


def test_names_with_a_colon_are_files_and_no_file_is_replaced_unasked(
    juggler: Path, tmp_path: Path
) -> None:
    source, out = tmp_path / "take:2.mp4", tmp_path / "out:2.mp4"
    source.write_bytes(DANCER.read_bytes())
    out.write_bytes(b"mine")
    (tmp_path / "again.mp4").symlink_to(source)
    for same in (source, tmp_path / "again.mp4"):
        done = perform(source, "--as", juggler, "--out", same, "--force", code=1)
        assert "is the source itself" in done.stderr
    assert source.read_bytes() == DANCER.read_bytes()
    done = perform(source, "--as", juggler, "--out", out, code=1)
    assert "--force" in done.stderr
    assert out.read_bytes() == b"mine"
    done = perform(source, "--as", juggler, "--out", out / "o.mp4", code=1)
    assert "a file stands where a folder is needed" in done.stderr
    assert "frame" not in done.stderr  # Found out before the analysis.
    perform(source, "--as", juggler, "--out", out, "--force")
    assert times(out) == pytest.approx(times(DANCER), abs=0.002)


def test_what_goes_wrong_is_said(juggler: Path, tmp_path: Path) -> None:
    done = perform(DANCER, "--as", tmp_path, "--out", tmp_path / "o.mp4", code=1)
    assert "is no dataset" in done.stderr
    done = perform(DANCER, "--as", juggler, "--out", tmp_path / "o.avi", code=1)
    assert "must end in .mp4, .gif, .jpg or .png" in done.stderr
    done = perform(tmp_path / "none.mp4", "--as", juggler, "--out", tmp_path / "o.mp4", code=1)
    assert "none.mp4" in done.stderr
    assert not list(tmp_path.iterdir())


def test_pictures_of_two_sizes_are_performed_and_what_is_left_out_is_said(
    juggler: Path, tmp_path: Path
) -> None:
    counts = turned(juggler, tmp_path / "d")
    done = perform(DANCER, "--as", tmp_path / "d", "--out", tmp_path / "o.gif")
    assert f"{counts[1]} of {sum(counts)} pairs are left out" in done.stdout
    assert (tmp_path / "o.gif").stat().st_size > 0
