"""The sound of a source: found, and put beside the pictures that were made of it.

Time 0 is the source's first picture: sound before it is cut, later sound keeps its distance.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Disposition
from numpy.typing import NDArray

from capture.decoding import packets
from capture.video import Limits, open_container

COPIED = ("aac", "mp3", "ac3", "eac3", "opus", "alac")
"""Codecs that players expect in an mp4; other sound is encoded as AAC."""
ENCODED = "aac"
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Samples a second that AAC keeps; other sound gets the last of them."""
TRIED = 8
"""Packets that tell whether a stream can be used."""
TOLERANCE_S = 0.01
"""So far may times be from the sum of the samples: many files round them."""
LOST_S = 0.05
"""Copied packets are cut where they begin: with more sound than this before the first picture, it
is encoded, which cuts anywhere."""
MAX_SECONDS = Limits().max_seconds

Samples = NDArray[np.float32]
"""`[channels, n]`, -1..1."""


class _Found(NamedTuple):
    place: int
    """Among the file's streams."""
    copied: bool


class SourceSound:
    """The sound of a video file on its way into an mp4; to be closed."""

    def __init__(self, path: Path, start_s: float, out: OutputContainer) -> None:
        """Adds a stream to `out`, unless there is no sound that can be used.

        Args:
            path: the video, perhaps without sound.
            start_s: where its first picture lies on its own time line.
            out: an mp4 that has not been begun.

        Raises:
            VideoError: `path` is no video.
        """
        self._path, self._start_s, self._out = path, start_s, out
        self._container = open_container(path)
        self._found = _find(path, start_s)
        self._stream: Any = None
        if self._found is None:
            return
        given = self._given
        if self._found.copied:
            self._stream = out.add_stream_from_template(given)
        else:
            rate = given.rate if given.rate in RATES else RATES[-1]
            layout = "mono" if given.channels == 1 else "stereo"
            self._stream = out.add_stream(ENCODED, rate=rate, layout=layout)

    @property
    def unusable(self) -> bool:
        """True when there is sound, but none that can be read."""
        return self._found is None and bool(self._container.streams.audio)

    def write(self) -> None:
        """All of it; `OSError` when the file cannot be written."""
        if self._found is None:
            return
        made = self._copied() if self._found.copied else self._encoded()
        for packet in made:
            self._out.mux(packet)

    def close(self) -> None:
        """Close the source."""
        self._container.close()

    @property
    def _given(self) -> AudioStream:
        assert self._found is not None
        return cast(AudioStream, self._container.streams[self._found.place])

    def _copied(self) -> Iterator[Any]:
        base = self._given.time_base or Fraction(1, 1)
        shift, latest = round(self._start_s / base), None
        for packet in packets(self._container, cast(Any, self._given)):
            if packet.dts is None or packet.pts is None or packet.pts < shift:
                continue
            if latest is not None and packet.dts <= latest:  # What mp4 cannot hold.
                continue
            if (packet.pts - shift) * base > MAX_SECONDS:
                return
            latest = packet.dts
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = self._stream
            yield packet

    def _encoded(self) -> Iterator[Any]:
        rate, done = self._stream.rate, 0
        for samples in self._placed():
            frame = AudioFrame.from_ndarray(samples, "fltp", self._stream.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = rate, done, Fraction(1, rate)
            done += samples.shape[1]
            yield from self._stream.encode(frame)
        if done:
            yield from self._stream.encode(None)

    def _placed(self) -> Iterator[Samples]:
        """The samples from the first picture on, without gaps: silence fills them."""
        rate, done = self._stream.rate, 0
        silence = np.zeros((len(self._stream.layout.channels), rate), np.float32)
        for seconds, samples in self._resampled():
            if seconds is not None:
                missing = round((seconds - self._start_s) * rate) - done
                if missing > (MAX_SECONDS * rate - done):
                    return
                if done and abs(missing) <= TOLERANCE_S * rate:
                    missing = 0
                samples = samples[:, max(0, -missing) :]
                while missing > 0:
                    part = silence[:, :missing]
                    missing -= part.shape[1]
                    done += part.shape[1]
                    yield part
            if samples.shape[1]:
                done += samples.shape[1]
                yield np.ascontiguousarray(samples)

    def _resampled(self) -> Iterator[tuple[float | None, Samples]]:
        """Where each piece begins on the source's time line (None: not known), and its samples."""
        layout, rate = self._stream.layout.name, self._stream.rate
        resampler, kind = None, None
        for frame in _decoded(self._container, self._given):
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or now != kind:
                resampler, kind = AudioResampler("fltp", layout, rate), now
            seconds = None
            if frame.pts is not None and frame.time_base is not None:
                seconds = float(frame.pts * frame.time_base)
            made = [one.to_ndarray() for one in resampler.resample(frame)]
            if made:
                yield seconds, np.hstack(made)


def _find(path: Path, start_s: float) -> _Found | None:
    """The sound that a player would play, of what can be decoded."""
    with open_container(path) as container:
        streams = sorted(
            container.streams.audio, key=lambda one: not one.disposition & Disposition.default
        )
        for index in [one.index for one in streams if one.codec_context is not None]:
            # A container cannot be rewound whatever its format.
            with open_container(path) as fresh:
                stream = cast(AudioStream, fresh.streams[index])
                first = next(_decoded(fresh, stream), None)
            if first is not None:
                early = first.time is not None and first.time < start_s - LOST_S
                return _Found(index, not early and _can_be_copied(path, index))
    return None


def _can_be_copied(path: Path, index: int) -> bool:
    """Tried out: what mp4 can hold hangs on more than the codec's name."""
    with open_container(path) as container:
        stream = cast(AudioStream, container.streams[index])
        if stream.codec_context.codec.canonical_name not in COPIED:
            return False
        try:
            with av.open(io.BytesIO(), "w", format="mp4") as trial:
                copy: Any = trial.add_stream_from_template(stream)
                for packet in islice(packets(container, cast(Any, stream)), TRIED):
                    packet.stream = copy
                    trial.mux(packet)
        except (FFmpegError, ValueError):
            return False
    return True


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """What can be decoded; damaged packets are left out."""
    for packet in packets(container, cast(Any, stream)):
        with suppress(FFmpegError):
            yield from stream.codec_context.decode(cast(Any, packet))
    with suppress(FFmpegError):
        yield from stream.codec_context.decode(None)
