"""Coverage of poses: grows with new ones on real dances, not with time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from capture.coverage import BINS, HELD_FRAMES, Coverage, mirrored, pose_bins
from inference.analysis import Analysis
from inference.analyzer import Analyzer
from inference.body import MIRROR_KEYPOINTS, MIRROR_PARTS
from inference.pool import NetworkPool


@pytest.fixture(scope="module")
def pool(models: Path) -> Iterator[NetworkPool]:
    pool = NetworkPool.open("bodypix-075", "cpu")
    yield pool
    pool.close()


def _analyses(pool: NetworkPool, path: Path, limit: int = 120, every: int = 1) -> list[Analysis]:
    analyzer, found = Analyzer(pool), []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= limit:
                break
            if number % every == 0:
                rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                found.append(analyzer.analyse(rgb, number / 30))
    return [one for one in found if one.person is not None]


def _covered(analyses: list[Analysis]) -> Coverage:
    coverage = Coverage()
    for one in analyses:
        assert one.person is not None
        coverage.add(one.person.keypoints, one.labels)
    return coverage


def test_a_dance_covers_more_than_standing_still(pool: NetworkPool, videos: Path) -> None:
    dance = _covered(_analyses(pool, videos / "dancer_d.mp4", 300, 3))
    still = _analyses(pool, videos / "dancer_a.mp4", 1) * 1800
    assert dance.fraction > 0.4
    assert {"arms up up", "legs apart", "facing front"} <= dance.seen
    assert _covered(still).fraction < 0.25


def test_fraction_never_falls_and_order_does_not_matter(pool: NetworkPool, videos: Path) -> None:
    analyses = _analyses(pool, videos / "dancer_a.mp4", 100)
    coverage, fractions = Coverage(), []
    news = 0
    for one in analyses:
        assert one.person is not None
        before = coverage.seen
        new = coverage.add(one.person.keypoints, one.labels)
        assert new == (coverage.seen > before)
        news += new
        fractions.append(coverage.fraction)
    assert fractions == sorted(fractions)
    assert news > 3
    shuffled = analyses.copy()
    random.Random(2).shuffle(shuffled)
    assert _covered(shuffled).seen == coverage.seen


def test_one_wrong_frame_is_no_pose(pool: NetworkPool, videos: Path) -> None:
    [one] = _analyses(pool, videos / "dancer_a.mp4", 1)
    assert _covered([one] * (HELD_FRAMES - 1)).fraction == 0
    assert _covered([one] * HELD_FRAMES).fraction > 0


@pytest.mark.parametrize("clip", ["dancer_a.mp4", "dancer_c.mp4", "dancer_d.mp4", "juggler.mp4"])
def test_a_mirrored_frame_falls_into_the_mirrored_bins(
    pool: NetworkPool, videos: Path, clip: str
) -> None:
    swap = np.array([0, *(part + 1 for part in MIRROR_PARTS)], np.uint8)
    for one in _analyses(pool, videos / clip, 120, 7):
        assert one.person is not None
        keypoints = one.person.keypoints[list(MIRROR_KEYPOINTS)].copy()
        keypoints[:, 0] = one.labels.shape[1] - 1 - keypoints[:, 0]
        there = pose_bins(one.person.keypoints, one.labels)
        back = pose_bins(keypoints, np.ascontiguousarray(swap[one.labels][:, ::-1]))
        assert back == {mirrored(name) for name in there}


def test_every_bin_has_a_mirror_image_and_an_advice() -> None:
    assert {mirrored(name) for name in BINS} == set(BINS)
    assert len(set(BINS.values())) == len(BINS)
    fresh = Coverage()
    assert fresh.fraction == 0
    assert fresh.missing() == list(BINS.values())[:3]
