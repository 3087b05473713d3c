"""The k-nearest-neighbours performer on real people: at once, in the right place, fast."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capture.dataset import Dataset
from inference.analysis import Analysis
from inference.arrays import Rgb
from inference.skeleton import body_scale
from tests.figures import person, standing
from tests.machine import takes_at_most
from transfer.errors import TransferError
from transfer.performers.knn import KnnPerformer, fit
from transfer.target.normalisation import Normaliser
from transfer.target.pose_space import PoseIndex
from transfer.target.target import PLATE_NAME, Target, find_target


def played(path: Path) -> Iterator[tuple[Rgb, Analysis, float]]:
    """A dataset as a source."""
    dataset = Dataset.open(path)
    target = Target(dataset)
    for number, pair in enumerate(dataset.pairs):
        keypoints = pair.mended()
        assert keypoints is not None
        smoothed = target.keypoints[number] * (target.reduction, target.reduction, 1)
        analysis = Analysis(
            dataset.labels(pair.index), person(keypoints), smoothed=smoothed.astype(np.float32)
        )
        yield dataset.frame(pair.index), analysis, pair.time_s


def test_somebody_shown_as_themselves_is_themselves(juggler: Path) -> None:
    """The nearest frame of oneself is one's own, or its neighbour, or one as like."""
    target = Target.open(juggler)
    performer = KnnPerformer(target, target.body_frame)
    errors, plain = [], []
    for rgb, analysis, time_s in played(juggler):
        picture = performer.perform(rgb, analysis, time_s)
        somebody = analysis.labels > 0
        errors.append(np.abs(picture[somebody].astype(int) - rgb[somebody]).mean())
        plain.append(np.abs(target.plate[somebody].astype(int) - rgb[somebody]).mean())
    assert np.mean(errors) < 0.5 * np.mean(plain)


def test_a_strange_dancer_is_shown_where_she_stands(juggler: Path, dancer: Path) -> None:
    target, source = Target.open(juggler), Target.open(dancer)
    performer = KnnPerformer(target, source.body_frame)
    shown, places = set(), []
    for number, (rgb, analysis, time_s) in enumerate(played(dancer)):
        picture = performer.perform(rgb, analysis, time_s)
        assert picture.shape == (480, 640, 3)
        changed = np.abs(picture.astype(int) - target.plate).max(axis=2) > 20
        area = (target.labels(number) > 0).sum()
        assert 0.3 * area < changed.sum() < 3 * area
        places.append(np.flatnonzero(changed.any(axis=0)).mean())
        shown.add(performer.shown)
    assert len(shown) > 3
    # On the target's stage, and no leaps across it.
    assert abs(np.median(places) - target.body_frame.centre) < 60
    assert np.abs(np.diff(places)).max() < 60


def test_with_nobody_the_clean_plate_is_shown(juggler: Path) -> None:
    target = Target.open(juggler)
    performer = KnnPerformer(target)
    empty = Analysis(np.zeros((480, 640), np.uint8), None)
    picture = performer.perform(np.zeros((480, 640, 3), np.uint8), empty, 0.0)
    assert np.array_equal(picture, target.plate)
    assert performer.shown is None


def test_unusable_frames_are_not_shown(juggler: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    target = Target.open(folder)
    target.usable.reasons.update(dict.fromkeys(range(40), "blurred"))
    target.usable.numbers[:] = range(40, len(target.pairs))
    performer = KnnPerformer(target, target.body_frame)
    for rgb, analysis, time_s in played(folder):
        performer.perform(rgb, analysis, time_s)
        assert performer.shown is not None
        assert performer.shown >= 40


def test_the_plate_is_kept_and_made_anew_after_an_edit(juggler: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    first = Target.open(folder).plate
    assert (folder / PLATE_NAME).is_file()
    (folder / PLATE_NAME).write_bytes(b"no picture")
    assert np.array_equal(Target.open(folder).plate, first)
    before = (folder / PLATE_NAME).stat().st_mtime_ns
    time.sleep(0.01)
    Dataset.open(folder).delete_pairs(range(60))
    assert Target.open(folder).plate.shape == first.shape
    assert (folder / PLATE_NAME).stat().st_mtime_ns > before


def test_a_dataset_of_nobody_says_so(juggler: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    dataset = Dataset.open(folder)
    dataset.delete_pairs([pair.index for pair in dataset.pairs])
    with pytest.raises(TransferError, match="shows nobody"):
        Target.open(folder)
    with pytest.raises(TransferError, match="is no dataset"):
        find_target("nothing", tmp_path)


def test_the_fit_finds_scale_and_place() -> None:
    points = standing(320, 200, 300)
    wanted = standing(100, 50, 150)
    scale, shift = fit(points, wanted)
    assert scale == pytest.approx(0.5, rel=1e-4)
    assert points[:, :2] * scale + shift == pytest.approx(wanted[:, :2], abs=0.1)
    unseen = wanted.copy()
    unseen[:, 2] = 0
    assert fit(points, unseen)[0] == 1.0
    wanted[:, 2] = 0
    wanted[[0, 5], 2] = 1  # Nose and a shoulder: enough for a place and a size.
    scale, shift = fit(points, wanted)
    assert scale == pytest.approx(0.5, rel=1e-4)
    wanted[5, 2] = 0
    assert fit(points, wanted)[0] == 1.0


def test_the_head_stays_where_the_dancers_is(juggler: Path, dancer: Path) -> None:
    """Without the head among the anchors it is twice as far off."""
    target, source = Target.open(juggler), Target.open(dancer)
    performer = KnnPerformer(target, source.body_frame)
    normaliser = Normaliser(target.body_frame, source.body_frame)
    away, feet = [], []
    for _, analysis, time_s in played(dancer):
        assert analysis.smoothed is not None
        performer.perform(np.zeros((1, 1, 3), np.uint8), analysis, time_s)
        transform = normaliser.update(analysis.smoothed, time_s)
        assert transform is not None
        assert performer.shown is not None
        wanted, points = transform.points(analysis.smoothed), target.keypoints[performer.shown]
        scale, shift = fit(points, wanted)
        off = (points[:, :2] * scale + shift - wanted[:, :2]) / body_scale(wanted)
        both = (points[:, 2] >= 0.3) & (wanted[:, 2] >= 0.3)
        if both[:5].any():
            away.append(np.linalg.norm(off[:5][both[:5]].mean(axis=0)))
        feet.append(np.linalg.norm(off[[15, 16]].mean(axis=0)))
    assert np.mean(away) < 0.03
    assert np.mean(feet) < 0.08


def test_five_thousand_frames_are_searched_in_two_milliseconds(juggler: Path) -> None:
    keypoints = np.resize(Target.open(juggler).keypoints, (5000, 17, 3))
    index = PoseIndex(keypoints, np.arange(5000) / 30)
    takes_at_most(0.002, lambda: index.distances(keypoints[0]))
