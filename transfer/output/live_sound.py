"""Sound that comes in pieces while a film is written, in time with its pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from numpy.typing import NDArray

TOLERANCE_S = 0.06
"""Pieces come a little sooner or later than they sound: less than this is no gap."""
MOST_SILENCE_S = 60.0
"""Of one gap; a longer one is a mistake of the clock."""


class LiveSound:
    """One AAC stream, mono, of an mp4 that has not been begun."""

    def __init__(self, out: OutputContainer, rate: int) -> None:
        """`rate`: samples a second."""
        self._out, self._rate, self._done = out, rate, 0
        self._stream: Any = out.add_stream("aac", rate=rate, layout="mono")

    def write(self, samples: NDArray[np.int16], time_s: float) -> None:
        """The next piece `[n]`; it sounds at this time of the film. Silence fills gaps."""
        missing = round(time_s * self._rate) - self._done
        if abs(missing) <= TOLERANCE_S * self._rate:
            missing = 0
        missing = min(missing, round(MOST_SILENCE_S * self._rate))
        if missing > 0:
            self._encode(np.zeros(missing, np.int16))
        self._encode(samples[max(0, -missing) :])

    def finish(self) -> None:
        """What the encoder still holds."""
        if self._done:
            self._out.mux(self._stream.encode(None))

    def _encode(self, samples: NDArray[np.int16]) -> None:
        if not len(samples):
            return
        levels = (samples[None] / np.float32(32_768)).astype(np.float32)
        frame = AudioFrame.from_ndarray(levels, "fltp", "mono")
        frame.sample_rate, frame.pts = self._rate, self._done
        frame.time_base = Fraction(1, self._rate)
        self._done += len(samples)
        self._out.mux(self._stream.encode(frame))
