"""The sound keeps its distance from the pictures, however the source holds it."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from bench.clip import Clip
from capture.errors import CaptureError
from capture.video import probe, read_frames
from tests.capture.clips import patch
from tests.transfer.output.talkies import heard_at, write_talkie
from transfer.output.pictures_out import pictures_out

NEAR = 0.03
"""Seconds by which nobody notices that sound and picture differ."""


def performed(source: Path, out: Path) -> str:
    """The source's own pictures, written with its sound; what was said of it."""
    with pictures_out(out, source, probe(source)) as writer:
        for rgb, time_s in read_frames(source):
            writer.write(rgb, time_s)
    return writer.warning


def undecodable(path: Path) -> Path:
    """Its first sound becomes Apple's spatial audio by name, which has no decoder."""
    return patch(patch(path, b"mp4a\0", b"apac\0"), b"esds", b"none")


def codec_of(path: Path) -> str:
    """Of the only sound."""
    with av.open(str(path)) as container:
        [sound] = container.streams.audio
        return str(sound.codec_context.codec.canonical_name)


@pytest.mark.parametrize(
    ("ending", "codec", "rate", "becomes"),
    [
        ("mkv", "pcm_s16le", 16_000, "aac"),
        ("mov", "pcm_s16le", 96_000, "aac"),
        ("ts", "mp2", 48_000, "aac"),
        ("mkv", "flac", 44_100, "aac"),
        ("wmv", "wmav2", 44_100, "aac"),
        ("mkv", "libmp3lame", 11_025, "aac"),  # What mp4 does not take at so low a rate.
        ("mkv", "libmp3lame", 44_100, "mp3"),
        ("ts", "libmp3lame", 44_100, "mp3"),
        ("mp4", "aac", 48_000, "aac"),
        ("ts", "aac", 44_100, "aac"),
        ("mkv", "ac3", 48_000, "ac3"),
        ("mkv", "libopus", 48_000, "opus"),
        ("mov", "alac", 44_100, "alac"),
    ],
)
@pytest.mark.parametrize(
    ("pictures_from", "sound_from", "beep"),
    [(0.0, 0.7, 1.0), (0.5, 0.0, 0.9), (0.5, 0.0, 0.3)],
)
def test_sound_keeps_its_distance(
    ending: str,
    codec: str,
    rate: int,
    becomes: str,
    pictures_from: float,
    sound_from: float,
    beep: float,
    tmp_path: Path,
) -> None:
    source = write_talkie(
        tmp_path / f"source.{ending}",
        codec,
        rate=rate,
        pictures_from=pictures_from,
        sound_from=sound_from,
        beep=beep,
    )
    assert performed(source, tmp_path / "out.mp4") == ""
    # A beep that begins before the pictures is cut: it is heard from the first one on.
    right = max(0.0, heard_at(source))
    assert heard_at(tmp_path / "out.mp4") == pytest.approx(right, abs=NEAR)
    if sound_from >= pictures_from:
        assert codec_of(tmp_path / "out.mp4") == becomes


def test_a_late_sound_is_late(tmp_path: Path) -> None:
    source = write_talkie(tmp_path / "late.mkv", "pcm_s16le", rate=16_000, sound_from=0.7, beep=0.7)
    performed(source, tmp_path / "out.mp4")
    assert heard_at(tmp_path / "out.mp4") == pytest.approx(0.7, abs=NEAR)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_the_pictures_that_are_shown_count(codec: str, tmp_path: Path) -> None:
    """Not those of a cover that comes first."""
    source = write_talkie(tmp_path / "c.mkv", codec, pictures_from=0.6, beep=1.0, cover=True)
    performed(source, tmp_path / "out.mp4")
    assert heard_at(tmp_path / "out.mp4") == pytest.approx(0.4, abs=NEAR)


def test_the_first_sound_that_can_be_decoded_is_taken(tmp_path: Path) -> None:
    source = undecodable(write_talkie(tmp_path / "two.mp4", tracks=2))
    with av.open(str(source)) as container:
        assert container.streams.audio[0].codec_context is None
    assert performed(source, tmp_path / "out.mp4") == ""
    assert heard_at(tmp_path / "out.mp4") == pytest.approx(0.5, abs=NEAR)


def test_a_sound_that_nobody_can_decode_is_said(tmp_path: Path) -> None:
    source = undecodable(write_talkie(tmp_path / "one.mp4"))
    assert "out.mp4 is silent" in performed(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio
        assert len(list(container.decode(video=0))) == 50


def test_names_with_colons_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no folder stands before them, FFmpeg would take `take` for a protocol."""
    monkeypatch.chdir(tmp_path)
    source, out = Path("take:2.mp4"), Path("out:1.mp4")
    write_talkie(Path("take.mp4")).rename(source)
    performed(source, out)
    assert heard_at(out.resolve()) == pytest.approx(0.5, abs=NEAR)
    clip = Clip(source, (640, 480))
    clip.save_mp4(Path("clip:1.mp4"), 3)
    assert probe(Path("clip:1.mp4")).frames == 3


@pytest.mark.parametrize("name", ["o.mp4", "o.gif", "o.jpg"])
def test_what_cannot_be_written_is_said_before_any_picture(name: str, tmp_path: Path) -> None:
    source = write_talkie(tmp_path / "source.mp4")
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / name, tmp_path / "file" / "below" / name):
        with (
            pytest.raises(CaptureError, match="a file stands where a folder is needed"),
            pictures_out(out, source, probe(source)),
        ):
            pytest.fail("it must not begin")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "source.mp4"]
