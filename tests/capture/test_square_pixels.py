"""Pixels that are not square, and frames of two fields, become ordinary pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.filter import Graph

from capture.decoding import square_width
from capture.video import Limits, VideoError, probe, read_frames
from tests.capture.clips import pictures


def film(
    path: Path,
    frames: list[Any],
    ratio: Fraction | None = None,
    pixels: str = "yuv420p",
    order: str = "",
) -> Path:
    """Encoded with x264; `ratio`: of the pixels, `order`: of the fields, `tff` or `bff`."""
    with av.open(path, "w") as container:
        options = {"preset": "veryfast", "crf": "12", "x264-params": f"{order}=1" if order else ""}
        stream: Any = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        for number, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            frame.pts = number
            container.mux(stream.encode(in_fields(frame, order) if order else frame))
        container.mux(stream.encode(None))
    return path


def in_fields(frame: av.VideoFrame, order: str) -> av.VideoFrame:
    """The frame, flagged as interlaced."""
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format)
    flagged = graph.add("setfield", order)
    source.link_to(flagged)
    flagged.link_to(graph.add("buffersink"))
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
@pytest.mark.parametrize(
    ("ratio", "width"), [((3, 2), 480), ((1, 2), 160), ((8, 9), 284), ((64, 45), 456)]
)
def test_frames_have_square_pixels(
    tmp_path: Path, suffix: str, ratio: tuple[int, int], width: int
) -> None:
    clip = pictures(3)
    path = film(tmp_path / f"anamorphic.{suffix}", clip, Fraction(*ratio))
    info = probe(path)
    assert (info.width, info.height) == (width, 180)
    read = [rgb for rgb, _ in read_frames(path)]
    assert {rgb.shape for rgb in read} == {(180, width, 3)}
    # The right half of the stored picture is the right half of the square one.
    stored, square = clip[0][:, 160:].mean((0, 1)), read[0][:, width // 2 :].mean((0, 1))
    assert np.abs(stored - square).max() < 4


@pytest.mark.parametrize("ratio", [(0, 1), (100, 1), (1, 1000), (1, 1), (1001, 1000)])
def test_odd_ratios_are_one(tmp_path: Path, ratio: tuple[int, int]) -> None:
    path = film(tmp_path / "odd.mkv", pictures(2), Fraction(*ratio))
    assert (probe(path).width, probe(path).height) == (320, 180)


@pytest.mark.parametrize(
    ("width", "ratio", "square"),
    [
        (384, Fraction(3, 2), 576),
        (131, Fraction(3, 2), 196),
        (33, Fraction(1, 4), 8),
        (33, None, 33),
        (33, Fraction(0), 33),
        (33, Fraction(5), 33),
        (2, Fraction(1, 4), 2),
    ],
)
def test_square_width(width: int, ratio: Fraction | None, square: int) -> None:
    assert square_width(width, ratio) == square


def test_the_bound_holds_for_the_square_picture(tmp_path: Path) -> None:
    path = film(tmp_path / "wide.mp4", pictures(2), Fraction(2))
    with pytest.raises(VideoError, match="claims 640x180"):
        probe(path, Limits(max_pixels=320 * 180))


def test_square_before_turned(tmp_path: Path) -> None:
    """A phone's film on end whose pixels are 3:2 in the stored direction."""
    path = film(tmp_path / "phone.mp4", pictures(2), Fraction(3, 2))
    content = bytearray(path.read_bytes())
    one = (0x10000).to_bytes(4, "big")
    minus = (0xFFFF0000).to_bytes(4, "big")
    upright = one + bytes(12) + one + bytes(12) + (0x40000000).to_bytes(4, "big")
    turned = bytes(4) + one + bytes(4) + minus + bytes(16) + (0x40000000).to_bytes(4, "big")
    place = content.index(upright, content.index(b"tkhd"))
    content[place : place + len(turned)] = turned
    path.write_bytes(content)
    info = probe(path)
    assert (info.width, info.height, info.rotation) == (180, 480, 90)
    assert next(read_frames(path))[0].shape == (480, 180, 3)


def moving(count: int) -> list[Any]:
    """A bright bar that runs to the right, 8 pixels a field: `2 * count` moments."""
    moments = []
    for number in range(2 * count):
        rgb = np.full((96, 192, 3), 40, np.uint8)
        rgb[:, 16 + 8 * number : 40 + 8 * number] = 220
        moments.append(rgb)
    return moments


def interleaved(count: int, top_first: bool) -> list[Any]:
    """Frames whose rows come from two moments by turns."""
    moments, frames = moving(count), []
    for first, second in zip(moments[::2], moments[1::2], strict=True):
        frame = first.copy()
        later = slice(1, None, 2) if top_first else slice(0, None, 2)
        frame[later] = second[later]
        frames.append(frame)
    return frames


def combs(rgb: Any) -> float:
    """How much a row differs from the mean of its neighbours."""
    grey = rgb[..., 1].astype(int)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_films_have_no_combs(
    tmp_path: Path, order: str, pixels: str, count: int
) -> None:
    frames = interleaved(count, order == "tff")
    assert combs(frames[0]) > 5
    path = film(tmp_path / "fields.mp4", frames, pixels=pixels, order=order)
    notes: list[str] = []
    read = list(read_frames(path, note=notes.append))
    assert len(read) == count
    assert [time_s for _, time_s in read] == pytest.approx([0.04 * n for n in range(count)])
    assert max(combs(rgb) for rgb, _ in read) < 3
    if count > 2:  # Each is the moment of its first field, so the bar is where it was then.
        moments = moving(count)[::2]
        for (rgb, _), moment in zip(read[1:-1], moments[1:-1], strict=True):
            assert np.abs(rgb.astype(int) - moment).mean() < 8
    assert [note for note in notes if "interlaced" in note]


def test_progressive_films_are_left_alone_and_nothing_is_said(tmp_path: Path) -> None:
    path = film(tmp_path / "frames.mp4", interleaved(4, True))
    notes: list[str] = []
    read = [rgb for rgb, _ in read_frames(path, note=notes.append)]
    assert min(combs(rgb) for rgb in read) > 4
    assert not notes


def test_only_frames_that_say_so_are_deinterlaced(tmp_path: Path) -> None:
    """Transport streams of both kinds one after the other."""
    combed = interleaved(4, True)
    progressive = film(tmp_path / "a.ts", combed)
    fields = film(tmp_path / "b.ts", combed, order="tff")
    mixed = tmp_path / "mixed.ts"
    mixed.write_bytes(progressive.read_bytes() + fields.read_bytes() + progressive.read_bytes())
    left = [combs(rgb) for rgb, _ in read_frames(mixed)]
    assert len(left) == 12
    assert min(left[:4] + left[8:]) > 4
    assert max(left[4:8]) < 3
