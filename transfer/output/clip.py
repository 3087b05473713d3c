"""A source video, looked at from end to end before it is performed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from capture.video import VideoInfo, read_frames
from inference.analysis import Analysis, Person
from inference.analyzer import Analyzer
from inference.arrays import Labels, Rgb
from inference.smoothing import smooth_clip
from transfer.target.normalisation import BodyFrame, fit_body_frame


@dataclass(frozen=True, slots=True)
class _Seen:
    """One frame's Analysis with its label map packed."""

    time_s: float
    labels: bytes
    person: Person | None


class AnalysedClip:
    """All analyses of a video. Its frames are read again when they are wanted."""

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        analyzer: Analyzer,
        progress: Callable[[int, int | None], None],
    ) -> None:
        """Looks at every frame. Raises `VideoError` when it is no video.

        `info`: what `probe` says of it.
        """
        self.path = path
        self._seen: list[_Seen] = []
        analyzer.know(read_frames(path), info.frames)
        for _, time_s, analysis in analyzer.analyse_all(read_frames(path)):
            self._seen.append(_Seen(time_s, _packed(analysis.labels), analysis.person))
            progress(len(self._seen), info.frames)
        seconds = np.array([one.time_s for one in self._seen])
        raw = np.zeros((len(self._seen), 17, 3), np.float32)
        for number, one in enumerate(self._seen):
            if one.person is not None:
                raw[number] = one.person.keypoints
        self._smoothed = smooth_clip(raw, seconds) if len(raw) else raw
        there = [number for number, one in enumerate(self._seen) if one.person is not None]
        self.body_frame: BodyFrame | None = fit_body_frame(self._smoothed[there], seconds[there])
        """Of the dancer; None when nobody was seen."""

    def __len__(self) -> int:
        return len(self._seen)

    def frames(self) -> Iterator[tuple[Rgb, float, Analysis]]:
        """Each frame, its time in seconds and its Analysis, key points smoothed from both sides."""
        for number, (rgb, time_s) in enumerate(read_frames(self.path)):
            if number >= len(self._seen):
                return
            seen = self._seen[number]
            analysis = Analysis(_unpacked(seen.labels), seen.person)
            if seen.person is not None:
                analysis = replace(analysis, smoothed=self._smoothed[number])
            yield rgb, time_s, analysis


def _packed(labels: Labels) -> bytes:
    _, data = cv2.imencode(".png", labels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()


def _unpacked(data: bytes) -> Labels:
    labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert labels is not None
    return np.asarray(labels, np.uint8)
