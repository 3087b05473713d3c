"""The networks that come with the program: small enough, measured as they are, of use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from capture.video import read_frames
from inference import zoo
from inference.analysis import Heads
from inference.analyzer import Analyzer
from inference.arrays import Rgb
from inference.network import Network
from inference.personlab import decode_people
from inference.pool import NetworkPool
from inference.runtime import CPU
from inference.segmentation import label_map
from training.network.crowd import CROWD
from training.network.crowd import files as crowd_files
from training.network.evaluate_command import QUANTISATION, SPEED
from training.network.evaluation import ROWS, Material, photos
from training.network.metrics import iou
from training.network.sources import read_mask, read_photo

FILES = sorted(zoo.BUILT_IN_FOLDER.glob("*.tflite"))
FIGURES = Path(__file__).parents[2] / "docs" / "figures"
JUGGLER = Path(__file__).parents[1] / "data" / "juggler_480.mp4"
MIB = 2**20


def _no_look(rgb: Rgb) -> Heads:
    raise AssertionError("only the files' names are asked for")


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) <= 14 * MIB
    weights = list(zoo.BUILT_IN_FOLDER.glob("*.safetensors"))
    assert len(weights) == len(FILES)
    assert all(path.stat().st_size <= 12 * MIB for path in weights)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_figures_are_of_this_very_file(path: Path) -> None:
    figures = json.loads((FIGURES / f"{path.stem}.json").read_bytes())
    measured = figures["models"][path.stem]
    assert measured["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(measured["rows"]) == {*ROWS, CROWD, SPEED, QUANTISATION}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_that_is_measured_was_learnt(path: Path, shared: Path) -> None:
    learnt = set(json.loads(path.with_suffix(".json").read_bytes())["training"]["files"])
    material = Material(shared / "data", _no_look, _no_look)
    files = {file for _, files_of in ROWS.values() for file in files_of(material)}
    files |= set(crowd_files(material))
    assert len(files) > 400
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() not in learnt, file.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_they_find_people_they_have_never_seen(path: Path, shared: Path) -> None:
    """Mean IoU with masks drawn by hand, and hardly a photo without anybody."""
    pool = NetworkPool.open(str(path), "cpu", threads=2)
    found = []
    for photo, mask_path in photos(Material(shared / "data", _no_look, _no_look)):
        mask = read_mask(mask_path)
        labels = Analyzer(pool).analyse(read_photo(photo), 0.0).labels
        found.append(iou(labels > 0, mask == 1, mask != 255))
    pool.close()
    assert len(found) > 80
    assert np.mean(found) > (0.83 if path.stem.endswith("-tiny") else 0.89)
    assert np.mean(np.array(found) > 0.5) > 0.95


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_without_the_padding_they_see_the_same(path: Path) -> None:
    network = Network.open(path, CPU, threads=1)
    padded = Network.open(path, CPU, threads=1)
    padded.info = replace(padded.info, trim=None)
    assert network.info.fixed_size is not None
    width, height = network.info.fixed_size
    seen = []
    for rgb, _ in list(read_frames(JUGGLER))[::30]:
        heads, whole = network.infer(rgb)[0], padded.infer(rgb)[0]
        assert heads.placement.input_size == (width, height * 3 // 4), "of a frame of 4:3"
        assert whole.placement.input_size == (width, height)
        maps = [label_map(one, decode_people(one), 0, 0.6) > 0 for one in (heads, whole)]
        seen.append(iou(maps[0], maps[1], np.ones_like(maps[0])))
    assert len(seen) > 3
    # MoveNet's padding is one-sided: where the input ends is seen a little farther in.
    assert np.mean(seen) > (0.96 if path.stem == "understudy-default" else 0.97)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_where_the_data_lay_is_not_told(path: Path) -> None:
    command = json.loads(path.with_suffix(".json").read_bytes())["training"]["command"]
    assert not [word for word in command.split() if Path(word).is_absolute()]


def test_a_table_is_nobody(shared: Path) -> None:
    """MoveNet's key points find something person-like in it; its pixels are no person's."""
    pool = NetworkPool.open(str(zoo.BUILT_IN_FOLDER / "understudy-default.tflite"), "cpu")
    clip = read_frames(shared / "data" / "videos" / "empty_then_people.mp4")
    seen = []
    for number, (rgb, _) in enumerate(clip):
        if number in (16, 40, 72):
            seen.append(Analyzer(pool).analyse(rgb, 0.0).person is not None)
        if number == 72:
            break
    pool.close()
    assert seen == [False, False, True]
