"""Who the dancer is when the whole clip decides."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.video import read_frames
from inference.analysis import Person
from inference.analyzer import Analyzer
from inference.arrays import Keypoints
from inference.pool import NetworkPool
from inference.whole_clip import (
    DOUBTFUL,
    FAR,
    Moment,
    _distance,
    _likely,
    look_over,
    numbers_of,
    sightings,
)
from tests.training.people import at

SIZE = (640, 480)


def person(points: Keypoints, score: float = 0.8) -> Person:
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    box = (float(low[0]), float(low[1]), *(float(side) for side in high - low))
    return Person(points, score, box)  # type: ignore[arg-type]


def somebody(x: float, size: float = 1.0, score: float = 0.8) -> Person:
    return person(at(x, 100, size), score)


@settings(max_examples=40)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 500), st.floats(0.05, 5)), min_size=1, max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_the_likeliest_sequence_is_found(clip: list[list[tuple[int, float]]]) -> None:
    """Against trying all of them."""
    moments = [
        Moment(float(number), [somebody(x) for x, _ in people], [one for _, one in people])
        for number, people in enumerate(clip)
    ]

    def worth(path: tuple[int, ...]) -> float:
        total = sum(math.log(m.likely[i]) for m, i in zip(moments, path, strict=True))
        steps = zip(moments, path, moments[1:], path[1:], strict=False)
        away = sum(_distance(a.people[i], b.people[j]) for a, i, b, j in steps)
        return total - away / FAR * math.log(3)

    best = max(worth(path) for path in itertools.product(*(range(len(m.people)) for m in moments)))
    found = sightings(moments)
    path = []
    for moment in moments:
        same = [
            i for i, one in enumerate(moment.people) if one.keypoints is found.get(moment.time_s)
        ]
        path.append(same[0] if same else None)
    if None not in path:
        assert worth(tuple(path)) == pytest.approx(best)  # type: ignore[arg-type]
    assert any(one is not None for one in path)


def test_a_dancer_wins_over_larger_and_surer_spectators() -> None:
    """Somebody smaller who moves in the middle, among people who stand and are scored higher."""
    moments = []
    for number in range(12):
        dancer = at(280 + 15 * math.sin(number), 120, 1.2)
        dancer[:, :2] += np.random.default_rng(number).normal(0, 12, (17, 2))
        before = at(280 + 15 * math.sin(number - 0.3), 120, 1.2)
        crowd = [person(at(x, 60, 1.5), 0.95) for x in (20, 450)]
        people = [*crowd, person(dancer, 0.5)]
        likely = _likely(people, [*crowd, person(before, 0.5)], 1 / 15, SIZE)
        moments.append(Moment(float(number), people, likely))
    found = sightings(moments)
    assert len(found) >= 10
    for moment in moments:
        if moment.time_s in found:
            assert found[moment.time_s] is moment.people[-1].keypoints


def test_a_camera_that_turns_makes_nobody_a_dancer() -> None:
    """Everybody moves alike: size and place decide."""
    people = [somebody(40, 1.5), somebody(300, 1.5), somebody(500, 1.5)]
    earlier = [somebody(10, 1.5), somebody(270, 1.5), somebody(470, 1.5)]
    likely = _likely(people, earlier, 0.1, SIZE)
    assert int(np.argmax(likely)) == 1


def test_where_the_dancer_is_hidden_nobody_is_the_dancer() -> None:
    """Rather than somebody who is there by chance."""
    moments = [Moment(float(n), [somebody(200)], [1.0]) for n in range(6)]
    moments[3] = Moment(3.0, [somebody(260, 0.3)], [DOUBTFUL / 2])
    assert sorted(sightings(moments)) == [0.0, 1.0, 2.0, 4.0, 5.0]


def test_short_and_empty_clips() -> None:
    assert numbers_of(0) == numbers_of(2) == []
    assert numbers_of(3) == [0]
    assert numbers_of(1000)[0] == 0
    assert numbers_of(1000)[-1] == 997
    assert sightings([]) == {}
    assert sightings([Moment(0.0, [], [])]) == {}


def test_of_three_who_do_the_same_one_is_followed(models: Path, videos: Path) -> None:
    path = videos / "three_people.avi"
    pool = NetworkPool.open("bodypix-075", "cpu", 257, 1)
    analyzer = Analyzer(pool)
    moments = look_over(pool, itertools.islice(read_frames(path), 100), 100, 10)
    places = [float(points[0, 0]) for points in sightings(moments).values()]
    assert len(places) > 20
    assert np.ptp(places) < 70  # They stand 100 pixels apart.
    analyzer.know(itertools.islice(read_frames(path), 100), 100)
    followed = [
        float(analysis.person.keypoints[0, 0])
        for _, _, analysis in analyzer.analyse_all(itertools.islice(read_frames(path), 60))
        if analysis.person is not None
    ]
    pool.close()
    assert len(followed) > 55
    assert abs(np.median(followed) - np.median(places)) < 30
