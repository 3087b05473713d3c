"""The live thread of one session: slot, Analyzer, view, encoder, output track.

It never waits for anything but the next frame, and no stage can stop the picture: when one
fails, the camera's own picture goes out and the page is told.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import av

from capture.colours import ColourConverter
from inference.analysis import Analysis
from inference.analyzer import Analyzer
from inference.arrays import Rgb
from inference.errors import UnderstudyError
from inference.views import Planes, ViewOptions, compose
from server.live.encoder import TIME_BASE, H264Encoder
from server.live.film_tape import FilmTape
from server.live.jpeg_encoder import JpegEncoder
from server.live.output_track import MediaClock, Picture
from server.live.pictures import I420, FrameClock, from_rgb, to_i420, to_rgb, waiting_picture
from server.live.slot import NewestSlot
from server.live.stats import LiveStats
from server.rtc.downlink import Downlink
from server.rtc.socket_downlink import SocketDownlink
from transfer.performers.performer import LivePerformer

logger = logging.getLogger(__name__)

Encoder: TypeAlias = H264Encoder | JpegEncoder
Line: TypeAlias = Downlink | SocketDownlink

REPEAT_SECONDS = 0.25
"""When nothing new came for this long, the last picture is sent again."""
QUICK_SECONDS = 0.016
"""Where a frame takes less than half of the time until the next, a few may wait."""
BUNCH = 3
"""So many frames come at once when a line has brought what one of them lacked."""
COMPLAIN_SECONDS = 2.0
"""The page hears of failures no more often than this."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame as it came from the browser."""

    frame: av.VideoFrame
    arrival: float
    """`time.perf_counter()`."""


@dataclass(frozen=True, slots=True)
class LiveEvents:
    """Whom the live thread tells; all are called in that thread and must be quick."""

    picture: Callable[[Picture, float | None], None]
    """A picture to send, and when its frame arrived (None for a repeated one)."""
    analysed: Callable[[Rgb, Analysis, float], None]
    """A frame, its own analysis, its time in seconds; called after the picture went out."""
    failed: Callable[[str], None]
    """One sentence about a stage that failed."""


@dataclass(slots=True)
class _Stopwatch:
    """Milliseconds between laps, by name."""

    timings: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.timings[name] = (now - self.last) * 1000
        self.last = now


class LiveThread:
    """Runs from `start` to `close`. The analyzer and the view can be changed at any time."""

    def __init__(
        self, analyzer: Analyzer, view: ViewOptions, encoder: Encoder | None, events: LiveEvents
    ) -> None:
        """`encoder` None: pictures leave raw, for aiortc to encode (VP8)."""
        self.slot: NewestSlot[Arrived] = NewestSlot()
        self.stats = LiveStats()
        self.view = view
        """Read for every picture; replace it to change the view."""
        self.performer: LivePerformer | None = None
        """Shown instead of the view, when there is one; replace it at any time."""
        self.downlink: Line | None = None
        """What is known of the line to the browser; None: it takes everything."""
        self.tape: FilmTape | None = None
        """Takes what is performed, to make films of it."""
        self.failures = 0
        """Frames on which a stage failed."""
        self.size: tuple[int, int] | None = None
        """Width and height of the newest frame."""
        self._analyzer = analyzer
        self._analyzer_in_use = threading.Lock()
        self._encoder = encoder
        self._events = events
        self._clock = MediaClock()
        self._frame_clock = FrameClock()
        self._colours = ColourConverter()
        self._last_picture: I420 = waiting_picture()
        self._complained = 0.0
        self._usual_seconds = QUICK_SECONDS
        self._reset_wanted = False
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Begin to send; until the first frame comes, a picture to wait by. Once is enough."""
        if self._thread.ident is None and not self.slot.closed:
            self._thread.start()

    def offer(self, frame: av.VideoFrame) -> None:
        """A new frame from the browser; never waits."""
        self.stats.frame_received()
        self.slot.put(Arrived(frame, time.perf_counter()))

    def use(self, analyzer: Analyzer) -> None:
        """Analyse with this one from now on. Returns once the old one is no longer in use."""
        with self._analyzer_in_use:
            self._analyzer = analyzer

    @property
    def analyzer(self) -> Analyzer:
        """The one in use."""
        return self._analyzer

    def reset(self) -> None:
        """Forget who the dancer was (another source begins)."""
        self._reset_wanted = True

    def request_key_frame(self) -> None:
        """Send a key frame next."""
        if self._encoder is not None:
            self._encoder.request_key_frame()

    def close(self, timeout: float = 5.0) -> None:
        """Stop, and wait for the frame in hand to be finished. May be called again."""
        self.slot.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self.slot.closed:
            arrived = self.slot.take(REPEAT_SECONDS)
            if arrived is not None:
                began = time.perf_counter()
                try:
                    self._show(arrived)
                    self._allow_bunches(time.perf_counter() - began)
                except Exception as error:
                    self._complain(error)
            elif not self.slot.closed and self._line_is_free():
                self._send(self._last_picture, None)

    def _allow_bunches(self, seconds: float) -> None:
        """Frames that come together are all looked at, and recorded, where there is time for it."""
        self._usual_seconds += 0.1 * (seconds - self._usual_seconds)
        self.slot.depth = BUNCH if self._usual_seconds < QUICK_SECONDS else 1

    def _show(self, arrived: Arrived) -> None:
        watch = _Stopwatch()
        ticks = arrived.frame.pts
        i420 = to_i420(arrived.frame, self._colours)
        rgb = to_rgb(i420)
        seconds = self._frame_clock.seconds(ticks, arrived.arrival)
        watch.lap("convert")
        analysis = self._analyse(rgb, seconds)
        watch.last = time.perf_counter()
        performer = self.performer
        picture: I420 | None
        if not self._line_is_free():
            picture = None
        elif analysis is None:
            picture = i420
        elif performer is not None:
            picture = self._perform(performer, i420, rgb, analysis, seconds)
            watch.lap("perform")
            for stage, spent in performer.timings.items():
                watch.timings[f"perform: {stage}"] = spent
            if self.tape is not None:
                self.tape.take(picture, i420, seconds, arrived.arrival)
        else:
            picture = self._compose(i420, analysis)
            watch.lap("compose")
        if picture is not None:
            self._send(picture, arrived.arrival)
            watch.lap("encode")
            self._last_picture = picture
        if analysis is not None:
            self.stats.frame_analysed({**watch.timings, **analysis.timings})
            self._events.analysed(rgb, analysis, seconds)

    def _analyse(self, rgb: Rgb, seconds: float) -> Analysis | None:
        size = (rgb.shape[1], rgb.shape[0])
        with self._analyzer_in_use:
            try:
                if size != self.size or self._reset_wanted:
                    self._reset_wanted = False
                    self.size = size
                    self._analyzer.reset()
                    if self.performer is not None:
                        self.performer.reset()
                return self._analyzer.analyse(rgb, seconds)
            except Exception as error:
                self._complain(error)
                return None

    def _compose(self, i420: I420, analysis: Analysis) -> I420:
        try:
            return compose(Planes.from_i420(i420), analysis, self.view).i420
        except Exception as error:
            self._complain(error)
            return i420

    def _perform(
        self, performer: LivePerformer, i420: I420, rgb: Rgb, analysis: Analysis, seconds: float
    ) -> I420:
        try:
            return from_rgb(performer.perform(rgb, analysis, seconds))
        except Exception as error:
            self._complain(error)
            return i420

    def _line_is_free(self) -> bool:
        """Whether a picture may go out now: what waits in the line would only make it late."""
        if self.downlink is None:
            return True
        now = time.monotonic()
        free = self.downlink.may_send(now)
        if self.downlink.flush_due(now):
            self.request_key_frame()
        return free

    def _send(self, picture: I420, arrival: float | None) -> None:
        ticks = self._clock.ticks()
        if self._encoder is not None:
            if self.downlink is not None:
                self._encoder.line_bps = self.downlink.encoder_bps
            packet = self._encoder.encode(picture, ticks)
            if packet is not None:
                self._events.picture(packet, arrival)
            return
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = ticks, TIME_BASE
        self._events.picture(frame, arrival)

    def _complain(self, error: Exception) -> None:
        self.failures += 1
        now = time.monotonic()
        if now - self._complained < COMPLAIN_SECONDS:
            return
        self._complained = now
        logger.warning("a live stage failed (%d so far)", self.failures, exc_info=error)
        known = isinstance(error, UnderstudyError)
        self._events.failed(
            str(error) if known else "The picture could not be analysed; the camera is shown as is."
        )
