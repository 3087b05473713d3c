"""Sound that comes while a film is written stays in time with its pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from transfer.output.pictures_out import Mp4Out

RATE = 48_000


def beep(seconds: float) -> np.ndarray:
    """A tone of 1 kHz."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (12_000 * np.sin(2000 * np.pi * time_s)).astype(np.int16)


def loud(path: Path) -> tuple[list[float], str]:
    """When something begins to sound, seconds; the codec."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = [*container.decode(stream)]
        first, codec = float(frames[0].time or 0), stream.codec_context.name
    samples = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in frames]))
    blocks = samples[: len(samples) // 480 * 480].reshape(-1, 480).max(axis=1) > 0.1
    begins = [place for place in range(1, len(blocks)) if blocks[place] and not blocks[place - 1]]
    return [first + place / 100 for place in begins], codec


def film(path: Path, pieces: list[tuple[np.ndarray, float]]) -> Path:
    """Three seconds of pictures, and these pieces of sound, each at its time."""
    with Mp4Out(path, 30.0, sound_rate=RATE) as out:
        waiting = list(pieces)
        for number in range(90):
            out.write(np.full((48, 64, 3), number, np.uint8), number / 30)
            while waiting and waiting[0][1] <= number / 30:
                out.write_sound(*waiting.pop(0))
    return path


def test_gaps_are_silent_and_beeps_are_where_they_were_heard(tmp_path: Path) -> None:
    begins, codec = loud(film(tmp_path / "a.mp4", [(beep(0.2), 0.5), (beep(0.2), 2.0)]))
    assert codec == "aac"
    assert begins == pytest.approx([0.5, 2.0], abs=0.04)


def test_pieces_that_come_a_little_early_or_late_make_no_clicks(tmp_path: Path) -> None:
    tone = beep(2.0)
    random = np.random.default_rng(1)
    pieces = [
        (tone[place : place + 960], place / RATE + float(random.uniform(-0.03, 0.03)))
        for place in range(0, len(tone), 960)
    ]
    pieces[0] = (pieces[0][0], 0.3)
    moved = [(samples, 0.3 + time_s if place else time_s) for place, (samples, time_s) in
             enumerate(pieces)]  # fmt: skip
    begins, _ = loud(film(tmp_path / "a.mp4", moved))
    assert begins == pytest.approx([0.3], abs=0.04)


def test_sound_that_was_never_heard_leaves_a_film_that_plays(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [])
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 90


def test_without_a_microphone_there_is_no_sound_stream(tmp_path: Path) -> None:
    with Mp4Out(tmp_path / "a.mp4", 30.0) as out:
        out.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert not container.streams.audio
