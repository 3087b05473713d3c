"""Masks from other tools, whose colours have drifted, become exact label maps again.

Colours become classes as `capture.palettes` says. Lossy or resampled masks also have mixtures of
two neighbours' colours along the borders, and a mixture may look like a third part: there a pixel
gets the nearest of the classes that lie right beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.errors import CaptureError
from capture.files import make_folder, write_whole
from capture.palettes import BODYPIX, BODYPIX_1, ColourCensus, Palette, clustered_palette, fitting
from capture.photos import open_photo
from capture.pictures import encode_labels
from inference.arrays import Labels, Rgb

REPORT_NAME = "report.json"

PaletteChoice = Literal["auto", "bodypix", "bodypix1", "unknown"]

CLEAN_COLOURS = 128
"""A picture with no more colours has no mixtures of colours."""

FLAT = 32
"""Grey levels that R, G and B may differ by within 3x3 pixels that show one class."""

_SPREADS = 8
"""Pixels from a border up to which mixtures of colours are expected."""


@dataclass(frozen=True, slots=True)
class RepairedMask:
    """What became of one mask."""

    name: str
    """Of its file."""
    output: str
    """Name of the label map."""
    width: int
    height: int
    doubtful: int
    """Pixels whose colour alone does not say which class is meant."""
    farthest: float
    """CIELAB units from the farthest pixel to the colour of its class."""
    classes: list[int]
    """Class ids that are there."""


@dataclass(slots=True)
class RepairReport:
    """What became of all masks; `report.json` holds the same."""

    palette: str
    """`bodypix`, `bodypix1` (version 1's rainbow) or `found` (by k-means)."""
    colours: list[list[int]]
    """The colour that each class had or should have had, RGB, by class id."""
    masks: list[RepairedMask] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Name of a file that was left out -> why, in a sentence."""

    @property
    def pixels(self) -> int:
        """Of all masks."""
        return sum(mask.width * mask.height for mask in self.masks)

    @property
    def doubtful(self) -> int:
        """Of all masks."""
        return sum(mask.doubtful for mask in self.masks)

    def to_json(self) -> dict[str, Any]:
        """The contents of `report.json`."""
        totals = {"masks": len(self.masks), "pixels": self.pixels, "doubtful": self.doubtful}
        return {"totals": totals, **asdict(self)}


def repair_masks(
    masks: Path,
    out: Path,
    palette: PaletteChoice = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> RepairReport:
    """Write an exact label map (8-bit palette PNG, value = class id) for every mask.

    Args:
        masks: a picture, or a folder of pictures, which all have the same colours.
        out: the folder for `NAME.png` and `report.json`; not the one of the masks.
        palette: "auto" tries BodyPix's two rainbows, then k-means ("unknown").
        progress: told how many masks of how many are done.

    Raises:
        CaptureError: there are no masks, none can be read, or `out` cannot be written.
    """
    paths = _paths(masks)
    if out.resolve() == paths[0].parent.resolve():
        raise CaptureError(f"{out} is where the masks are: name another folder for the label maps.")
    chosen, skipped = _palette(paths, palette)
    report = RepairReport(chosen.name, chosen.colours.tolist(), skipped=skipped)
    make_folder(out)
    taken: dict[str, str] = {}
    for done, path in enumerate(paths, 1):
        if path.name not in skipped:
            output = f"{path.stem}.png"
            if output in taken:
                skipped[path.name] = f"{taken[output]} has the same name: give it another one."
                continue
            taken[output] = path.name
            labels, mask = _repaired(path, output, chosen)
            write_whole(out / output, encode_labels(labels))
            report.masks.append(mask)
        if progress is not None:
            progress(done, len(paths))
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n"
    write_whole(out / REPORT_NAME, text.encode())
    return report


def label_map_of(rgb: Rgb, palette: Palette) -> tuple[Labels, NDArray[np.bool_], float]:
    """Class ids `[H, W]` of a coloured mask, which of them are doubtful, and the farthest pixel."""
    colours, which, _ = _distinct(rgb)
    distances = palette.distances(colours)
    classes, unclear = palette.nearest(colours, distances)
    labels, doubtful = classes[which], unclear[which]
    if len(colours) > CLEAN_COLOURS:
        settled = _settled(rgb, labels, which, distances)
        doubtful |= settled != labels
        labels = settled
    farthest = float(distances[which.ravel(), labels.ravel()].max())
    return labels, doubtful, farthest


def _paths(masks: Path) -> list[Path]:
    if masks.is_file():
        return [masks]
    if not masks.is_dir():
        raise CaptureError(f"There is no {masks}: name a mask or a folder of masks.")
    files = (path for path in masks.iterdir() if path.is_file() and path.name[0] != ".")
    paths = sorted(files)
    if not paths:
        raise CaptureError(f"There are no masks in {masks}.")
    return paths


def _palette(paths: list[Path], choice: PaletteChoice) -> tuple[Palette, dict[str, str]]:
    """The palette of all masks, and what cannot be read of them."""
    census = ColourCensus()
    skipped: dict[str, str] = {}
    for path in paths:
        try:
            rgb = read_mask(path)
        except CaptureError as error:
            skipped[path.name] = str(error)
            continue
        colours, which, counts = _distinct(rgb)
        if len(colours) > CLEAN_COLOURS:
            flat = which[_flat(rgb)]
            counts = np.bincount(flat, minlength=len(colours)) if len(flat) else counts
        census.add(colours, counts)
    if len(skipped) == len(paths):
        raise CaptureError(f"No mask could be read. {next(iter(skipped.values()))}")
    if choice == "unknown":
        return clustered_palette(census), skipped
    if choice != "auto":
        return (BODYPIX if choice == "bodypix" else BODYPIX_1), skipped
    return fitting(census) or clustered_palette(census), skipped


def read_mask(path: Path) -> Rgb:
    """The colours of a mask, transparent pixels black; `CaptureError` when it is not one."""
    picture = open_photo(path)
    grey = picture.mode not in ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
    try:
        rgba = np.asarray(picture.convert("RGBA"))
    except ValueError as error:
        raise CaptureError(f"{path.name} is not a picture that can be read.") from error
    rgb = rgba[:, :, :3] * (rgba[:, :, 3:] >= 128)
    if grey and rgb.any():
        raise CaptureError(f"{path.name} is grey: without colours there is nothing to repair.")
    return np.ascontiguousarray(rgb)


def _repaired(path: Path, output: str, palette: Palette) -> tuple[Labels, RepairedMask]:
    labels, doubtful, farthest = label_map_of(read_mask(path), palette)
    height, width = labels.shape
    classes = np.unique(labels).tolist()
    count = int(doubtful.sum())
    mask = RepairedMask(path.name, output, width, height, count, round(farthest, 1), classes)
    return labels, mask


def _distinct(rgb: Rgb) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The colours `[N, 3]` of a picture, which of them each pixel has, and their counts."""
    packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    values, which, counts = np.unique(packed, return_inverse=True, return_counts=True)
    colours = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.uint8)
    return colours, which.reshape(packed.shape), counts


def _flat(rgb: Rgb) -> NDArray[np.bool_]:
    """Pixels whose surroundings show one colour, noise aside."""
    square = np.ones((3, 3), np.uint8)
    span = cv2.subtract(cv2.dilate(rgb, square), cv2.erode(rgb, square))
    return np.asarray(span.max(axis=2) <= FLAT)


def _settled(
    rgb: Rgb, labels: Labels, which: NDArray[np.int64], distances: NDArray[np.float32]
) -> Labels:
    """Labels in which flat places grow over the mixtures of colours between them.

    Pixel by pixel outwards, each takes that of its settled neighbours' classes which is nearest to
    its own colour. What is still not reached then keeps the class of its colour.
    """
    labels, settled = labels.copy(), _flat(rgb)
    for _ in range(_SPREADS):
        rows, columns = np.nonzero(~settled)
        if not len(rows):
            break
        colours = which[rows, columns]
        least = np.full(len(rows), np.inf, np.float32)
        classes = labels[rows, columns]
        for r, c in _around(rows, columns, labels.shape):
            distance = np.where(settled[r, c], distances[colours, labels[r, c]], np.inf)
            nearer = distance < least
            least[nearer], classes[nearer] = distance[nearer], labels[r, c][nearer]
        labels[rows, columns] = classes
        settled[rows, columns] = np.isfinite(least)
    return labels


def _around(
    rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, ...]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The eight neighbours of some pixels; beyond the border is the border."""
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                yield (
                    np.clip(rows + down, 0, shape[0] - 1),
                    np.clip(columns + right, 0, shape[1] - 1),
                )
