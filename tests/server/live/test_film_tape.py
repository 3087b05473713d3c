"""Films of what is shown: recorded, kept after the fact, bounded, of one size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from server.live import film_tape as module
from server.live.film_tape import FilmTape
from server.live.pictures import I420, from_rgb

WAIT = 10.0


def picture(grey: int, size: tuple[int, int] = (64, 48)) -> I420:
    return from_rgb(np.full((size[1], size[0], 3), grey, np.uint8))


CAMERA = picture(250)


@pytest.fixture
def tape() -> Iterator[FilmTape]:
    made = FilmTape(kept_seconds=2.0, most_seconds=5.0)
    yield made
    made.close()


def show(tape: FilmTape, first: int, count: int, size: tuple[int, int] = (64, 48)) -> None:
    """Pictures at 10 a second, each a little brighter, taken as slowly as they are written."""
    for number in range(first, first + count):
        tape.take(picture(20 + 2 * number, size), CAMERA, number / 10)
        tape._do(lambda: None).result(WAIT)


def seen(path: Path) -> tuple[list[float], list[float], tuple[int, int]]:
    """Times, mean greys, and the size."""
    with av.open(str(path)) as container:
        frames = [*container.decode(video=0)]
    greys = [float(frame.to_ndarray(format="gray").mean()) for frame in frames]
    return [float(frame.time) for frame in frames], greys, (frames[0].width, frames[0].height)


def test_a_recording_holds_each_picture_at_its_time(tape: FilmTape, tmp_path: Path) -> None:
    show(tape, 0, 5)
    assert tape.seconds is None
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    show(tape, 5, 20)
    assert tape.seconds == pytest.approx(1.9)
    assert tape.end().result(WAIT)
    times, greys, size = seen(tmp_path / "film.mp4")
    assert times == pytest.approx([number / 10 for number in range(20)], abs=1e-3)
    assert greys == pytest.approx([20 + 2 * number for number in range(5, 25)], abs=4)
    assert size == (64, 48)
    assert tape.dropped == 0
    assert not tape.end().result(WAIT)


def test_another_size_is_fitted_in(tape: FilmTape, tmp_path: Path) -> None:
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    show(tape, 0, 3)
    show(tape, 3, 3, (128, 32))
    assert tape.end().result(WAIT)
    times, _, size = seen(tmp_path / "film.mp4")
    assert (len(times), size) == (6, (64, 48))


def test_beside_the_camera(tape: FilmTape, tmp_path: Path) -> None:
    tape.beside = True
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    show(tape, 0, 2)
    tape.end().result(WAIT)
    with av.open(str(tmp_path / "film.mp4")) as container:
        grey = next(container.decode(video=0)).to_ndarray(format="gray")
    assert grey.shape == (48, 128)
    assert grey[:, :60].mean() > 200 > 100 > grey[:, 68:].mean()


def test_a_recording_is_bounded(tape: FilmTape, tmp_path: Path) -> None:
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    show(tape, 0, 70)
    assert tape.seconds == 5.0
    tape.end().result(WAIT)
    assert seen(tmp_path / "film.mp4")[0][-1] == pytest.approx(5.0, abs=1e-3)


def test_the_last_seconds_are_kept_and_no_more(tape: FilmTape, tmp_path: Path) -> None:
    assert not tape.keep(tmp_path / "none.mp4").result(WAIT)
    assert not (tmp_path / "none.mp4").exists()
    show(tape, 0, 50)
    assert tape.kept == pytest.approx(2.0, abs=0.1)
    assert tape.keep(tmp_path / "moment.mp4").result(WAIT)
    times, greys, _ = seen(tmp_path / "moment.mp4")
    assert (times[0], times[-1]) == (0.0, pytest.approx(2.0, abs=0.11))
    assert greys[-1] == pytest.approx(20 + 2 * 49, abs=4)


def test_memory_is_bounded(tape: FilmTape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 5000)
    show(tape, 0, 20)
    assert 0 < tape._bytes <= 5000
    assert tape._bytes == sum(len(data) for _, data in tape._last)


def test_switched_off_it_keeps_nothing_and_costs_nothing() -> None:
    tape = FilmTape(kept_seconds=0.0, most_seconds=5.0)
    began = time.perf_counter()
    for number in range(1000):
        tape.take(CAMERA, CAMERA, number / 10)
    assert time.perf_counter() - began < 0.1
    assert tape._work.empty()
    tape.close()


def test_the_live_thread_never_waits(tape: FilmTape, tmp_path: Path) -> None:
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    tape._work.put(lambda: time.sleep(0.5))
    began = time.perf_counter()
    for number in range(50):
        tape.take(picture(9), CAMERA, number / 10)
    assert time.perf_counter() - began < 0.3
    assert tape.dropped > 30


def test_a_folder_that_is_gone_is_said_and_the_tape_lives(tape: FilmTape, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Exception, match="file"):
        tape.begin(tmp_path / "file" / "film.mp4").result(WAIT)
    show(tape, 0, 5)
    assert tape.kept > 0.3


def test_closing_keeps_what_was_recorded(tmp_path: Path) -> None:
    tape = FilmTape(0.0, 5.0)
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    show(tape, 0, 5)
    tape.close()
    assert len(seen(tmp_path / "film.mp4")[0]) == 5
