"""Datasets on their way out, in the formats that training programs read.

Each format is one module with `PASSES` (how often it looks at every pair), `WHOLE` where pairs that
a person left out belong to it, and `entries(pairs) -> Iterator[Entry]`; the same entries become a
zip file or a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from capture.dataset import Dataset
from capture.errors import CaptureError
from capture.export import coco, native, pix2pix, pix2pixhd, webdataset, yolo_pose
from capture.export.entries import Pairs, Progress
from capture.export.zipping import pieces, zipped
from capture.files import TEMPORARY_SUFFIX, disk_error


class Format(NamedTuple):
    """A format to export to."""

    name: str
    """In URLs and on the command line."""
    title: str
    """For people."""


FORMATS: tuple[Format, ...] = (
    Format("native", "Understudy: frames, masks, poses"),
    Format("pix2pix", "pix2pix: mask and frame side by side"),
    Format("pix2pixhd", "pix2pixHD: label maps and frames"),
    Format("coco", "COCO: key points and part masks"),
    Format("yolo-pose", "YOLO-pose: key points"),
    Format("webdataset", "WebDataset: tar shards"),
)

_MODULES: dict[str, ModuleType] = {
    "native": native,
    "pix2pix": pix2pix,
    "pix2pixhd": pix2pixhd,
    "coco": coco,
    "yolo-pose": yolo_pose,
    "webdataset": webdataset,
}


def export_zip(dataset: Dataset, format: str) -> Generator[bytes, None, None]:
    """The dataset as a zip file, piece after piece, made while it is read.

    From this call on and until the last piece the dataset cannot be changed; an iterator that is
    not read to its end must be closed (or forgotten).

    Args:
        dataset: pairs that somebody deleted since it was opened are not included.
        format: a name of `FORMATS`.

    Raises:
        CaptureError: no such format.
        DatasetError: the dataset is gone, or is being written right now.
    """
    chunks = _zip_chunks(dataset, _module(format))
    next(chunks)  # Takes the lock: what is refused is refused before the first byte.
    return chunks


def export_folder(
    dataset: Dataset, format: str, out: Path, progress: Progress | None = None
) -> None:
    """The dataset as a folder, which appears whole or not at all.

    Args:
        dataset: as for `export_zip`.
        format: a name of `FORMATS`.
        out: the folder to be made; it may be there if it is empty.
        progress: told how many pairs of how many are done (a pair counts once a pass).

    Raises:
        CaptureError: no such format, `out` is not empty, or the disk refuses.
        DatasetError: the dataset is gone, or is being written right now.
    """
    module = _module(format)
    out = out.resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise CaptureError(f"{out} is there already and not an empty folder: choose another one.")
    temporary = out.with_name(f"{out.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        with dataset.reading():
            pairs = _pairs(dataset, module, progress)
            temporary.mkdir(parents=True)
            for entry in module.entries(pairs):
                path = temporary / entry.path
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "wb") as file:
                    file.writelines(pieces(entry.content))
        os.replace(temporary, out)
    except OSError as error:
        raise disk_error(error, out) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _module(format: str) -> ModuleType:
    if format not in _MODULES:
        names = ", ".join(one.name for one in FORMATS)
        raise CaptureError(f"There is no format {format!r}: use one of {names}.")
    return _MODULES[format]


def _pairs(dataset: Dataset, module: ModuleType, progress: Progress | None = None) -> Pairs:
    whole = getattr(module, "WHOLE", False)
    return Pairs(Dataset.open(dataset.path), module.PASSES, progress, whole)


def _zip_chunks(dataset: Dataset, module: ModuleType) -> Generator[bytes, None, None]:
    with dataset.reading():
        pairs = _pairs(dataset, module)
        yield b""
        yield from zipped(module.entries(pairs), pairs.created)
