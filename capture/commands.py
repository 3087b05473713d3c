"""The commands of `run.py` that need no server."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from capture.dataset import Dataset
from capture.errors import CaptureError
from capture.export import export_folder, export_zip
from capture.files import TEMPORARY_SUFFIX, check_new_file, discard, disk_errors, make_folder
from capture.importer import ImportOptions, import_video
from capture.manifest import valid_id
from capture.progress import Progress
from capture.repair import repair_masks
from capture.segment import check_apart, find_pictures, segment_picture
from inference.analysis import Person
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Keypoints, Rgb
from inference.pool import NetworkPool
from inference.zoo import default_model


def capture(
    arguments: argparse.Namespace,
    look_again: Callable[[Rgb, Person], Keypoints] | None = None,
) -> int:
    """One dataset per video; 1 when a video failed, 128 + signal when it was stopped.

    `look_again`: gives better key points of a dancer, where `arguments.pose` names who.
    """
    outs = _outs(arguments.videos, arguments.out)
    for video in arguments.videos:
        if not video.is_file():
            raise CaptureError(f"There is no file {video}.")
    pool = open_pool(arguments, workers=_cores())
    failed = 0
    with _stopping() as stopped:
        for video, out in zip(arguments.videos, outs, strict=True):
            try:
                analysed = AnalyzerOptions(
                    keep_heads=arguments.heads, second_pass=True, look_again=look_again
                )
                dataset = _capture(video, out, pool, arguments, analysed, lambda: bool(stopped))
                _print_summary(dataset, arguments, bool(stopped))
            except CaptureError as error:
                print(error, file=sys.stderr)
                failed = 1
            if stopped:
                return 128 + stopped[0]
    return failed


def _capture(
    video: Path,
    out: Path,
    pool: NetworkPool,
    arguments: argparse.Namespace,
    analysed: AnalyzerOptions,
    cancelled: Callable[[], bool],
) -> Dataset:
    wanted = ImportOptions(
        title=arguments.title,
        source_kind=arguments.source_kind,
        source_name=arguments.source_name,
        dataset_id=out.name if valid_id(out.name) else None,
        frame_format=arguments.frames,
        analyzer=analysed,
        pose_by=arguments.pose,
    )
    with Progress(video.name, "frame", arguments.progress == "json") as progress:
        if pool.notice:
            progress.note(pool.notice)
        if arguments.pose:
            progress.note(f"{arguments.pose} looks at every frame again: that takes its time.")
        return import_video(video, out, pool, wanted, progress, progress.note, cancelled)


def segment(arguments: argparse.Namespace) -> int:
    """A label map and a JSON file per picture; 1 when a picture could not be read."""
    pictures = find_pictures(arguments.pictures, lambda sentence: print(sentence, file=sys.stderr))
    check_apart(pictures, arguments.out)
    make_folder(arguments.out)
    analyzer = Analyzer(open_pool(arguments, workers=1))
    failed = 0
    with _stopping() as stopped, Progress("segment", "picture") as progress:
        for done, path in enumerate(pictures, start=1):
            try:
                segment_picture(path, arguments.out, analyzer)
            except CaptureError as error:
                failed += 1
                progress.note(str(error))
            progress(done, len(pictures))
            if stopped:
                progress.note(f"Stopped after {done} of {len(pictures)} pictures.")
                return 128 + stopped[0]
    print(f"{len(pictures) - failed} of {len(pictures)} pictures are in {arguments.out}.")
    return int(failed > 0)


def export(arguments: argparse.Namespace) -> int:
    """A dataset as a zip file (a path ending in .zip) or a folder."""
    dataset, out = Dataset.open(arguments.dataset), arguments.out
    if out.suffix.lower() == ".zip":
        check_new_file(out, arguments.force)
        _export_zip(dataset, arguments.format, out)
    else:
        with Progress(arguments.format, "pair") as progress:
            export_folder(dataset, arguments.format, out, progress)
    print(f"{len(dataset.pairs)} pairs are in {out}.")
    return 0


def repair(arguments: argparse.Namespace) -> int:
    """Masks with drifted colours become exact class ids."""
    with Progress("repair", "mask") as progress:
        report = repair_masks(arguments.masks, arguments.out, progress=progress)
    for sentence in report.skipped.values():
        print(sentence, file=sys.stderr)
    share = 100 * report.doubtful / max(report.pixels, 1)
    print(
        f"{len(report.masks)} masks are in {arguments.out}; "
        f"{report.doubtful} pixels ({share:.2f} %) are doubtful, see report.json."
    )
    return int(bool(report.skipped))


def open_pool(arguments: argparse.Namespace, workers: int) -> NetworkPool:
    """So many networks that share the CPU's cores, or one on each Edge TPU."""
    model = arguments.model or default_model(arguments.device.startswith("edgetpu")).name
    flags = {"long_side": arguments.long_side} if arguments.long_side else {}
    threads = max(1, _cores() // workers)
    return NetworkPool.open(model, arguments.device, workers=workers, threads=threads, **flags)


def _cores() -> int:
    return min(os.cpu_count() or 1, 8)


def _outs(videos: list[Path], out: Path) -> list[Path]:
    """`out` itself for one video, a folder in it for each of several."""
    if len(videos) == 1:
        return [out]
    names = [video.stem for video in videos]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CaptureError(f"Two videos are called {twice}: capture them one by one.")
    return [out / name for name in names]


def _print_summary(dataset: Dataset, arguments: argparse.Namespace, stopped: bool) -> None:
    """An empty dataset is of no use to anybody: it is removed, and that is an error."""
    counts = dataset.manifest.counts
    without = counts.dropped.get("no_person", 0)
    if counts.written == 0:
        dataset.delete()
        raise CaptureError(
            f"Nobody was found in {without} frames of {dataset.manifest.source.name}: "
            "use a video that shows a person."
        )
    if stopped:
        print(f"Stopped: {counts.written} pairs are kept in {dataset.path}.", file=sys.stderr)
    elif arguments.progress != "json":
        beside = f", {without} frames without a dancer" if without else ""
        print(f"{counts.written} pairs{beside}: {dataset.path}")


def _export_zip(dataset: Dataset, name: str, out: Path) -> None:
    make_folder(out.parent)
    temporary = out.with_name(out.name + TEMPORARY_SUFFIX)
    try:
        with disk_errors(out):
            with temporary.open("wb") as file:
                for chunk in export_zip(dataset, name):
                    file.write(chunk)
            temporary.replace(out)
    finally:
        discard(temporary)


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, so that work can end in order; the second one kills."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            sys.exit(128 + number)
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {
        number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
