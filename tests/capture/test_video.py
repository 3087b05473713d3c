"""Every decoded frame once, in order, upright, whatever the file looks like."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.decoding import Clock, fitted
from capture.video import probe, read_frames
from tests.capture.clips import CLIP, barcode, pictures, with_barcode, write_video

COUNT = 30
B_FRAMES = {"bf": "3", "g": "12", "crf": "18"}


@pytest.fixture(scope="module")
def clip() -> list[Any]:
    """Real frames with their numbers burnt in."""
    return pictures(COUNT)


def numbers_and_times(path: Path) -> tuple[list[int], list[float], list[str]]:
    """What the file holds, by barcode, and what was said about it."""
    notes: list[str] = []
    read = [(barcode(rgb), time_s) for rgb, time_s in read_frames(path, note=notes.append)]
    return [number for number, _ in read], [time_s for _, time_s in read], notes


def every_time(count: int = COUNT, step: float = 0.04) -> Any:
    """Times of a constant rate."""
    return pytest.approx([index * step for index in range(count)], abs=2e-3)


@pytest.mark.parametrize(
    ("name", "codec", "options", "container_options"),
    [
        ("b_frames.mp4", "libx264", B_FRAMES, {}),
        ("b_frames.mov", "libx264", B_FRAMES, {}),
        ("b_frames.mkv", "libx264", B_FRAMES, {}),
        ("b_frames.ts", "libx264", B_FRAMES, {}),
        ("b_frames.avi", "libx264", B_FRAMES, {}),
        ("b_frames.h264", "libx264", B_FRAMES, {}),
        ("packed.avi", "mpeg4", {"bf": "2"}, {}),
        ("h265.mp4", "libx265", {"x265-params": "log-level=none"}, {}),
        ("fragmented.mp4", "libx264", B_FRAMES, {"movflags": "frag_keyframe+empty_moov"}),
        ("vp8.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "12", "b": "2M"}, {}),
        ("vp9.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "2M"}, {}),
    ],
)
def test_every_frame_once_in_order(
    tmp_path: Path,
    clip: list[Any],
    name: str,
    codec: str,
    options: dict[str, str],
    container_options: dict[str, str],
) -> None:
    path = write_video(
        tmp_path / name, clip, codec=codec, options=options, container_options=container_options
    )
    info = probe(path)
    assert (info.width, info.height, info.frames, info.rotation) == (320, 180, COUNT, 0)
    assert info.fps == pytest.approx(25, rel=0.03)
    assert info.duration_s == pytest.approx(COUNT / 25, rel=0.03)
    numbers, times, notes = numbers_and_times(path)
    assert numbers == list(range(COUNT))
    assert times == every_time()
    assert not notes


def test_a_stream_written_while_recorded_has_no_duration(tmp_path: Path, clip: list[Any]) -> None:
    """As a browser's MediaRecorder writes it: the header is never gone back to."""
    path = tmp_path / "recorder.webm"
    with path.open("wb") as file:
        write_video(
            SimpleNamespace(write=file.write),
            clip,
            codec="libvpx",
            options={"b": "2M"},
            container_format="webm",
        )
    with av.open(path) as container:
        assert container.duration is None
        assert container.streams.video[0].frames == 0
    info = probe(path)
    assert (info.frames, info.fps) == (COUNT, pytest.approx(25, rel=0.01))
    assert numbers_and_times(path)[0] == list(range(COUNT))


def test_a_variable_rate_keeps_its_times(tmp_path: Path, clip: list[Any]) -> None:
    times = np.cumsum([0, 40, 1, 159, 33, 500, 20, 7, 3, 40, 1000, 16]).tolist()
    path = write_video(tmp_path / "variable.mp4", clip[: len(times)], times=times, options=B_FRAMES)
    numbers, seconds, _ = numbers_and_times(path)
    assert numbers == list(range(len(times)))
    assert seconds == pytest.approx([time / 1000 for time in times], abs=1e-3)


@pytest.mark.parametrize("first", [-400, 3000])
def test_times_count_from_the_first_frame(tmp_path: Path, clip: list[Any], first: int) -> None:
    times = [first + 40 * index for index in range(COUNT)]
    path = write_video(tmp_path / "shifted.mkv", clip, times=times, options=B_FRAMES)
    numbers, seconds, _ = numbers_and_times(path)
    assert numbers == list(range(COUNT))
    assert seconds == every_time()


def test_what_an_edit_list_hides_is_not_shown(tmp_path: Path, clip: list[Any]) -> None:
    """As phones trim: the frames before the cut are there to decode the others from."""
    whole = write_video(tmp_path / "whole.mp4", clip, options=B_FRAMES)
    trimmed = tmp_path / "trimmed.mp4"
    with av.open(whole) as source, av.open(trimmed, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.pts is None or packet.dts is None:
                continue
            shift = round(Fraction(400, 1000) / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = stream
            target.mux(packet)
    assert b"elst" in trimmed.read_bytes()
    numbers, seconds, notes = numbers_and_times(trimmed)
    assert numbers == list(range(10, COUNT))
    assert seconds == every_time(COUNT - 10)
    assert not notes
    assert probe(trimmed).frames == COUNT - 10


IDENTITY = (1, 0, 0, 0, 1, 0)
TURNS: dict[str, tuple[tuple[int, ...], int, Callable[[Any], Any]]] = {
    "90": ((0, 1, 0, -1, 0, 0), 90, lambda rgb: np.rot90(rgb, -1)),
    "180": ((-1, 0, 0, 0, -1, 0), 180, lambda rgb: np.rot90(rgb, 2)),
    "270": ((0, -1, 0, 1, 0, 0), 270, lambda rgb: np.rot90(rgb, 1)),
    "mirrored": ((-1, 0, 0, 0, 1, 0), 0, lambda rgb: rgb[:, ::-1]),
}


@pytest.mark.parametrize(("matrix", "degrees", "turned"), TURNS.values(), ids=TURNS)
def test_rotation_metadata_is_applied(
    tmp_path: Path,
    clip: list[Any],
    matrix: tuple[int, ...],
    degrees: int,
    turned: Callable[[Any], Any],
) -> None:
    """The matrix of a phone's mp4 (`tkhd`), against NumPy's own rotation."""
    path = write_video(tmp_path / "phone.mp4", clip, options=B_FRAMES)
    stored = [rgb for rgb, _ in read_frames(path)]
    one = 0x10000
    pack = struct.Struct(">6i").pack
    header = path.read_bytes().index(b"tkhd")
    content = bytearray(path.read_bytes())
    place = content.index(pack(*(value * one for value in IDENTITY)), header)
    content[place : place + 24] = pack(*(value * one for value in matrix))
    path.write_bytes(content)
    info = probe(path)
    upright = [rgb for rgb, _ in read_frames(path)]
    assert info.rotation == degrees
    assert upright[0].shape == (info.height, info.width, 3)
    assert all(rgb.flags.c_contiguous for rgb in upright)
    assert len(upright) == COUNT
    for before, after in zip(stored, upright, strict=True):
        np.testing.assert_array_equal(after, turned(before))


@pytest.mark.parametrize(("width", "height"), [(319, 179), (131, 100), (130, 33)])
def test_odd_sizes(tmp_path: Path, clip: list[Any], width: int, height: int) -> None:
    cut = [picture[:height, :width].copy() for picture in clip]
    path = write_video(tmp_path / "odd.mkv", cut, codec="ffv1")
    assert (probe(path).width, probe(path).height) == (width, height)
    read = [rgb for rgb, _ in read_frames(path)]
    assert [barcode(rgb) for rgb in read] == list(range(COUNT))
    assert read[0].shape == (height, width, 3)
    assert np.abs(read[3].astype(int) - cut[3]).mean() < 6


def test_a_truncated_file_gives_what_it_holds(tmp_path: Path, clip: list[Any]) -> None:
    for name, codec in (("cut.mp4", "libx264"), ("cut.webm", "libvpx"), ("cut.ts", "libx264")):
        whole = write_video(
            tmp_path / name,
            clip,
            codec=codec,
            options={"b": "2M"},
            container_options={"movflags": "faststart"} if name == "cut.mp4" else {},
        )
        complete = {barcode(rgb): rgb for rgb, _ in read_frames(whole)}
        content = whole.read_bytes()
        whole.write_bytes(content[: len(content) * 6 // 10])
        notes: list[str] = []
        read = [rgb for rgb, _ in read_frames(whole, note=notes.append)]
        numbers = [barcode(rgb) for rgb in read]
        assert COUNT // 4 < len(read) < COUNT - 3, name
        assert numbers == sorted(set(numbers))
        assert numbers[: len(read) - 4] == list(range(len(read) - 4))
        for rgb in read:
            np.testing.assert_array_equal(complete[barcode(rgb)], rgb)
        assert name == "cut.ts" or "was cut off" in notes[-1]


def test_damage_in_the_middle_costs_only_what_it_hit(tmp_path: Path, clip: list[Any]) -> None:
    path = write_video(tmp_path / "damaged.mp4", clip, options={"g": "5", "bf": "0"})
    complete = [rgb for rgb, _ in read_frames(path)]
    with av.open(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        hit = packets[12]
        content = bytearray(path.read_bytes())
        content[hit.pos : hit.pos + hit.size] = bytes(hit.size)
    path.write_bytes(content)
    notes: list[str] = []
    read = {round(time_s * 25): rgb for rgb, time_s in read_frames(path, note=notes.append)}
    assert read.keys() == set(range(COUNT)) - {12}
    for index in set(range(COUNT)) - {12, 13, 14}:  # 15 is the next key frame
        np.testing.assert_array_equal(read[index], complete[index])
    assert "left out" in notes[0]


def concatenated(path: Path, *parts: Path) -> Path:
    """Transport streams may simply follow one another."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_times_that_start_again_go_on(tmp_path: Path, clip: list[Any]) -> None:
    one = write_video(tmp_path / "one.ts", clip, options=B_FRAMES)
    path = concatenated(tmp_path / "both.ts", one, one)
    numbers, seconds, _ = numbers_and_times(path)
    assert numbers == [*range(COUNT), *range(COUNT)]
    assert (np.diff(seconds) > 0).all()


def test_a_size_that_changes_is_fitted_and_said(tmp_path: Path, clip: list[Any]) -> None:
    small = [with_barcode(picture[:128, :160], index) for index, picture in enumerate(clip)]
    path = concatenated(
        tmp_path / "changing.ts",
        write_video(tmp_path / "large.ts", clip),
        write_video(tmp_path / "small.ts", small),
    )
    notes: list[str] = []
    read = [rgb for rgb, _ in read_frames(path, note=notes.append)]
    assert [rgb.shape for rgb in read] == [(180, 320, 3)] * (2 * COUNT)
    assert "from 320x180 to 160x128" in notes[0]
    assert not read[-1][:, :40].any()  # 160x128 becomes 225x180, black left and right of it


def test_fitting_keeps_the_aspect() -> None:
    white = np.full((100, 50, 3), 255, np.uint8)
    framed = fitted(white, (200, 100))
    assert framed.shape == (100, 200, 3)
    assert (framed[:, 75:125] == 255).all()
    assert framed.sum() == white.sum()


def yuv_video(path: Path, planes: list[tuple[int, int, int]], matrix: int, full: bool) -> Path:
    """Lossless frames of one colour each, tagged with a matrix (ISO/IEC 23001-8) and a range."""
    with av.open(path, "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1
        for y, u, v in planes:
            values = np.repeat(np.uint8([y, u, v]), [1024, 256, 256]).reshape(48, 32)
            frame = av.VideoFrame.from_ndarray(values, format="yuv420p")
            frame.colorspace, frame.color_range = matrix, 2 if full else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("matrix", "kr", "kb"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114)])
def test_colours(tmp_path: Path, matrix: int, kr: float, kb: float, full: bool) -> None:
    """Against the equations of ITU-R BT.709 and BT.601 in float64."""
    planes = [(120, 128, 128), (90, 100, 200), (180, 90, 120), (60, 160, 100), (150, 140, 140)]
    path = yuv_video(tmp_path / "colours.mkv", planes, matrix, full)
    for (y, u, v), (rgb, _) in zip(planes, read_frames(path), strict=True):
        luma = y / 255 if full else (y - 16) / 219
        blue, red = ((value - 128) / (255 if full else 224) for value in (u, v))
        r = luma + 2 * (1 - kr) * red
        b = luma + 2 * (1 - kb) * blue
        g = (luma - kr * r - kb * b) / (1 - kr - kb)
        expected = np.clip(np.array([r, g, b]) * 255, 0, 255)
        assert np.abs(rgb.reshape(-1, 3) - expected).max() <= 3.0


class Stamped:
    """What `Clock` looks at in a frame."""

    def __init__(self, pts: int | None) -> None:
        self.pts = pts


@given(st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=2, max_size=30))
def test_time_always_grows(stamps: list[int | None]) -> None:
    clock = Clock(25.0, Fraction(1, 1000))
    seconds = [clock.seconds(Stamped(pts)) for pts in stamps]  # type: ignore[arg-type]
    assert seconds[0] == 0
    assert (np.diff(seconds) >= 0).all()
    if max(seconds) < 1e6:
        assert (np.diff(seconds) > 0).all()


@given(st.integers(-1000, 1000), st.lists(st.integers(1, 5000), min_size=1, max_size=30))
def test_growing_times_are_kept(first: int, steps: list[int]) -> None:
    clock = Clock(25.0, Fraction(1, 1000))
    stamps = np.cumsum([first, *steps])
    seconds = [clock.seconds(Stamped(int(pts))) for pts in stamps]  # type: ignore[arg-type]
    assert seconds == pytest.approx((stamps - first) / 1000, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "frames", "size", "fps"),
    [
        ("dancer_a.mp4", 150, (692, 1108), 16),
        ("dancer_b.mp4", 288, (1080, 1920), 24),
        ("dancer_c.mp4", 120, (576, 576), 30),
        ("juggler.mp4", 247, (1280, 720), 24),
        ("three_people.avi", 393, (384, 288), 10),
        ("empty_then_people.mp4", 1394, (768, 432), 10),
        ("booth/help.mkv", None, (640, 480), 30),
    ],
)
def test_real_clips(
    videos: Path, name: str, frames: int | None, size: tuple[int, int], fps: float
) -> None:
    """What the data's own list says of them."""
    info = probe(videos / name)
    notes: list[str] = []
    times = [time_s for _, time_s in read_frames(videos / name, note=notes.append)]
    assert ((info.width, info.height), info.fps) == (size, pytest.approx(fps, rel=0.01))
    assert len(times) == info.frames == (frames or info.frames)
    assert (np.diff(times) > 0).all()
    assert not notes


def test_leaving_early_closes_the_file() -> None:
    frames = read_frames(CLIP)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    open_files = [link.resolve() for link in Path("/proc/self/fd").glob("*")]
    assert CLIP.resolve() not in open_files
