"""Real analyses for tests about datasets: a few frames of a committed clip, looked at once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from capture.manifest import FrameFormat, ModelInfo, Source
from capture.writer import DatasetWriter
from inference.analysis import Analysis
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Rgb
from inference.pool import NetworkPool

CLIP = Path(__file__).parents[1] / "data" / "juggler_320.mp4"
MODEL = ModelInfo("bodypix-075", "0" * 64, (481, 273), "cpu", 0.6)
Seen = tuple[Rgb, float, Analysis]


@lru_cache(maxsize=1)
def seen_frames() -> list[Seen]:
    """The first 24 frames of the juggler, each with its time and its own analysis, heads kept."""
    pool = NetworkPool.open("bodypix-075", "cpu")
    with av.open(str(CLIP)) as container:
        frames = [
            (np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), float(frame.time or 0.0))
            for _, frame in zip(range(24), container.decode(video=0), strict=False)
        ]
    analyzer = Analyzer(pool, AnalyzerOptions(keep_heads=True))
    seen = [(rgb, time_s, analyzer.analyse(rgb, time_s)) for rgb, time_s in frames]
    pool.close()
    return seen


def begin(path: Path, frame_format: FrameFormat = "jpg", heads: bool = False) -> DatasetWriter:
    """A writer of a dataset about nothing in particular."""
    return DatasetWriter.create(
        path, Source("import", "juggler.mp4"), MODEL, "A man", None, frame_format, heads
    )


def write(path: Path, frame_format: FrameFormat = "jpg", heads: bool = False) -> list[Seen]:
    """A whole dataset of `seen_frames`, which are returned."""
    writer = begin(path, frame_format, heads)
    for index, (rgb, time_s, analysis) in enumerate(seen_frames()):
        writer.write(index, time_s, rgb, analysis, [])
    writer.close()
    return seen_frames()
