"""Who the dancer of a clip is, when the whole clip may decide: size, place and movement, all along.

At some moments, evenly over the clip, everybody is looked at in two frames that follow each other.
The dancer is the sequence of people, one a moment, who are the likeliest dancers and nearest to
each other (Viterbi, "Error bounds for convolutional codes", 1967).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Person
from inference.arrays import Keypoints, Rgb
from inference.camera import Grey, Similarity, camera_between, carried, small
from inference.network import Network
from inference.personlab import decode_people
from inference.pool import NetworkPool
from inference.prominence import posing, prominence
from inference.skeleton import MIN_SCORE, body_scale
from inference.tracking import LEAST_LIVELY

MOMENTS = 24
"""Of a clip that are looked at."""
GAP = 2
"""Frames between the two of a moment."""
FAR = 1.0
"""Being a body height away from where the dancer was at the moment before costs as much as being
a third as likely."""
DOUBTFUL = 0.3
"""A moment whose dancer is less likely than this share of what is usual says nothing."""
SAME = 0.5
"""Somebody in the next frame is the same when they are nearer than this, in body heights."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Whom two frames show."""

    time_s: float
    """Of the second one."""
    people: Sequence[Person]
    likely: Sequence[float]
    """How much of a dancer each is, more than 0."""


def numbers_of(frames: int) -> list[int]:
    """Of the first frame of each moment, for a clip of so many frames."""
    last = frames - 1 - GAP
    if last < 0:
        return []
    return sorted({round(place) for place in np.linspace(0, last, MOMENTS)})


def look_over(
    pool: NetworkPool, clip: Iterable[tuple[Rgb, float]], frames: int, max_people: int
) -> list[Moment]:
    """The moments of a clip.

    Args:
        pool: whose networks look.
        clip: pictures uint8 `[H, W, 3]` and their times in seconds.
        frames: how many there are, nearly.
        max_people: more in a frame are not looked for.
    """
    first = set(numbers_of(frames))
    moments: list[Moment] = []
    before: dict[int, tuple[list[Person], float, Grey]] = {}
    for number, (rgb, time_s) in enumerate(clip):
        if number not in first and number - GAP not in before:
            continue
        people = pool.call(partial(_people, rgb=rgb, max_people=max_people))
        if number - GAP in before:
            earlier, then, seen = before.pop(number - GAP)
            size = (rgb.shape[1], rgb.shape[0])
            camera = camera_between(seen, small(rgb), size[0])
            likely = _likely(people, earlier, max(time_s - then, 1e-3), size, camera)
            moments.append(Moment(time_s, people, likely))
        if number in first:
            before[number] = people, time_s, small(rgb)
    return moments


def sightings(moments: Sequence[Moment]) -> dict[float, Keypoints]:
    """Key points of the dancer by time, at the moments that show anybody."""
    shown = [moment for moment in moments if moment.people]
    if not shown:
        return {}
    best = np.log(shown[0].likely)
    came: list[NDArray[np.intp]] = []
    for earlier, moment in pairwise(shown):
        away = np.array([[_distance(a, b) for a in earlier.people] for b in moment.people])
        total = best[None] - away / FAR * math.log(3)
        came.append(total.argmax(axis=1))
        best = total.max(axis=1) + np.log(moment.likely)
    path = [int(best.argmax())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    chosen = list(zip(shown, reversed(path), strict=True))
    # Where the dancer is hidden the path leads through somebody else.
    usual = float(np.median([moment.likely[index] for moment, index in chosen]))
    return {
        moment.time_s: moment.people[index].keypoints
        for moment, index in chosen
        if moment.likely[index] > DOUBTFUL * usual
    }


def _people(network: Network, rgb: Rgb, max_people: int) -> list[Person]:
    return decode_people(network.infer(rgb)[0], max_people)


def _likely(
    people: Sequence[Person],
    earlier: Sequence[Person],
    step_s: float,
    size: tuple[int, int],
    camera: Similarity | None = None,
) -> list[float]:
    moves = [_moved(person, earlier, camera) for person in people]
    crowd = np.zeros(2)
    if moves and camera is None:
        crowd = np.median([move.mean(axis=0) for move in moves], axis=0)
    likely = []
    for person, move in zip(people, moves, strict=True):
        scale = body_scale(person.keypoints)
        speed = float(np.hypot(*(move - crowd).T).mean()) / scale / step_s
        across = (person.box[0] + person.box[2] / 2) / size[0]
        posed = posing(person.keypoints, scale)
        seen = prominence(scale, person.score, across, posed)
        likely.append(max(seen * (LEAST_LIVELY + min(speed, 1.0)), 1e-9))
    return likely


def _moved(
    person: Person, earlier: Sequence[Person], camera: Similarity | None
) -> NDArray[np.float64]:
    """By how much each key point moved, `[n, 2]` pixels, and not by the camera as far as that is
    known; zero for somebody who was not there."""
    near = min(earlier, key=lambda one: _distance(one, person), default=None)
    if near is None or _distance(near, person) > SAME:
        return np.zeros((1, 2))
    both = (near.keypoints[:, 2] >= MIN_SCORE) & (person.keypoints[:, 2] >= MIN_SCORE)
    if not both.any():
        return np.zeros((1, 2))
    then, now = (one.keypoints[both, :2].astype(np.float64) for one in (near, person))
    return now - (then if camera is None else carried(then, camera))


def _distance(one: Person, other: Person) -> float:
    """Between the middles of two people's boxes, in body heights of the smaller."""
    x, y = (
        one.box[axis] + one.box[axis + 2] / 2 - other.box[axis] - other.box[axis + 2] / 2
        for axis in (0, 1)
    )
    smaller = min(body_scale(one.keypoints), body_scale(other.keypoints))
    return math.hypot(x, y) / smaller
