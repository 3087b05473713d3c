"""Coverage of poses: grows with new ones on real dances, not with time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.coverage import (
    BINS,
    ENOUGH_FRAMES,
    HELD_FRAMES,
    NEAR_FACE,
    Coverage,
    face_height,
    mirrored,
    pose_bins,
)
from inference.analysis import Analysis
from inference.analyzer import Analyzer
from inference.arrays import Keypoints, Labels, Rgb
from inference.body import MIRROR_KEYPOINTS, MIRROR_LABELS
from inference.pool import NetworkPool
from tests.figures import number, standing
from tests.machine import takes_at_most

CLIPS = ("dancer_a.mp4", "dancer_b.mp4", "dancer_c.mp4", "dancer_d.mp4", "juggler.mp4")
EVERY = 3

# Chosen by eye from the photos of athletes whose marks have the right shoulder on the right.
FROM_BEHIND = (
    "im08540", "im08598", "im04410", "im03127", "im07974", "im09910", "im02443", "im01615",
    "im04615", "im05307", "im03491", "im03940", "im08003",
)  # fmt: skip

WIDTH, HEIGHT = 640, 480


@pytest.fixture(scope="module")
def pool(models: Path) -> Iterator[NetworkPool]:
    pool = NetworkPool.open("bodypix-075", "cpu")
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def dances(pool: NetworkPool, videos: Path) -> dict[str, list[Analysis]]:
    """Every third frame of each clip that shows somebody."""
    found = {}
    for clip in CLIPS:
        analyzer = Analyzer(pool)
        analyses = [analyzer.analyse(rgb, index / 10) for index, rgb in _frames(videos / clip)]
        found[clip] = [one for one in analyses if one.person is not None]
    return found


def _frames(path: Path) -> Iterator[tuple[int, Rgb]]:
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % EVERY == 0:
                scale = WIDTH / max(frame.width, frame.height)
                size = round(frame.width * scale) // 2 * 2, round(frame.height * scale) // 2 * 2
                image = frame.reformat(*size, format="rgb24").to_ndarray()
                yield index // EVERY, np.ascontiguousarray(image)


def _covered(*clips: list[Analysis]) -> Coverage:
    coverage = Coverage()
    for one in (one for clip in clips for one in clip):
        coverage.add(None if one.person is None else one.person.keypoints, one.labels)
    return coverage


def test_dancing_covers_more_than_half(dances: dict[str, list[Analysis]]) -> None:
    everything = _covered(*dances.values())  # 46 s by five people
    assert everything.fraction > 0.6
    for clip in CLIPS:  # 4 to 12 s each
        assert 0.25 < _covered(dances[clip]).fraction < everything.fraction
    assert {"arms up up", "arms out out", "legs apart", "facing left"} <= _covered(
        dances["dancer_d.mp4"]
    ).seen
    assert {"facing right", "lean right"} <= _covered(dances["juggler.mp4"]).seen


def test_nobody_crouches_in_a_jumping_jack_or_on_one_leg(
    dances: dict[str, list[Analysis]],
) -> None:
    for clip in ("dancer_a.mp4", "dancer_c.mp4", "dancer_d.mp4", "juggler.mp4"):
        assert "legs crouch" not in _covered(dances[clip]).seen


def test_a_second_does_not_fill_it(dances: dict[str, list[Analysis]]) -> None:
    for analyses in dances.values():
        assert _covered(analyses[:10] * 3).fraction < 0.4


def test_standing_still_for_a_minute_covers_little(pool: NetworkPool, videos: Path) -> None:
    """A real picture moved a little, with new noise each time: the jitter that a network has."""
    rgb = next(rgb for index, rgb in _frames(videos / "dancer_d.mp4") if index == 5)
    random = np.random.default_rng(3)
    analyzer, analyses = Analyzer(pool), []
    height, width = rgb.shape[:2]
    for index in range(40):
        turn = cv2.getRotationMatrix2D(
            (width / 2, height / 2), random.normal(0, 0.7), random.normal(1, 0.01)
        )
        turn[:, 2] += random.normal(0, 0.006 * height, 2)
        moved = cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        noisy = moved * random.normal(1, 0.05) + random.normal(0, 4, rgb.shape)
        analyses.append(analyzer.analyse(np.clip(noisy, 0, 255).astype(np.uint8), index / 30))
    still = _covered(analyses * 45)
    assert 0.15 < still.fraction < 0.25
    assert "arms down down" in still.seen


def test_photos_from_behind(pool: NetworkPool, shared: Path) -> None:
    facing: Counter[str] = Counter()
    analyzer = Analyzer(pool)
    for name in FROM_BEHIND:
        analyzer.reset()
        bgr = cv2.imread(str(shared / "data" / "sports" / "images" / f"{name}.jpg"))
        scale = 480 / max(bgr.shape[:2])
        rgb = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[..., ::-1]
        analysis = analyzer.analyse(np.ascontiguousarray(rgb), 0.0)
        assert analysis.person is not None
        bins = pose_bins(analysis.person.keypoints, analysis.labels)
        facing.update(name for name in bins if name.startswith("facing"))
    assert facing["facing back"] >= 9
    assert facing["facing front"] == 0


@pytest.mark.parametrize("clip", CLIPS)
def test_a_mirrored_frame_falls_into_the_mirrored_bins(
    dances: dict[str, list[Analysis]], clip: str
) -> None:
    for one in dances[clip]:
        assert one.person is not None
        there = pose_bins(one.person.keypoints, one.labels)
        back = pose_bins(*_mirror(one.person.keypoints, one.labels))
        assert back == {mirrored(name) for name in there}


def _mirror(keypoints: Keypoints, labels: Labels) -> tuple[Keypoints, Labels]:
    swapped = keypoints[list(MIRROR_KEYPOINTS)].copy()
    swapped[:, 0] = labels.shape[1] - 1 - swapped[:, 0]
    return swapped, np.ascontiguousarray(np.array(MIRROR_LABELS, np.uint8)[labels][:, ::-1])


_POINT = st.tuples(
    st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.sampled_from([0.0, 0.9, 1.0])
)
POSES = st.lists(_POINT, min_size=17, max_size=17).map(lambda p: np.array(p, np.float32))
TORSOS = st.sampled_from([0, 13, 14]).map(lambda part: np.full((HEIGHT, WIDTH), part, np.uint8))


@given(POSES, TORSOS)
def test_any_mirrored_pose_falls_into_the_mirrored_bins(
    keypoints: Keypoints, labels: Labels
) -> None:
    there = pose_bins(keypoints, labels)
    assert pose_bins(*_mirror(keypoints, labels)) == {mirrored(name) for name in there}


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_fraction_never_falls_and_order_does_not_matter(data: st.DataObject) -> None:
    poses = data.draw(st.lists(POSES, min_size=1, max_size=5))
    frames = data.draw(st.lists(st.integers(0, len(poses) - 1), max_size=40))
    labels = np.full((HEIGHT, WIDTH), 13, np.uint8)
    coverages = []
    for order in (frames, data.draw(st.permutations(frames))):
        coverage = Coverage()
        for pose in order:
            before = coverage.seen
            new = coverage.add(poses[pose], labels)
            assert coverage.seen >= before
            assert new == (coverage.seen > before)
        assert coverage.fraction == len(coverage.seen) / len(BINS)
        coverages.append(coverage)
    assert coverages[0].seen == coverages[1].seen
    assert coverages[0].missing() == coverages[1].missing()


def _posed(**moved: tuple[float, float]) -> Keypoints:
    """Somebody 300 pixels high who faces us, some key points moved by body heights."""
    keypoints = standing(320.0, 120.0)
    for name, (right, down) in moved.items():
        keypoints[number(name), :2] += np.array([right, down], np.float32) * 300
    return keypoints


@pytest.mark.parametrize(
    ("keypoints", "expected"),
    [
        (_posed(), {"arms down down", "legs together", "facing front", "place centre"}),
        (
            _posed(left_elbow=(0.0, -0.3), left_wrist=(0.0, -0.6)),
            {"arms up any", "legs together"},
        ),
        (_posed(right_elbow=(-0.15, -0.16), right_wrist=(-0.25, -0.3)), {"arms any out"}),
        (_posed(left_wrist=(0.0, -0.25)), {"bent left"}),
        (_posed(left_ankle=(0.15, 0), right_ankle=(-0.15, 0)), {"legs apart"}),
        (_posed(left_knee=(0.0, -0.25), left_ankle=(0.0, -0.25)), {"legs up any"}),
        (
            _posed(
                left_knee=(0.1, -0.2), right_knee=(-0.1, -0.2),
                left_ankle=(0.0, -0.28), right_ankle=(0.0, -0.28),
            ),
            {"legs crouch"},
        ),
        (standing(120.0, 120.0), {"place left"}),
        (standing(520.0, 120.0), {"place right"}),
    ],
)  # fmt: skip
def test_known_poses(keypoints: Keypoints, expected: set[str]) -> None:
    assert expected <= pose_bins(keypoints, np.full((HEIGHT, WIDTH), 13, np.uint8))


def test_one_wrong_frame_is_no_pose() -> None:
    labels = np.full((HEIGHT, WIDTH), 13, np.uint8)
    coverage = Coverage()
    assert not any(coverage.add(standing(), labels) for _ in range(HELD_FRAMES - 1))
    assert coverage.fraction == 0
    assert coverage.add(standing(), labels)
    assert coverage.fraction > 0


def test_nobody_and_faint_key_points_are_no_pose() -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    coverage = Coverage()
    for _ in range(10):
        assert not coverage.add(None, labels)
        assert not coverage.add(standing(score=0.2), labels)
    assert coverage.seen == set()


def test_a_second_of_it_is_enough() -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    coverage = Coverage()
    for frame in range(ENOUGH_FRAMES):
        assert coverage.enough == set(), frame
        coverage.add(standing(), labels)
    assert coverage.enough == coverage.seen != set()
    assert all(coverage.frames[name] == ENOUGH_FRAMES for name in coverage.seen)


def test_a_face_is_near_when_it_is_large_and_seen() -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert face_height(labels) == 0
    labels[10 : 10 + NEAR_FACE + 4, 20:60] = 1
    assert "face near" in pose_bins(standing(), labels)
    behind = standing()
    behind[:5, 2] = 0  # The back of a head is face by its label too.
    assert "face near" not in pose_bins(behind, labels)
    assert "face near" not in pose_bins(standing(), labels[:80])


def test_every_bin_has_a_mirror_image_and_an_advice() -> None:
    assert {mirrored(name) for name in BINS} == set(BINS)
    assert all(mirrored(mirrored(name)) == name for name in BINS)
    assert len(set(BINS.values())) == len(BINS)
    fresh = Coverage()
    assert fresh.fraction == 0
    assert fresh.missing() == list(BINS.values())[:3]


def test_a_frame_costs_little() -> None:
    labels = np.full((1080, 1920), 13, np.uint8)
    keypoints, coverage = standing(900.0, 200.0, 800.0), Coverage()
    takes_at_most(0.0003, lambda: coverage.add(keypoints, labels))
