"""Performed pictures as a file: mp4 with the source's sound, a GIF, or some frames as a picture."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from capture.files import TEMPORARY_SUFFIX, disk_error
from inference.arrays import Rgb
from transfer.errors import TransferError
from transfer.output.filmstrip import Filmstrip
from transfer.output.writer import PicturesWriter

TIME_BASE = Fraction(1, 90_000)
QUALITY = 18
"""x264's constant rate factor: hardly to be told from the pictures themselves."""
COPIED = ("aac", "mp3", "ac3", "eac3", "opus", "alac")
"""Sound that mp4 can hold as it is; other sound is encoded as AAC."""
GIF_WIDTH = 480
GIF_FPS = 12.5
GIF_SECONDS = 60.0
STILL = (".jpg", ".png")
ENDINGS = (".mp4", ".gif", *STILL)


def check_ending(path: Path) -> None:
    """Raises `TransferError` for a file that ends in none of `ENDINGS`."""
    if path.suffix.lower() not in ENDINGS:
        raise TransferError(f"{path.name} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")


def pictures_out(path: Path, fps: float, sound_of: Path) -> PicturesWriter:
    """A writer for a file that ends in one of `ENDINGS`."""
    check_ending(path)
    if path.suffix.lower() in STILL:
        return Filmstrip(path)
    return GifOut(path) if path.suffix.lower() == ".gif" else Mp4Out(path, fps, sound_of)


class Mp4Out(PicturesWriter):
    """H.264 with each picture at its own time, and the sound of another file."""

    def __init__(self, path: Path, fps: float, sound_of: Path) -> None:
        """`fps`: the usual rate, for players; `sound_of`: a video, perhaps without sound."""
        self._path = path
        self._temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        self._fps = Fraction(fps).limit_denominator(1001)
        self._sound_of = sound_of
        self._stream: Any = None

    def __enter__(self) -> Mp4Out:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._temporary), "w", format="mp4")
        except OSError as error:
            raise disk_error(error, self._path) from error
        self._source = av.open(str(self._sound_of))
        self._sound = self._add_sound()
        return self

    def write(self, rgb: Rgb, time_s: float) -> None:
        """The next picture."""
        if self._stream is None:
            height, width = (side - side % 2 for side in rgb.shape[:2])
            self._stream = self._container.add_stream("libx264", rate=self._fps)
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
            self._stream.time_base = TIME_BASE
            self._stream.codec_context.time_base = TIME_BASE
            self._stream.options = {"crf": str(QUALITY), "preset": "veryfast"}
        even = rgb[: self._stream.height, : self._stream.width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts, frame.time_base = round(time_s / TIME_BASE), TIME_BASE
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, and the sound."""
        try:
            if self._stream is not None:
                self._mux(self._stream.encode(None))
                self._copy_sound()
            self._container.close()
            os.replace(self._temporary, self._path)
        except OSError as error:
            raise disk_error(error, self._path) from error

    def release(self) -> None:
        """Close both files."""
        with suppress(OSError):
            self._container.close()
        self._source.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _mux(self, packets: Any) -> None:
        try:
            self._container.mux(packets)
        except OSError as error:
            raise disk_error(error, self._path) from error

    def _add_sound(self) -> Any:
        """The output's sound stream; None when the source is silent."""
        found = self._source.streams.audio
        if not found:
            return None
        if found[0].codec_context.name in COPIED:
            return self._container.add_stream_from_template(found[0])
        return self._container.add_stream("aac", rate=found[0].rate)

    def _copy_sound(self) -> None:
        """As it is where mp4 can hold it; from the first picture on."""
        if self._sound is None:
            return
        sound, video = self._source.streams.audio[0], self._source.streams.video[0]
        begin = float((video.start_time or 0) * (video.time_base or 0))
        if sound.codec_context.name not in COPIED:
            for frame in self._source.decode(sound):
                frame.pts = None
                self._mux(self._sound.encode(frame))
            self._mux(self._sound.encode(None))
            return
        shift = round(begin / (sound.time_base or 1))
        for packet in self._source.demux(sound):
            if packet.dts is None or packet.pts is None or packet.pts < shift:
                continue
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = self._sound
            self._mux(packet)


class GifOut(PicturesWriter):
    """An animated GIF of at most `GIF_WIDTH` pixels, `GIF_FPS` and `GIF_SECONDS`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        self._pictures: list[Image.Image] = []
        self._times: list[float] = []

    def write(self, rgb: Rgb, time_s: float) -> None:
        """The next picture; those that come too soon after another are left out."""
        if time_s > GIF_SECONDS:
            return
        if self._times and time_s - self._times[-1] < 1 / GIF_FPS - 1e-3:
            return
        factor = min(1.0, GIF_WIDTH / rgb.shape[1])
        size = (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        self._pictures.append(Image.fromarray(small).quantize(dither=Image.Dither.NONE))
        self._times.append(time_s)

    def finish(self) -> None:
        """Write the animation."""
        if not self._pictures:
            return
        lengths = [*np.diff(self._times), 1 / GIF_FPS]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._pictures[0].save(
                self._temporary,
                "GIF",
                save_all=True,
                append_images=self._pictures[1:],
                duration=[round(length * 100) * 10 for length in lengths],
                loop=0,
            )
            os.replace(self._temporary, self._path)
        except OSError as error:
            raise disk_error(error, self._path) from error

    def release(self) -> None:
        """Leave nothing half written."""
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)
