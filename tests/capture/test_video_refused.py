"""What is not read, and the one sentence that says why."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from capture.errors import VideoError
from capture.video import Limits, probe, read_frames
from tests.capture.clips import patch, pictures, write_video


@pytest.fixture(scope="module")
def clip() -> list[Any]:
    """Real frames with their numbers burnt in."""
    return pictures(30)


def refused(path: Path, limits: Limits | None = None) -> str:
    """The one sentence a file is refused with, by both functions."""
    with pytest.raises(VideoError) as looked:
        probe(path, limits)
    with pytest.raises(VideoError) as read:
        list(read_frames(path, limits))
    assert str(looked.value) == str(read.value)
    sentence = str(looked.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_what_is_no_video_is_refused(tmp_path: Path, clip: list[Any]) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video\n" * 1000)
    assert "is not a video" in refused(text)
    noise = tmp_path / "noise.webm"
    noise.write_bytes(np.random.default_rng(0).bytes(100_000))
    assert "is not a video" in refused(noise)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert "is empty" in refused(empty)
    assert "not a file" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "missing.mp4")
    whole = write_video(tmp_path / "headless.mp4", clip)
    whole.write_bytes(whole.read_bytes()[:-2000])
    assert "without its index" in refused(whole)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(path, "w") as container:
        stream: Any = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.rate = 44100
        for _ in range(20):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "only sound" in refused(path)


def test_a_playlist_opens_no_other_file(tmp_path: Path, clip: list[Any]) -> None:
    """A playlist that calls itself a video would make us read other files, or call other hosts."""
    other = write_video(tmp_path / "other.ts", clip)
    playlist = tmp_path / "innocent.mp4"
    playlist.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{other.name}\n#EXT-X-ENDLIST\n"
    )
    assert "is not a video" in refused(playlist)
    script = tmp_path / "innocent.avi"
    script.write_text(f"ffconcat version 1.0\nfile {other.name}\n")
    assert "is not a video" in refused(script)


def test_a_huge_picture_is_refused_before_memory_is_taken(tmp_path: Path, clip: list[Any]) -> None:
    raw = tmp_path / "huge.y4m"
    raw.write_bytes(b"YUV4MPEG2 W100000 H100000 F25:1 C420jpeg\nFRAME\n" + bytes(10_000))
    old = write_video(tmp_path / "huge.avi", clip[:3], codec="rawvideo", pixels="bgr24")
    for height in (180, -180):
        wanted = 100_000 if height > 0 else -100_000
        size = struct.pack("<ii", 320, height)
        if size in old.read_bytes():
            patch(old, size, struct.pack("<ii", 100_000, wanted))
    h264 = write_video(tmp_path / "huge.mp4", clip[:3])
    patch(h264, struct.pack(">HH", 320, 180), struct.pack(">HH", 65535, 65535))
    movie = write_video(tmp_path / "huge.mov", clip[:3], codec="rawvideo", pixels="rgb24")
    patch(movie, struct.pack(">HH", 320, 180), struct.pack(">HH", 65535, 65535))
    tracemalloc.start()
    assert "huge.y4m" in refused(raw)
    assert "huge.avi" in refused(old)
    assert probe(h264).height == 180  # what the stream itself says is what is decoded
    assert probe(h264).width == 568  # its header asks for pixels of 16:9
    assert "huge.mov" in refused(movie)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    small = write_video(tmp_path / "small.mp4", clip)
    assert "claims 320x180 pixels" in refused(small, Limits(max_pixels=320 * 179))


def test_bounds_are_said(tmp_path: Path, clip: list[Any]) -> None:
    ten_hours = write_video(tmp_path / "long.mp4", clip[:2], times=[0, 36_000_000])
    assert "10 h 0 min" in refused(ten_hours)
    small = write_video(tmp_path / "small.mp4", clip)
    assert "lasts 1.2 s" in refused(small, Limits(max_seconds=1))
    assert "30 frames" in refused(small, Limits(max_frames=29))
    assert "GB" in refused(small, Limits(max_bytes=1000))
