"""The warp performer on real people: at once, in the pose, sharp, never a crash."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.analysis import Analysis
from inference.arrays import Rgb
from tests.figures import person
from tests.puppet import Puppet, draw, pose
from tests.transfer.performers.test_knn import played
from training.performer.measuring.sharpness import dancer as inside_of
from training.performer.measuring.sharpness import sharpness
from training.performer.sources import split
from transfer.errors import TransferError
from transfer.performers.factory import find_performer
from transfer.performers.knn import KnnPerformer
from transfer.performers.prepare import prepare
from transfer.performers.warp.opening import AT_FIRST, open_dataset, open_live, open_run
from transfer.performers.warp.performer import WarpPerformer
from transfer.target.normalisation import fit_body_frame
from transfer.target.placement import Placement
from transfer.target.references import FILE_NAME, ReferenceBank
from transfer.target.target import Target


def puppet_performer(live: bool = False) -> WarpPerformer:
    poses = [pose(p9=(262 + number, 245), p8=(150 - 4 * number, 180)) for number in range(12)]
    puppet = Puppet(poses)
    frame = fit_body_frame(puppet.keypoints, puppet.seconds)
    assert frame is not None
    bank = ReferenceBank.of(puppet, range(12))  # type: ignore[arg-type]
    return WarpPerformer("puppet", bank, puppet.plate, frame, frame, live=live)


def seen(keypoints: np.ndarray) -> tuple[Rgb, Analysis]:
    rgb, labels = draw(keypoints)
    return rgb, Analysis(labels, person(keypoints), smoothed=keypoints)


def test_held_out_frames_are_sharp_and_like_the_truth(juggler: Path) -> None:
    """The lower edge of the bars: much nearer to the truth than the nearest pose, as sharp."""
    target = Target.open(juggler)
    learnt, held_out = split(target)
    bank = ReferenceBank.of(target, learnt)
    warp = open_dataset(target, target.body_frame, bank)
    nearest = KnnPerformer(target, target.body_frame, learnt)
    errors, sharp = [], []
    for number, (rgb, analysis, time_s) in enumerate(played(juggler)):
        if number not in held_out:
            continue
        somebody = analysis.labels > 0
        pictures = [one.perform(rgb, analysis, time_s) for one in (warp, nearest)]
        errors.append([np.abs(p[somebody].astype(int) - rgb[somebody]).mean() for p in pictures])
        sharp.append(sharpness(rgb, pictures[0], inside_of(analysis.labels)))
    ours, theirs = np.mean(errors, axis=0)
    assert ours < theirs
    assert np.mean([one for one in sharp if one is not None]) > 0.6


def test_a_stranger_moves_the_target_and_nothing_else_changes(juggler: Path, dancer: Path) -> None:
    target, source = Target.open(juggler), Target.open(dancer)
    performer = open_dataset(target, source.body_frame)
    for number, (rgb, analysis, time_s) in enumerate(played(dancer)):
        picture = performer.perform(rgb, analysis, time_s)
        assert picture.shape == (480, 640, 3)
        changed = np.abs(picture.astype(int) - target.plate).max(axis=2) > 20
        area = (target.labels(min(number, 100)) > 0).sum()
        assert 0.3 * area < changed.sum() < 3 * area


def test_with_nobody_the_clean_plate_is_shown() -> None:
    performer = puppet_performer()
    picture = performer.perform(*seen(pose())[:1], Analysis(draw(pose())[1] * 0, None), 0.0)
    assert (picture == 128).all()


def test_whoever_is_half_out_of_the_picture_is_shown_as_far_as_seen() -> None:
    performer = puppet_performer()
    performer.perform(*seen(pose()), 0.0)
    rgb, labels = draw(pose())
    labels[:, :200] = 0
    keypoints = pose()
    keypoints[[2, 4, 6, 8, 10, 12, 14, 16], 2] = 0.05
    analysis = Analysis(labels, person(keypoints), smoothed=keypoints)
    for frame in range(3):
        picture = performer.perform(rgb, analysis, 1 + frame / 30)
        changed = np.abs(picture.astype(int) - 128).max(axis=2) > 10
        assert changed[:, 230:].sum() > 10 * changed[:, :150].sum()


@pytest.mark.parametrize("kind", ["upside-down", "turned away", "no legs", "a speck"])
def test_odd_sources_are_shown_without_a_pile_of_limbs(kind: str) -> None:
    performer = puppet_performer()
    keypoints = pose()
    rgb, labels = draw(keypoints)
    if kind == "upside-down":
        keypoints[:, 1] = 499 - keypoints[:, 1]
        labels = labels[::-1].copy()
    elif kind == "turned away":
        keypoints[:5, 2] = 0.05
        keypoints[:, 0] = 400 - keypoints[:, 0]
        labels = labels[:, ::-1].copy()
    elif kind == "no legs":
        labels[260:] = 0
        keypoints[11:, 2] = 0.05
    else:
        labels[:] = 0
        labels[200:204, 200:204] = 13
    analysis = Analysis(labels, person(keypoints), smoothed=keypoints)
    for frame in range(3):
        picture = performer.perform(rgb, analysis, frame / 30)
    changed = np.abs(picture.astype(int) - 128).max(axis=2) > 10
    there = cv2.dilate((labels > 0).astype(np.uint8), np.ones((81, 81), np.uint8)) > 0
    assert changed[~there].sum() < 0.05 * max(changed.sum(), 400)


def test_what_was_never_seen_is_not_drawn_and_said() -> None:
    performer = puppet_performer()
    unseen = replace(performer._bank.unseen, parts=(15, 16, 17, 18, 19, 20, 21, 22, 23, 24))
    performer._bank.unseen = unseen
    assert "legs" in performer.warning
    picture = performer.perform(*seen(pose()), 0.0)
    assert (picture[330:] == 128).all()
    assert (picture[:240] != 128).any()


def test_live_only_what_is_ready_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    performer = puppet_performer(live=True)
    performer._bank.prepare([3])
    monkeypatch.setattr(performer._bank, "_make", None)
    picture = performer.perform(*seen(pose()), 0.0)
    assert (picture != 128).any()


def test_live_some_frames_are_shown_at_once_and_all_when_they_are_prepared(
    juggler: Path, tmp_path: Path
) -> None:
    made = shutil.ignore_patterns("plate.png", "usable.json", FILE_NAME)
    folder = shutil.copytree(juggler, tmp_path / "d", ignore=made)
    performer = open_live(Target.open(folder))
    assert performer.partial
    assert performer._bank.plain == AT_FIRST
    assert not (folder / "usable.json").exists()
    frames = iter(played(folder))
    first = performer.perform(*next(frames))
    assert first.shape == (480, 640, 3)
    assert (first != performer._plate).any()
    prepare(Target.open(folder))
    whole = ReferenceBank.kept(Target.open(folder))
    assert whole is not None
    began = time.monotonic()
    while performer.partial:
        assert time.monotonic() - began < 60
        time.sleep(0.2)
        assert performer.perform(*next(frames)).shape == (480, 640, 3)
    assert performer._bank.plain == whole.plain > AT_FIRST
    assert performer._bank.ready.all()
    assert not open_live(Target.open(folder)).partial


def test_a_dataset_is_found_as_a_warp_performer(juggler: Path) -> None:
    title, make = find_performer(str(juggler))
    assert title
    assert isinstance(make(None), WarpPerformer)
    assert isinstance(find_performer(str(juggler), "knn")[1](None), KnnPerformer)


def test_a_broken_run_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "performer.json").write_text("{}")
    with pytest.raises(TransferError, match="no performer"):
        open_run(tmp_path)


def test_the_double_is_put_elsewhere_between_two_pictures() -> None:
    performer = puppet_performer()
    here = performer.perform(*seen(pose()), 0.0)
    performer.placement = Placement(x=0.2, scale=0.6)
    there = performer.perform(*seen(pose()), 1.0)
    boxes = [
        cv2.boundingRect((np.abs(picture.astype(int) - 128).max(axis=2) > 30).astype(np.uint8))
        for picture in (here, there)
    ]
    (x, y, width, height), (new_x, new_y, new_width, new_height) = boxes
    assert new_height == pytest.approx(0.6 * height, rel=0.1)
    assert new_x + new_width / 2 == pytest.approx(x + width / 2 + 0.2 * 400, abs=12)
    assert new_y + new_height == pytest.approx(y + height, abs=12)


def test_smaller_step_by_step_down_to_the_smallest() -> None:
    performer = puppet_performer(live=True)
    performer.warm_up()
    sides = []
    while performer.can_be_smaller:
        performer.draw_smaller()
        performer.perform(*seen(pose()), float(len(sides)))
        sides.append(performer._largest)
    assert sides == [384, 256]
    performer.draw_smaller()
    assert performer._largest == 256
