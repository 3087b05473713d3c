"""`run.py perform`: a video of somebody in, a video of somebody else doing the same out."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from capture.commands import open_pool
from capture.dataset import Dataset
from capture.files import check_new_file
from capture.progress import Progress
from capture.video import probe
from inference.analysis import Analysis
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Rgb
from inference.drawing import Planes
from inference.views import ViewOptions, compose
from transfer.errors import TransferError
from transfer.output.clip import AnalysedClip
from transfer.output.pictures_out import check_ending, pictures_out
from transfer.performers.factory import find_performer
from transfer.performers.trained_files import is_trained, networks_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("source", type=Path, metavar="SOURCE.mp4", help="who dances")
    parser.add_argument(
        "--as", dest="target", required=True, metavar="RUN|DATASET", help="who is seen"
    )
    parser.add_argument(
        "--performer",
        choices=("warp", "knn", "gan"),
        help="warp: their own pixels, moved (default for a dataset); knn: a dataset's nearest "
        "poses; gan: a trained run (default: by what --as is)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT.mp4", help="or .gif, .jpg, .png"
    )
    parser.add_argument(
        "--side-by-side", action="store_true", help="source, what was seen, and result"
    )
    parser.add_argument("--force", action="store_true", help="replace OUT when it is there")
    # How the server calls it.
    parser.add_argument(
        "--progress", choices=("bar", "json"), default="bar", help=argparse.SUPPRESS
    )
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    _check_out(arguments.out, arguments.source, arguments.force)
    info = probe(arguments.source)
    title, make = find_performer(arguments.target, arguments.performer)
    analyzer = Analyzer(open_pool(arguments, workers=2), AnalyzerOptions(second_pass=True))
    shown, as_json = 0, arguments.progress == "json"
    # What is wrong with the output or the sound is found before the long work.
    with pictures_out(arguments.out, arguments.source, info) as out:
        with Progress(arguments.source.name, "frame", as_json) as progress:
            clip = AnalysedClip(arguments.source, info, analyzer, progress)
        if sentence := another_network(Path(arguments.target), analyzer.pool.info.name):
            print(sentence)
        performer = make(clip.body_frame)
        if performer.warning:
            print(performer.warning)
        with Progress(f"as {title}", "frame", as_json) as progress:
            for number, (rgb, time_s, analysis) in enumerate(clip.frames(), start=1):
                picture = performer.perform(rgb, analysis, time_s)
                if arguments.side_by_side:
                    picture = beside(rgb, analysis, picture)
                out.write(picture, time_s)
                shown += analysis.person is not None
                progress(number, len(clip))
    if out.warning:
        print(out.warning)
    if not shown:
        print(f"Nobody was seen in {arguments.source.name}: only the clean plate is shown.")
    print(f"{arguments.out} shows {shown} of {len(clip)} frames as {title}.")
    return 0


def _check_out(out: Path, source: Path, force: bool) -> None:
    """Raise when the output has an ending nobody writes, or would replace something."""
    check_ending(out)
    if out.exists() and source.exists() and out.samefile(source):
        raise TransferError(f"{out} is the source itself: name another file for the result.")
    check_new_file(out, force)


def another_network(folder: Path, name: str) -> str:
    """What to tell when a performer is shown with another network's parts than it was made from;
    empty when there is nothing to tell."""
    trained = is_trained(folder)
    known = networks_of(folder) if trained else [Dataset.open(folder).manifest.model.name]
    if not known or name in known:
        return ""
    return (
        f"{folder.name} was made from what {' and '.join(known)} saw, and {name}, which looks now, "
        f"draws parts and key points a little differently: `--model {known[0]}` looks as it did."
    )


def beside(rgb: Rgb, analysis: Analysis, result: Rgb) -> Rgb:
    """Source, parts and skeleton, and result, next to each other at the result's height."""
    even = rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
    labels = analysis.labels[: even.shape[0], : even.shape[1]]
    seen = Analysis(labels, analysis.person, analysis.smoothed)
    dark = Planes.from_rgb(np.zeros_like(even))
    drawn = compose(dark, seen, ViewOptions("parts_skeleton", 1.0)).rgb()
    height = result.shape[0]
    width = round(even.shape[1] * height / even.shape[0])
    size = (width, height)
    scaled = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (even, drawn)]
    return np.ascontiguousarray(np.hstack([*scaled, result]))
