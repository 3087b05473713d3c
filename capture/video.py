"""Video files: what is in them, and every frame of them, upright and in order of presentation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from capture.colours import HDR, ColourConverter
from capture.decoding import Clock, Decoder, Orientation, fitted, packets, square_width
from capture.deinterlacing import Deinterlacer
from capture.errors import VideoError
from inference.arrays import Rgb

logger = logging.getLogger(__name__)

FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,ivf,flv,asf,ogg,mxf,yuv4mpegpipe"
"""What is taken for a video. Playlists are not: they would have us open other files and hosts."""

UNTIMED_FORMATS = frozenset({"avi", "mpegvideo", "h264", "hevc"})
"""They hold no times of presentation; their rate is constant."""

USUAL_FPS = 30.0
SLOWEST_FPS, FASTEST_FPS = 0.1, 1000.0
NEARLY_THE_SAME_RATE = 0.015
"""So near to the rate that FFmpeg guesses, a measured one suffers from rounded times."""

CUT_OFF_SECONDS = 0.5
"""A file that ends so long before the end it announces was cut off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still read; anything beyond is refused in a sentence."""

    max_bytes: int = 8_000_000_000
    max_pixels: int = 4096 * 4096
    max_seconds: float = 3600.0
    max_frames: int = 3600 * 240


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file holds, before its frames are read."""

    width: int
    """Of the upright picture, in square pixels."""
    height: int
    frames: int | None
    """As announced or counted without decoding: good for a progress bar; None when unknown."""
    duration_s: float | None
    fps: float
    """Frames a second on average."""
    rotation: int
    """Degrees clockwise by which `read_frames` turns the stored picture: 0, 90, 180 or 270."""
    codec: str
    start_s: float
    """Where the first frame lies on the file's own time line, which its sound shares."""


def probe(path: Path, limits: Limits | None = None) -> VideoInfo:
    """What a video file holds: its packets are counted, its first frame is decoded.

    Headers are not believed: MediaRecorder leaves rate, length and number of frames out, AVI counts
    fields.

    Raises:
        VideoError: not a video that can be read, or beyond `limits`.
    """
    limits = limits or Limits()
    with _opened(path, limits) as (container, stream):
        _check_length(path, _announced_seconds(container, stream), stream.frames, limits)
        frames, seconds = _count_packets(container, stream, limits)
        _check_length(path, seconds, frames, limits)
        fps = _fps(stream, frames, seconds)
    with _opened(path, limits) as (container, stream):
        first = next(Decoder(container, stream).frames(), None)
        if first is None:
            raise VideoError(f"{path.name} holds no picture that can be decoded: save it again.")
        orientation = Orientation.of(first)
        width = square_width(first.width, stream.sample_aspect_ratio)
        height = first.height
        return VideoInfo(
            width=height if orientation.transposed else width,
            height=width if orientation.transposed else height,
            frames=frames,
            duration_s=frames / fps,
            fps=fps,
            rotation=orientation.degrees,
            codec=stream.codec_context.name,
            start_s=_start_seconds(container, stream, first),
        )


def read_frames(
    path: Path,
    limits: Limits | None = None,
    note: Callable[[str], None] = logger.warning,
    damaged: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[Rgb, float]]:
    """Every frame of a video once, in order of presentation, and its time.

    Colours are converted (`capture.colours`), interlaced frames deinterlaced, pixels made square,
    the picture is turned as the file asks. All frames have the size of the first: should it change,
    the rest is fitted in. Damaged frames are left out. Times are seconds since the first frame and
    always grow; where the file has none, or they run backwards, the rate fills in.

    Args:
        path: the file.
        limits: what is still read.
        note: told, in a sentence each, what was odd: frames left out, a file cut off, colours or
            frames that were converted.
        damaged: told at the end how many frames were left out, if any.

    Yields:
        uint8 `[H, W, 3]` and seconds.

    Raises:
        VideoError: not a video that can be read, or beyond `limits`.
    """
    limits = limits or Limits()
    info = probe(path, limits)
    size = (info.width, info.height)
    seconds = 0.0
    with _opened(path, limits) as (container, stream):
        announced = _announced_seconds(container, stream)
        timed = container.format.name not in UNTIMED_FORMATS
        clock = Clock(info.fps, stream.time_base if timed else None)
        colours = ColourConverter()
        decoder, deinterlacer = Decoder(container, stream), Deinterlacer()
        changed = False
        hdr: str | None = None
        for index, frame in enumerate(deinterlacer.frames(decoder.frames())):
            seconds = clock.seconds(frame)
            if seconds > limits.max_seconds or index >= limits.max_frames:
                note(f"{path.name} goes on beyond {_length(seconds)}: the rest was left out.")
                return
            if index == 0:
                hdr = HDR.get(frame.color_trc)
            width = square_width(frame.width, stream.sample_aspect_ratio)
            turned = Orientation.of(frame)
            rgb = turned.applied(colours.rgb(frame, width if width != frame.width else None))
            del frame
            if rgb.shape[1::-1] != size:
                if not changed:
                    note(_new_size(path, size, rgb, seconds))
                changed = True
                rgb = fitted(rgb, size)
            yield rgb, seconds
    if hdr is not None:
        note(f"{path.name} is an HDR film ({hdr}): its colours were converted to SDR (BT.709).")
    if deinterlacer.found:
        note(f"{path.name} is interlaced: it was deinterlaced, one picture for each frame.")
    if decoder.damaged:
        note(f"Damaged frames of {path.name} were left out: {decoder.damaged}.")
        damaged(decoder.damaged)
    if announced is not None and seconds + 1 / info.fps < announced - CUT_OFF_SECONDS:
        note(
            f"{path.name} was cut off: it announces {_length(announced)} and holds "
            f"{_length(seconds)}; what is there was read."
        )


def _new_size(path: Path, size: tuple[int, int], rgb: Rgb, seconds: float) -> str:
    return (
        f"The picture of {path.name} changes from {size[0]}x{size[1]} to "
        f"{rgb.shape[1]}x{rgb.shape[0]} after {_length(seconds)}: what follows was fitted in."
    )


def open_container(path: Path, limits: Limits | None = None) -> InputContainer:
    """A video file, opened as a file whatever its name is (a colon is no protocol).

    Raises:
        VideoError: it is not there, no video, or beyond `limits`.
    """
    limits = limits or Limits()
    _check_file(path, limits)
    try:
        return av.open(
            f"file:{path}",
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            options={"max_pixels": str(limits.max_pixels)},
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise VideoError(_why_not(path)) from error


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video stream; whatever is wrong with them in a sentence."""
    with open_container(path, limits) as container:
        pictures = [
            stream
            for stream in container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not pictures:
            raise VideoError(f"{path.name} holds no moving picture, only sound or data.")
        stream = max(pictures, key=lambda each: each.width * each.height)
        _check_pixels(path, stream, limits)
        # Frame threads cost a quarter more CPU time and lose frames beside a damaged one.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        yield container, stream


def _check_file(path: Path, limits: Limits) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise VideoError(f"{path} cannot be read ({error.strerror}).") from error
    if not path.is_file():
        raise VideoError(f"{path} is not a file: name a video.")
    if size == 0:
        raise VideoError(f"{path.name} is empty.")
    if size > limits.max_bytes:
        raise VideoError(
            f"{path.name} is {size / 1e9:.1f} GB; {limits.max_bytes / 1e9:.1f} GB at most are "
            f"taken: cut it, or encode it smaller."
        )


def _check_pixels(path: Path, stream: VideoStream, limits: Limits) -> None:
    width = square_width(stream.codec_context.width, stream.sample_aspect_ratio)
    height = stream.codec_context.height
    if width * height > limits.max_pixels:
        side = int(limits.max_pixels**0.5)
        raise VideoError(
            f"{path.name} claims {width}x{height} pixels; {side}x{side} at most are taken."
        )


def _check_length(path: Path, seconds: float | None, frames: int | None, limits: Limits) -> None:
    if (seconds or 0) > limits.max_seconds:
        raise VideoError(
            f"{path.name} lasts {_length(seconds or 0)}; {_length(limits.max_seconds)} at most "
            f"is taken: cut it first."
        )
    if (frames or 0) > limits.max_frames:
        raise VideoError(
            f"{path.name} has {frames} frames; {limits.max_frames} at most are taken: cut it first."
        )


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{seconds:.1f} s"


def _why_not(path: Path) -> str:
    """Why FFmpeg could not open a file."""
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})."
    if start[4:8] == b"ftyp":
        return (
            f"{path.name} is an mp4 without its index, which comes last: the recording or the "
            f"upload broke off; copy it again."
        )
    return f"{path.name} is not a video that can be read: use mp4, mov, webm, mkv or avi."


def _announced_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """The length of the picture according to the headers."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1
    return container.duration / av.time_base if container.duration and alone else None


def _start_seconds(container: InputContainer, stream: VideoStream, first: VideoFrame) -> float:
    if container.format.name in UNTIMED_FORMATS or first.pts is None or not stream.time_base:
        return 0.0
    return float(first.pts * stream.time_base)


def _count_packets(
    container: InputContainer, stream: VideoStream, limits: Limits
) -> tuple[int, float | None]:
    """Frames to be shown and seconds from the first to the last; None when there are no times."""
    timed = container.format.name not in UNTIMED_FORMATS
    count = 0
    stamps: list[int] = []
    for packet in packets(container, stream):
        if packet.is_discard:  # Outside the file's edit list: decoded, never shown.
            continue
        count += 1
        stamp = packet.pts if timed and packet.pts is not None else packet.dts
        if stamp is not None:
            stamps = [min([stamp, *stamps[:1]]), max([stamp, *stamps[1:]])]
        if count > limits.max_frames:
            break
    if not stamps or count < 2 or stream.time_base is None:
        return count, None
    return count, float((stamps[1] - stamps[0]) * stream.time_base)


def _fps(stream: VideoStream, frames: int, seconds: float | None) -> float:
    """The average rate: measured, else announced, else the usual one."""
    measured = (frames - 1) / seconds if seconds else None
    guessed = stream.guessed_rate
    if measured and guessed and abs(measured / guessed - 1) < NEARLY_THE_SAME_RATE:
        return float(guessed)
    for rate in (measured, guessed, stream.average_rate):
        if rate and SLOWEST_FPS <= rate <= FASTEST_FPS:
            return float(rate)
    return USUAL_FPS
