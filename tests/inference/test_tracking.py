"""Following one dancer through real clips, and through meetings made of real poses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.analysis import Person
from inference.arrays import Rgb
from inference.network import Network
from inference.personlab import decode_people
from inference.runtime import parse_device
from inference.tracking import FORGET_SECONDS, DancerTracker, match

NAME = "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite"
SIZE = (1000, 800)


@pytest.fixture(scope="module")
def network(models: Path) -> Network:
    return Network.open(models / NAME, parse_device("cpu")[0], 481, 2)


def _frames(path: Path, start: int, count: int, every: int = 1) -> Iterator[Rgb]:
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= start + count * every:
                return
            if number >= start and (number - start) % every == 0:
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _people(network: Network, frames: Iterator[Rgb]) -> list[list[Person]]:
    return [decode_people(network.infer(frame)[0]) for frame in frames]


@pytest.fixture(scope="module")
def dance(network: Network, videos: Path) -> list[Person]:
    """Jumping jacks: one pose after another of a single dancer, 30 a second."""
    frames = _people(network, _frames(videos / "dancer_d.mp4", 0, 90))
    return [max(people, key=lambda one: one.score) for people in frames]


def _moved(person: Person, dx: float, dy: float = 0.0, scale: float = 1.0) -> Person:
    keypoints = person.keypoints.copy()
    keypoints[:, :2] = keypoints[:, :2] * scale + (dx, dy)
    x, y, width, height = person.box
    box = (x * scale + dx, y * scale + dy, width * scale, height * scale)
    return replace(person, keypoints=keypoints, box=box)


def test_three_people_one_dancer(network: Network, videos: Path) -> None:
    """Three do the same side by side: the dancer stays where the dancer is."""
    tracker, places = DancerTracker(), []
    frames = _people(network, _frames(videos / "three_people.avi", 0, 100))
    for number, people in enumerate(frames):
        chosen = tracker.choose(people, number / 10, (384, 288))
        if chosen is not None:
            x, _, width, _ = people[chosen].box
            places.append(x + width / 2)
    assert len(places) > 90
    assert np.ptp(places) < 70  # They stand 100 pixels apart.


def test_a_faint_pose_that_trembles_does_not_take_over(dance: list[Person]) -> None:
    """Seen with the network that comes with the program: leaves beside somebody who stands."""
    tracker = DancerTracker()
    random = np.random.default_rng(2)
    still = dance[0]
    for number in range(90):
        faint = replace(_moved(still, 300 + random.normal(0, 40), 0, 0.9), score=0.3)
        chosen = tracker.choose([still, faint], number / 30, SIZE)
        assert chosen == 0


def test_a_poster_loses_to_whoever_moves(network: Network, videos: Path) -> None:
    """A large still of one dancer beside a small moving one, as at a booth with a banner."""
    [poster] = _frames(videos / "dancer_a.mp4", 20, 1)
    tracker, sides = DancerTracker(), []
    for number, frame in enumerate(_frames(videos / "juggler.mp4", 0, 60)):
        picture = np.zeros((720, 1280 + 450, 3), np.uint8)
        picture[:, :1280] = frame
        picture[:, 1280:] = cv2.resize(poster, (450, 720), interpolation=cv2.INTER_AREA)
        people = decode_people(network.infer(picture)[0])
        chosen = tracker.choose(people, number / 24, (1730, 720))
        assert chosen is not None
        x, _, width, _ = people[chosen].box
        sides.append(x + width / 2 < 1280)
    assert all(sides[40:])


def test_somebody_crossing_does_not_take_over(dance: list[Person]) -> None:
    """A larger person walks through the picture in front of the dancer and away."""
    tracker = DancerTracker()
    own = [_moved(person, -560) for person in dance]
    followed = []
    for number, dancer in enumerate(own):
        walker = _moved(dance[-1 - number], -1600 + 28 * number, -100, 1.15)
        people = [walker, dancer]
        if number >= 20 and abs(walker.box[0] - dancer.box[0]) < 60:
            people = [walker]  # The dancer is hidden.
        elif number < 20:
            people = [dancer]
        chosen = tracker.choose(people, number / 30, SIZE)
        if len(people) == 2:
            followed.append(chosen is not None and people[chosen] is dancer)
        else:
            assert chosen is None or people[chosen] is dancer or number >= 20
    assert len(followed) > 50
    assert np.mean(followed) > 0.95


def test_a_dancer_who_leaves_and_returns_is_found(dance: list[Person]) -> None:
    tracker = DancerTracker()
    for number, person in enumerate(dance[:30]):
        assert tracker.choose([person], number / 30, SIZE) == 0
    for number in range(30, 60):
        assert tracker.choose([], number / 30, SIZE) is None
    assert tracker.choose([dance[31]], 2.0, SIZE) == 0
    assert tracker.choose([_moved(dance[40], 700)], 2.0 + FORGET_SECONDS + 1, SIZE) == 0


def test_low_scoring_ghosts_over_the_dancer_never_win(dance: list[Person]) -> None:
    tracker = DancerTracker()
    for number, person in enumerate(dance):
        ghost = _moved(person, 15 * np.sin(number), 20)
        ghost = replace(ghost, score=0.22, keypoints=ghost.keypoints * (1, 1, 0.35))
        people = [ghost, person]
        assert tracker.choose(people, number / 30, SIZE) == 1


def test_somebody_is_chosen_in_the_very_first_frame(dance: list[Person]) -> None:
    near, far = dance[0], _moved(dance[0], 600, 200, 0.4)
    assert DancerTracker().choose([far, near], 0.0, SIZE) == 1
    assert DancerTracker().choose([], 0.0, SIZE) is None


def test_in_the_middle_somebody_on_their_head_wins_over_surer_spectators(
    dance: list[Person],
) -> None:
    """Networks are less sure of them."""
    dancer = replace(_moved(dance[0], -460, 0), score=0.4)
    left, right = (replace(_moved(dance[0], dx, 0), score=0.9) for dx in (-860, -60))
    assert DancerTracker().choose([left, dancer, right], 0.0, SIZE) == 1


def test_who_dances_soon_takes_over_from_who_stands_by(dance: list[Person]) -> None:
    """The larger one was chosen at first sight; later nobody takes over any more."""
    for late in (False, True):
        tracker = DancerTracker()
        chosen = []
        for number in range(90):
            moving = number if not late else max(0, number - 75)
            standing = _moved(dance[min(number, 12)], -760, 0, 1.25)  # No poster: moved once.
            dancing = _moved(dance[moving % len(dance)], -400)
            chosen.append(tracker.choose([standing, dancing], number / 30, SIZE))
        assert chosen[0] == 0
        assert chosen[-1] == (0 if late else 1)


def test_a_camera_that_pans_makes_nobody_alive(dance: list[Person]) -> None:
    """A larger one stands; with the dancer it slides through the picture."""
    tracker, chosen = DancerTracker(), []
    for number in range(90):
        pan = 6.0 * number
        standing = _moved(dance[0], -760 + pan, 0, 1.4)
        dancing = _moved(dance[number], -700 + pan)
        camera = np.array([[1, 0, 6.0 if number else 0.0], [0, 1, 0]])
        people = [standing, dancing]
        chosen.append(tracker.choose(people, number / 30, SIZE, camera=camera))
    assert chosen[0] == 0
    assert chosen[-30:] == [1] * 30


def test_who_was_seen_for_a_moment_is_not_waited_for(dance: list[Person]) -> None:
    """A ghost in the first frame, in the very middle."""
    tracker = DancerTracker()
    ghost, dancer = _moved(dance[0], -460, 0, 1.2), _moved(dance[0], 0)
    assert tracker.choose([ghost, dancer], 0.0, SIZE) == 0
    assert tracker.choose([dancer], 0.1, SIZE) is None
    assert tracker.choose([dancer], 0.5, SIZE) == 0


@settings(max_examples=15)
@given(
    scale=st.floats(0.4, 3.0), dx=st.floats(-50, 50), fps=st.sampled_from([10, 15, 30, 60]),
    swap=st.booleans(),
)  # fmt: skip
def test_size_place_rate_and_order_do_not_matter(
    dance: list[Person], scale: float, dx: float, fps: int, swap: bool
) -> None:
    """The same two people: the nearer to the middle is the dancer and stays it."""
    tracker = DancerTracker()
    size = (int(SIZE[0] * scale), int(SIZE[1] * scale))
    step = max(1, 30 // fps)
    for number, person in enumerate(dance[::step]):
        middle = _moved(person, -460 * scale + dx, 0, scale)
        side = _moved(person, -100 * scale + dx, 0, scale)
        people = [side, middle] if swap else [middle, side]
        chosen = tracker.choose(people, number * step / 30, size)
        assert chosen is not None
        assert people[chosen] is middle


def test_the_person_most_like_another(dance: list[Person]) -> None:
    people = [_moved(dance[0], 300), dance[1], _moved(dance[0], -200)]
    assert match(people, dance[0]) == 1
    assert match([], dance[0]) is None
