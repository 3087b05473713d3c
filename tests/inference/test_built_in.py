"""The networks that come with the program: small enough, measured as they are, of use."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from inference import zoo
from inference.analysis import Heads, Rgb
from inference.analyzer import Analyzer
from inference.pool import NetworkPool
from training.evaluate_command import QUANTISATION, SPEED
from training.evaluation import ROWS, Material, photos
from training.metrics import iou
from training.sources import read_mask, read_photo

FILES = sorted(zoo.BUILT_IN_FOLDER.glob("*.tflite"))
FIGURES = Path(__file__).parents[2] / "docs" / "figures"
MIB = 2**20


def _no_look(rgb: Rgb) -> Heads:
    raise AssertionError("only the files' names are asked for")


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) <= 6 * MIB
    weights = list(zoo.BUILT_IN_FOLDER.glob("*.safetensors"))
    assert len(weights) == len(FILES)
    assert all(path.stat().st_size <= 12 * MIB for path in weights)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_figures_are_of_this_very_file(path: Path) -> None:
    figures = json.loads((FIGURES / f"{path.stem}.json").read_bytes())
    measured = figures["models"][path.stem]
    assert measured["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(measured["rows"]) == {*ROWS, SPEED, QUANTISATION}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_that_is_measured_was_learnt(path: Path, shared: Path) -> None:
    learnt = set(json.loads(path.with_suffix(".json").read_bytes())["training"]["files"])
    material = Material(shared / "data", _no_look, _no_look)
    files = {file for _, files_of in ROWS.values() for file in files_of(material)}
    assert len(files) > 400
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() not in learnt, file.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_they_find_people_they_have_never_seen(path: Path, shared: Path) -> None:
    """Mean IoU with masks drawn by hand, and hardly a photo without anybody."""
    pool = NetworkPool.open(str(path), "cpu", threads=2)
    found = []
    for photo, mask_path in photos(Material(shared / "data", _no_look, _no_look))[::6]:
        mask = read_mask(mask_path)
        labels = Analyzer(pool).analyse(read_photo(photo), 0.0).labels
        found.append(iou(labels > 0, mask == 1, mask != 255))
    pool.close()
    assert len(found) > 12
    assert np.mean(found) > (0.77 if path.stem.endswith("-tiny") else 0.87)
    assert np.mean(np.array(found) > 0.5) > 0.9
