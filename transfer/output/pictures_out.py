"""Performed pictures as a file: mp4 with the source's sound, a GIF, or some frames as a picture."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image

from capture.files import disk_errors
from capture.video import VideoInfo
from inference.arrays import Rgb
from transfer.errors import TransferError
from transfer.output.filmstrip import Filmstrip
from transfer.output.live_sound import LiveSound
from transfer.output.sound import SourceSound
from transfer.output.writer import PicturesWriter

TIME_BASE = Fraction(1, 90_000)
QUALITY = 18
"""x264's constant rate factor: hardly to be told from the pictures themselves."""
GIF_WIDTH = 480
GIF_FPS = 12.5
GIF_SECONDS = 60.0
STILL = (".jpg", ".png")
ENDINGS = (".mp4", ".gif", *STILL)


def check_ending(path: Path) -> None:
    """Raises `TransferError` for a file that ends in none of `ENDINGS`."""
    if path.suffix.lower() not in ENDINGS:
        raise TransferError(f"{path.name} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")


def pictures_out(path: Path, source: Path, info: VideoInfo) -> PicturesWriter:
    """A writer for a file that ends in one of `ENDINGS`; see `Mp4Out`."""
    check_ending(path)
    if path.suffix.lower() in STILL:
        return Filmstrip(path)
    return (
        GifOut(path)
        if path.suffix.lower() == ".gif"
        else Mp4Out(path, info.fps, source, info.start_s)
    )


class Mp4Out(PicturesWriter):
    """H.264 with each picture at its own time, and the sound of another file.

    What a player needs first stands first, so that it plays while it comes.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        source: Path | None = None,
        start_s: float = 0.0,
        preset: str = "veryfast",
        sound_rate: int | None = None,
    ) -> None:
        """`fps`: the usual rate, for players. `source`: the video whose sound it gets, if it has
        any, and `start_s` where its pictures begin (`probe`); None: silent. `preset`: x264's, how
        hard it tries. `sound_rate`: sound comes through `write_sound`, so many samples a second."""
        super().__init__(path)
        self._preset = preset
        self._fps = Fraction(fps).limit_denominator(1001)
        self._source, self._start_s = source, start_s
        self._container: OutputContainer | None = None
        self._sound: SourceSound | None = None
        self._sound_rate = sound_rate
        self._live_sound: LiveSound | None = None
        self._stream: Any = None

    def open(self) -> None:
        """Open the file, and the sound."""
        self._container = av.open(
            f"file:{self._temporary}", "w", format="mp4", options={"movflags": "+faststart"}
        )
        if self._sound_rate is not None:
            self._live_sound = LiveSound(self._container, self._sound_rate)
        if self._source is None:
            return
        self._sound = SourceSound(self._source, self._start_s, self._container)
        if self._sound.unusable:
            self.warning = (
                f"The sound of {self._source.name} is of a kind that cannot be read: "
                f"{self._path.name} is silent."
            )

    def write(self, rgb: Rgb, time_s: float) -> None:
        """The next picture."""
        assert self._container is not None
        if self._stream is None:
            height, width = (side - side % 2 for side in rgb.shape[:2])
            self._stream = self._container.add_stream("libx264", rate=self._fps)
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
            self._stream.time_base = TIME_BASE
            self._stream.codec_context.time_base = TIME_BASE
            self._stream.options = {"crf": str(QUALITY), "preset": self._preset}
        even = rgb[: self._stream.height, : self._stream.width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts, frame.time_base = round(time_s / TIME_BASE), TIME_BASE
        with disk_errors(self._path):
            self._container.mux(self._stream.encode(frame))

    def write_sound(self, samples: NDArray[np.int16], time_s: float) -> None:
        """The next piece of sound `[n]`, mono, and when it sounds; after the first picture."""
        assert self._live_sound is not None
        with disk_errors(self._path):
            self._live_sound.write(samples, time_s)

    def finish(self) -> None:
        """Write what the encoder still holds, and the sound."""
        assert self._container is not None
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
            if self._live_sound is not None:
                self._live_sound.finish()
            self._write_sound()
            self._container.close()

    def _write_sound(self) -> None:
        if self._sound is None or self._source is None:
            return
        try:
            self._sound.write()
        except FFmpegError as error:
            if isinstance(error, OSError):
                raise
            # The pictures are worth more than an odd sound.
            self.warning = f"The sound of {self._source.name} broke off: {error.strerror}."

    def release(self) -> None:
        """Close both files."""
        if self._sound is not None:
            self._sound.close()
        if self._container is not None:
            with suppress(OSError, FFmpegError):
                self._container.close()


class GifOut(PicturesWriter):
    """An animated GIF of at most `GIF_WIDTH` pixels, `GIF_FPS` and `GIF_SECONDS`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
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
        self._pictures[0].save(
            self._temporary,
            "GIF",
            save_all=True,
            append_images=self._pictures[1:],
            duration=[round(length * 100) * 10 for length in lengths],
            loop=0,
        )
