"""Small films with a beep at a known moment, and where the beep is in a film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FRAMES, FPS = 50, 25
SIDE = 64
SOUND_SECONDS = 2.5
BEEP_SECONDS = 0.3
LOUD = 0.2


def write_talkie(
    path: Path,
    codec: str = "aac",
    *,
    rate: int = 48_000,
    layout: str = "mono",
    pictures_from: float = 0.0,
    sound_from: float = 0.0,
    beep: float = 0.5,
    cover: bool = False,
    tracks: int = 1,
) -> Path:
    """Two seconds of pictures beside a sound; times in seconds on the file's time line.

    `cover`: a smaller picture of its own, at 0, is the first stream; `tracks`: sounds, all alike.
    """
    times = sound_from + np.arange(round(SOUND_SECONDS * rate)) / rate
    heard = (times >= beep) & (times < beep + BEEP_SECONDS)
    tone = (np.where(heard, np.sin(2000 * np.pi * times), 0) * 20_000).astype(np.int16)
    with av.open(str(path), "w") as container:
        still = _video(container, SIDE // 2) if cover else None
        video = _video(container, SIDE)
        sounds: list[Any] = [
            container.add_stream(codec, rate=rate, layout=layout) for _ in range(tracks)
        ]
        if codec == "wmav2":
            sounds[0].bit_rate = 128_000
        packets = [] if still is None else [*_encoded(still, 1, 0.0, SIDE // 2)]
        packets += _encoded(video, FRAMES, pictures_from, SIDE)
        for sound in sounds:
            for begin in range(0, len(tone), 1024):
                block = np.ascontiguousarray(tone[None, begin : begin + 1024])
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                frame.pts = round(sound_from * rate) + begin
                packets += sound.encode(frame)
            packets += sound.encode(None)
        for packet in packets:
            container.mux(packet)
    return path


def heard_at(path: Path) -> float:
    """Seconds from the first picture to the beep."""
    with av.open(str(path)) as container:
        picture = next(container.decode(max(container.streams.video, key=lambda one: one.width)))
        began = float(picture.pts * picture.time_base)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(float))
            if frame.format.name.startswith("s16"):
                samples /= 32768
            if not frame.format.is_planar:
                samples = samples.reshape(-1, len(frame.layout.channels)).T
            loud = np.flatnonzero(samples[0] > LOUD)
            if len(loud):
                return float(frame.pts * frame.time_base) + loud[0] / frame.sample_rate - began
    raise AssertionError(f"there is no beep in {path.name}")


def _video(container: Any, side: int) -> Any:
    stream = container.add_stream("libx264", rate=FPS, options={"bf": "0"})
    stream.width = stream.height = side
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _encoded(stream: Any, count: int, begin: float, side: int) -> Any:
    for number in range(count):
        picture = np.full((side, side, 3), 5 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = round(1000 * (begin + number / FPS))
        frame.time_base = Fraction(1, 1000)
        yield from stream.encode(frame)
    yield from stream.encode(None)
