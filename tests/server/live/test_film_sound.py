"""The microphone in films: in a call, in time, bounded, and nothing of it when it is not wanted."""

from __future__ import annotations

import asyncio
import io
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamTrack

from server.live import film_sound as module
from server.live.film_sound import RATE, FilmSound
from server.live.film_tape import FilmTape
from tests.server.browser import Browser, ClipTrack
from tests.server.live.test_film_tape import CAMERA, WAIT, picture
from tests.server.web.test_datasets_api import ID, make
from tests.transfer.output.test_live_sound import beep, loud

PATIENCE = 60.0
"""Seconds: other things may run on this machine."""


def frame(samples: np.ndarray, rate: int = RATE) -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
    made.sample_rate = rate
    return made


class Microphone(MediaStreamTrack):
    """Beeps for 0.2 s every second, as aiortc wants it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._begun: float | None = None
        self._sent = 0
        second = np.zeros(RATE, np.int16)
        second[: RATE // 5] = beep(0.2)
        self._second = second

    async def recv(self) -> av.AudioFrame:
        self._begun = self._begun or time.monotonic()
        await asyncio.sleep(max(0.0, self._begun + self._sent / RATE - time.monotonic()))
        place = self._sent % RATE
        made = frame(self._second[place : place + 960])
        made.pts, made.time_base = self._sent, Fraction(1, RATE)
        self._sent += 960
        return made


async def test_a_film_has_the_microphones_sound_when_there_is_one(
    serve: Any, booth_small: Any
) -> None:
    async with serve(moment_seconds=3.0) as http:
        make(http)
        browser = Browser(http, ClipTrack(booth_small), view=f"as:{ID}")
        browser.connection.addTransceiver(Microphone(), direction="sendonly")
        async with browser:
            await browser.hears("state", PATIENCE)
            await browser.until_state(lambda state: state["film"]["moment"] > 2.5, PATIENCE)
            browser.send("film", action="moment", title="Ha")
            moment = await browser.hears("filmed", PATIENCE)
            browser.send("film", action="begin")
            await browser.until_state(lambda state: (state["film"]["seconds"] or 0) > 2.5, PATIENCE)
            browser.send("film", action="end")
            film = await browser.hears("filmed", PATIENCE, after=1)
        for one in (moment, film):
            data = await (await http.get(f"/films/{one['film']}/film.mp4")).read()
            with av.open(io.BytesIO(data)) as container:
                stream = container.streams.audio[0]
                assert stream.codec_context.name == "aac"
                frames = [*container.decode(stream)]
            samples = np.abs(np.concatenate([part.to_ndarray()[0] for part in frames]))
            assert len(samples) / RATE == pytest.approx(2.7, abs=0.8)
            assert 0.08 < (samples > 0.1).mean() < 0.35


def hear(sound: FilmSound | FilmTape, seconds: float, arrival: float, monkeypatch: Any) -> None:
    """Pieces of 20 ms of a beep; the first arrives then."""
    for place in range(round(seconds * 50)):
        monkeypatch.setattr(module.time, "perf_counter", lambda at=arrival + place / 50: at)
        sound.hear(frame(beep(0.02)))
    monkeypatch.undo()


def test_sound_lies_where_the_pictures_of_its_moment_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound that arrives at 1.58 s was made at 1.5 s and sounds beside the picture of then."""
    tape = FilmTape(kept_seconds=5.0, most_seconds=10.0)
    now = time.perf_counter()
    hear(tape, 0.2, now + 1.5 + module.LATE + 0.02, monkeypatch)
    tape._sound._heard = time.perf_counter() + 5
    for number in range(60):
        arrival = now + number / 20 + (0.03 if number % 3 else 0.0)  # Some frames are late.
        tape.take(picture(number), CAMERA, 100 + number / 20, arrival)
        tape._do(lambda: None).result(WAIT)
    assert tape.keep(tmp_path / "film.mp4").result(WAIT)
    tape.close()
    assert loud(tmp_path / "film.mp4")[0] == pytest.approx([1.5], abs=0.05)


def test_sound_that_arrives_in_bursts_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine hears nothing for 0.2 s, then ten packets at once."""
    sound = FilmSound(kept_seconds=5.0)
    sound.picture(0.0, 100.0)
    for number in range(100):
        piece = frame(beep(0.02))
        piece.pts, piece.time_base = 7 * RATE + 960 * number, Fraction(1, RATE)
        arrival = 101.0 + (number + 1) / 50
        if 30 <= number < 40:
            arrival = 101.0 + 40 / 50
        monkeypatch.setattr(module.time, "perf_counter", lambda at=arrival: at)
        sound.hear(piece)
    begins = [begin for begin, _ in sound.since(0.0)]
    assert np.diff(begins) == pytest.approx([0.02] * 99, abs=0.005)
    assert begins[0] == pytest.approx(1.0 - module.LATE, abs=0.002)


def test_what_is_kept_is_bounded_and_other_rates_are_taken(monkeypatch: Any) -> None:
    sound = FilmSound(kept_seconds=2.0)
    assert not sound.on
    for _ in range(500):
        sound.hear(frame(beep(0.02)))
    assert sound._count == sum(len(one.samples) for one in sound._pieces) <= 3 * RATE
    assert sound.on
    sound.clear()
    for _ in range(10):
        sound.hear(frame(np.zeros(160, np.int16), 8000))
    assert sound._count == pytest.approx(10 * 960, abs=960)
    monkeypatch.setattr(module.time, "perf_counter", lambda: 1e9)
    assert not sound.on


def test_a_film_has_sound_though_no_moment_is_kept(tmp_path: Path, monkeypatch: Any) -> None:
    tape = FilmTape(0.0, 5.0)
    tape.hear(frame(beep(0.02)))
    now = time.perf_counter()
    tape.begin(tmp_path / "film.mp4").result(WAIT)
    for number in range(30):
        tape.take(picture(number), CAMERA, number / 20, now + number / 20)
        if number == 20:
            hear(tape, 0.2, now + 1.0 + module.LATE + 0.02, monkeypatch)
        tape._do(lambda: None).result(WAIT)
    assert tape.end().result(WAIT)
    tape.close()
    assert loud(tmp_path / "film.mp4")[0] == pytest.approx([1.0], abs=0.05)
