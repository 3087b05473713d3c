"""A video becomes a dataset: every frame decoded, analysed and written, none lost or invented."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np

from capture.coverage import Coverage
from capture.dataset import Dataset
from capture.manifest import FrameFormat, ModelInfo, Source, SourceKind
from capture.quality import measure
from capture.video import probe, read_frames
from capture.writer import DatasetWriter
from inference.analysis import Analysis
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Keypoints, Rgb
from inference.pool import NetworkPool
from inference.smoothing import smooth_clip

WRITERS = 2
"""Threads that compress pictures."""
LOOK_AHEAD = 8
"""Frames that may wait to be written."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an import makes of a video."""

    title: str = ""
    """Empty: the file's name."""
    source_kind: SourceKind = "import"
    source_name: str = ""
    """Empty: the file's name."""
    dataset_id: str | None = None
    frame_format: FrameFormat = "jpg"
    analyzer: AnalyzerOptions = AnalyzerOptions(second_pass=True)  # noqa: RUF009  Frozen.
    pose_by: str = ""
    """Who looks again at every frame for better key points, to be kept with the dataset."""


def import_video(
    path: Path,
    out: Path,
    pool: NetworkPool,
    options: ImportOptions,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    note: Callable[[str], None] = lambda sentence: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Dataset:
    """Analyse every frame of a video and write those with a dancer as pairs.

    When it is cancelled, or the video turns out to be damaged further on, what was analysed so far
    is kept as a complete dataset.

    Args:
        path: the video.
        out: folder of the dataset, new or empty.
        pool: networks; they work side by side.
        options: see `ImportOptions`.
        progress: told frames done, and how many there are or None.
        note: told in a sentence what was odd about the video.
        cancelled: asked after every frame.

    Raises:
        VideoError: not a video; nothing was written.
        CaptureError: the disk is full; what was written is kept.
    """
    info = probe(path)
    writer = DatasetWriter.create(
        out,
        Source(options.source_kind, options.source_name or path.name, _sha256(path)),
        model_info(pool, (info.width, info.height), options.analyzer.threshold),
        options.title or path.stem,
        options.dataset_id,
        options.frame_format,
        options.analyzer.keep_heads,
    )
    name = writer.manifest.source.name

    def keep_note(sentence: str) -> None:
        """Under the name that people know the file by."""
        sentence = sentence.replace(path.name, name)
        writer.note(sentence)
        note(sentence)

    if options.pose_by:
        writer.note(f"Key points by {options.pose_by}, parts by {pool.info.name}.")
    work = _Import(writer)
    try:
        analyzer = Analyzer(pool, options.analyzer)
        unheard = read_frames(path, note=lambda sentence: None)
        analyzer.know(takewhile(lambda _: not cancelled(), unheard), info.frames)
        frames = read_frames(path, note=keep_note, damaged=partial(writer.drop, "damaged"))
        for done, (rgb, time_s, analysis) in enumerate(analyzer.analyse_all(frames), start=1):
            work.add(rgb, time_s, analysis)
            progress(done, max(info.frames, done) if info.frames is not None else None)
            if cancelled():
                break
    finally:
        work.close()
    return Dataset.open(out)


def model_info(pool: NetworkPool, frame_size: tuple[int, int], threshold: float) -> ModelInfo:
    """What a manifest says about the network that looked at frames of a size."""
    info = pool.info
    size = info.placement(frame_size, pool.long_side).input_size
    kinds = sorted({device.kind for device in pool.devices})
    return ModelInfo(info.name, info.sha256, size, "+".join(kinds), threshold)


class _Import:
    """Writes frames in threads while the next are analysed."""

    def __init__(self, writer: DatasetWriter) -> None:
        self._writer = writer
        self._coverage = Coverage()
        self._executor = ThreadPoolExecutor(WRITERS, thread_name_prefix="writer")
        self._pending: deque[Future[None]] = deque()
        self._index = 0

    def add(self, rgb: Rgb, time_s: float, analysis: Analysis) -> None:
        """Write a pair, or count a frame without a dancer."""
        if analysis.person is None:
            self._writer.drop("no_person")
            return
        self._coverage.add(analysis.person.keypoints, analysis.labels)
        while len(self._pending) >= LOOK_AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._executor.submit(self._write, self._index, time_s, rgb, analysis))
        self._index += 1

    def close(self) -> None:
        """Finish writing; smooth over the whole clip; complete the dataset."""
        try:
            while self._pending:
                self._pending.popleft().result()
        finally:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._writer.set_coverage(self._coverage.fraction, self._coverage.missing())
            self._writer.close(list(self._smoothed()))

    def _write(self, index: int, time_s: float, rgb: Rgb, analysis: Analysis) -> None:
        flags = measure(rgb, analysis).flags
        self._writer.write(index, time_s, rgb, analysis, flags)

    def _smoothed(self) -> Iterator[Keypoints]:
        records = self._writer.records
        raw = [record.keypoints for record in records if record.keypoints is not None]
        if raw:
            yield from smooth_clip(np.stack(raw), [record.time_s for record in records])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
