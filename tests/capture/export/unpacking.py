"""Exports as a stranger sees them: zipfile, PIL, json; nothing of our own reading code."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from capture.dataset import Dataset
from capture.export import export_zip


def exported(dataset: Dataset, format: str) -> zipfile.ZipFile:
    """The zip, in memory, its checksums checked."""
    archive = zipfile.ZipFile(io.BytesIO(b"".join(export_zip(dataset, format))))
    assert archive.testzip() is None
    return archive


def picture(data: bytes | Path) -> NDArray[np.uint8]:
    """The pixels as PIL gives them: indices of a palette picture, colours of another."""
    return np.asarray(Image.open(io.BytesIO(data) if isinstance(data, bytes) else data))


def stems(archive: zipfile.ZipFile, folder: str) -> list[str]:
    """Names of the files in a folder of an archive, without suffix."""
    paths = (Path(name) for name in archive.namelist())
    return sorted(path.stem for path in paths if str(path.parent) == folder)


def expected_stems(dataset: Dataset, held_out: bool | None = None) -> list[str]:
    """Names of all pairs, or of those (not) held out."""
    first = dataset.manifest.held_out_from
    assert first is not None
    indices = [pair.index for pair in dataset.pairs]
    return [f"{i:06d}" for i in indices if held_out is None or held_out == (i >= first)]
