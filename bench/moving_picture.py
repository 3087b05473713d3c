"""The README's moving picture: a performed clip with captions, as an animated WebP.

    python -m bench.moving_picture DANCE.mp4 PERFORMED.mp4 --out PICTURE.webp

PERFORMED is what `run.py perform DANCE.mp4 --as ... --side-by-side` wrote: the dance, what was
seen, and the result, next to each other. It runs forwards and then backwards, so the loop has no
jump.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.serving import BenchError
from capture.files import make_folder, write_whole
from capture.video import probe, read_frames
from inference.arrays import Rgb
from inference.errors import UnderstudyError

CAPTIONS = ("Somebody dances", "What Understudy sees", "Somebody else does the same")
WIDTH = 900
"""Of the picture, pixels; a code host shows a README about so wide."""
CAPTION_HEIGHT = 36
FONT_SIZE = 17
GROUND, INK = (24, 24, 28), (240, 240, 240)
"""Readable beside a light and a dark page."""
MAX_BYTES = 2_000_000
QUALITIES = (85, 75, 65, 50, 35)
"""WebP's, tried in this order until the file is small enough."""


def moving_picture(dance: Path, performed: Path) -> bytes:
    """An animated WebP of at most `MAX_BYTES`.

    Args:
        dance: the clip that was performed; its aspect says how wide the first two panels are.
        performed: the same clip as `run.py perform --side-by-side` wrote it.

    Raises:
        VideoError: one of them is not a video that can be read.
        BenchError: they do not belong together, or the picture stays too large.
    """
    source, result = probe(dance), probe(performed)
    panel = round(source.width * result.height / source.height)
    if 2 * panel >= result.width:
        raise BenchError(
            f"{performed.name} is not {dance.name} side by side with what became of it: write it "
            "with `run.py perform --side-by-side`."
        )
    scale = WIDTH / result.width
    edges = [round(edge * scale) for edge in (0, panel, 2 * panel, result.width)]
    captions = _captions(edges)
    size = (WIDTH, round(result.height * scale))
    frames = [
        Image.fromarray(np.vstack([cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), captions]))
        for rgb, _ in read_frames(performed)
    ]
    return _encoded(frames, round(1000 / result.fps))


def _captions(edges: Sequence[int]) -> Rgb:
    """The line below the panels, whose left and right edges in pixels are `edges`."""
    line = Image.new("RGB", (WIDTH, CAPTION_HEIGHT), GROUND)
    draw = ImageDraw.Draw(line)
    font = ImageFont.load_default(FONT_SIZE)
    for caption, left, right in zip(CAPTIONS, edges[:-1], edges[1:], strict=True):
        middle = ((left + right) / 2, CAPTION_HEIGHT / 2)
        draw.text(middle, caption, INK, font, anchor="mm")
    return np.asarray(line, np.uint8)


def _encoded(frames: list[Image.Image], milliseconds: int) -> bytes:
    """Forwards and backwards for ever, `milliseconds` a frame."""
    there_and_back = [*frames, *frames[-2:0:-1]]
    for quality in QUALITIES:
        file = BytesIO()
        there_and_back[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=there_and_back[1:],
            duration=milliseconds,
            loop=0,
            quality=quality,
            method=4,
        )
        if file.tell() <= MAX_BYTES:
            return file.getvalue()
    raise BenchError(
        f"{len(frames)} frames do not fit into {MAX_BYTES / 1e6:.0f} MB: choose a shorter clip."
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("dance", type=Path, metavar="DANCE.mp4")
    parser.add_argument("performed", type=Path, metavar="PERFORMED.mp4")
    parser.add_argument("--out", type=Path, required=True, metavar="PICTURE.webp")
    arguments = parser.parse_args(words)
    try:
        picture = moving_picture(arguments.dance, arguments.performed)
        make_folder(arguments.out.parent)
        write_whole(arguments.out, picture)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.out} has {len(picture) / 1e6:.2f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
