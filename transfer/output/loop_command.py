"""`run.py loop`: three seconds of a film as a GIF, or forwards and backwards as a boomerang."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2
import numpy as np

from capture.files import check_new_file
from capture.progress import Progress
from capture.video import VideoInfo, probe, read_frames
from inference.arrays import Rgb
from transfer.errors import TransferError
from transfer.output.pictures_out import GifOut, Mp4Out
from transfer.output.writer import PicturesWriter

SECONDS = 3.0
MOST_SECONDS = 10.0
"""A boomerang's pictures are all in memory."""
FASTEST = 30.0
"""Pictures a second; more are left out."""
LONGEST_SIDE = 960
ENDINGS = (".gif", ".mp4")
Timed = tuple[Rgb, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("film", type=Path, metavar="FILM.mp4")
    parser.add_argument(
        "--out", type=Path, required=True, nargs="+", metavar="OUT", help="ends in .gif or .mp4"
    )
    parser.add_argument(
        "--from", dest="start", type=float, default=0.0, metavar="S", help="where it begins"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"default: {SECONDS:g}"
    )
    parser.add_argument("--boomerang", action="store_true", help="and backwards again")
    parser.add_argument("--force", action="store_true", help="replace OUT when it is there")
    # How the server calls it.
    parser.add_argument(
        "--progress", choices=("bar", "json"), default="bar", help=argparse.SUPPRESS
    )
    parser.set_defaults(command=main)


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit code."""
    for out in arguments.out:
        if out.suffix.lower() not in ENDINGS:
            raise TransferError(f"{out.name} must end in {ENDINGS[0]} or {ENDINGS[1]}.")
        check_new_file(out, arguments.force)
    if not 0.1 <= arguments.seconds <= MOST_SECONDS:
        raise TransferError(f"--seconds must lie between 0.1 and {MOST_SECONDS:g}.")
    if not math.isfinite(arguments.start):
        raise TransferError("--from must be a number of seconds.")
    name = arguments.film.name
    with Progress(name, "picture", arguments.progress == "json") as progress:
        info = probe(arguments.film)
        pictures = _cut(arguments.film, info, arguments.start, arguments.seconds)
        if arguments.boomerang:
            pictures = boomerang(pictures)
        total = len(pictures) * len(arguments.out)
        for place, out in enumerate(arguments.out):
            with _writer(out, min(info.fps, FASTEST)) as writer:
                for number, (rgb, time_s) in enumerate(pictures, start=1):
                    writer.write(rgb, time_s)
                    progress(place * len(pictures) + number, total)
    for out in arguments.out:
        print(f"{out} shows {pictures[-1][1]:.1f} seconds of {name}.")
    return 0


def boomerang(pictures: list[Timed]) -> list[Timed]:
    """Forwards and backwards, at the same pace; the turning points are shown once."""
    end = pictures[-1][1]
    return [*pictures, *((rgb, 2 * end - time_s) for rgb, time_s in pictures[-2:0:-1])]


def _cut(film: Path, info: VideoInfo, start: float, seconds: float) -> list[Timed]:
    """Its pictures from `start` on, the first at time 0; the last seconds when it ends before."""
    latest = max(0.0, (info.duration_s or 0.0) - seconds)
    start = min(max(start, 0.0), latest)
    pictures: list[Timed] = []
    for rgb, time_s in read_frames(film):
        if time_s >= start + seconds and pictures:
            break
        soon = bool(pictures) and time_s - start - pictures[-1][1] < 0.9 / FASTEST
        if time_s >= start - 1e-3 and not soon:
            pictures.append((_bounded(rgb), max(time_s - start, 0.0)))
    if not pictures:
        raise TransferError(f"{film.name} holds no picture to loop.")
    first = pictures[0][1]
    return [(rgb, time_s - first) for rgb, time_s in pictures]


def _bounded(rgb: Rgb) -> Rgb:
    scale = LONGEST_SIDE / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _writer(path: Path, fps: float) -> PicturesWriter:
    return GifOut(path) if path.suffix.lower() == ".gif" else Mp4Out(path, fps)
