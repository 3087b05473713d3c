"""Following one dancer: who it is at first, that it stays the same one, and who it is not.

Everybody in view is followed from frame to frame, because a bystander who crosses is told from the
dancer most safely by knowing where the bystander came from. Whoever has moved once is alive for as
long as they are followed; a poster never is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Person
from inference.arrays import Keypoints
from inference.camera import Similarity, carried
from inference.prominence import posing, prominence
from inference.skeleton import MIN_SCORE, body_scale

REACH = 0.25
"""Somebody found again lies within this distance of where they were expected, in body heights."""

REACH_PER_SECOND = 1.5
"""By how much that grows for every second they were not seen."""

FORGET_SECONDS = 2.0
"""A person not seen for so long is no longer expected; then anybody may be the dancer."""

HARDLY_KNOWN_SECONDS = 0.3
"""The same for somebody who was seen for no longer than that; others in between."""

ALIVE = 0.12
"""Somebody of whose key points a quarter have moved by this much, in body heights, is no poster."""

STILL_SECONDS = 1.0
"""A dancer who has not moved since they were chosen may for that reason be left after this."""

SURE_ENOUGH = 0.6
"""Whoever takes over from a dancer who does not move is scored at least this share of what the
dancer is: the faint poses that networks see in bushes and furniture tremble, and look alive."""

SCORE_COUNTS = 0.5
"""Body heights of distance that a score that changes from 0 to 1 counts for: networks sometimes
see a second, faint pose over a real one, which must not be taken for it."""

CHOOSING_SECONDS = 2.0
"""For so long after somebody was chosen another may take over who is clearly more of a dancer."""

CLEARLY = 1.5
"""By how much more: size, place and movement multiplied."""

LEAST_LIVELY = 0.15
"""What counts for movement when there is none, in body heights a second; at most `LEAST_LIVELY`
and 1 do."""

POSING_SECONDS = 0.5
"""Over which poses are averaged."""

SIZE_CHANGE = 2.2
"""The same person's size changes by no more than this factor from one sighting to the next."""


class DancerTracker:
    """Chooses the dancer among the people of each frame. Depends on key points and time only."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Another clip begins: nobody is known."""
        self._tracks: list[_Track] = []
        self._dancer: _Track | None = None
        self._chosen_at = 0.0

    def choose(
        self,
        people: Sequence[Person],
        time_s: float,
        frame_size: tuple[int, int],
        wanted: Keypoints | None = None,
        camera: Similarity | None = None,
    ) -> int | None:
        """Index of the dancer among `people`, or None when the dancer is not to be seen.

        Args:
            people: whom this frame shows.
            time_s: in seconds.
            frame_size: width and height in pixels.
            wanted: key points of the dancer, where the whole clip has told who it is.
            camera: how it moved since the frame before; None where that is not known, then
                everybody's movement together counts for it.
        """
        self._tracks = [one for one in self._tracks if one.is_expected(time_s)]
        if camera is not None:
            for one in self._tracks:
                one.carry(camera)
        seen = self._assign(people, time_s, camera is not None)
        if self._dancer is not None and self._dancer not in self._tracks:
            self._dancer = None
        if wanted is not None:
            index = nearest_to(people, wanted)
            self._dancer = self._dancer if index is None else seen[index]
        elif self._dancer is None or self._is_poster(self._dancer, time_s):
            chosen = self._most_prominent(seen, frame_size) or self._dancer
            if self._dancer is None:
                self._chosen_at = time_s
            self._dancer = chosen
        elif time_s - self._chosen_at <= CHOOSING_SECONDS:
            self._dancer = self._clearly_more(seen, self._dancer, frame_size)
        return next((index for index, one in seen.items() if one is self._dancer), None)

    def _assign(
        self, people: Sequence[Person], time_s: float, camera_known: bool
    ) -> dict[int, _Track]:
        """Give every person the track they continue, or a new one; nearest first."""
        pairs = sorted(
            (
                distance + SCORE_COUNTS * abs(person.score - who.score),
                who is not self._dancer,
                index,
                number,
            )
            for number, who in enumerate(self._tracks)
            for index, person in enumerate(people)
            if (distance := who.distance(person.keypoints, time_s)) is not None
        )
        seen: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, _, index, number in pairs:
            if index not in seen and number not in taken:
                taken.add(number)
                seen[index] = self._tracks[number]
        for index, person in enumerate(people):
            if index in seen:
                seen[index].update(person, time_s)
            else:
                seen[index] = _Track.of(person, time_s)
                self._tracks.append(seen[index])
        if seen:
            crowd = np.zeros(2)
            if not camera_known:
                crowd = np.median([one.moved.mean(axis=0) for one in seen.values()], axis=0)
            for one in seen.values():
                one.liven(crowd)
        return seen

    def _clearly_more(
        self, seen: dict[int, _Track], dancer: _Track, frame_size: tuple[int, int]
    ) -> _Track:
        """Who is more of a dancer than the one that was chosen at first sight; else that one."""
        least = SURE_ENOUGH * dancer.score
        others = [one for one in seen.values() if one.alive and one.score >= least]
        best = max(others, key=lambda one: one.importance(frame_size), default=dancer)
        more = best.importance(frame_size) > CLEARLY * dancer.importance(frame_size)
        return best if more else dancer

    def _is_poster(self, track: _Track, time_s: float) -> bool:
        return not track.alive and time_s - track.first_at >= STILL_SECONDS

    def _most_prominent(
        self, seen: dict[int, _Track], frame_size: tuple[int, int]
    ) -> _Track | None:
        """Who fills the picture most, in its middle, and is alive; a poster if nobody else is."""
        if self._dancer is not None:
            least = SURE_ENOUGH * self._dancer.score
            seen = {i: one for i, one in seen.items() if one.alive and one.score >= least}
        best = max(
            seen.values(), key=lambda one: (one.alive, one.prominence(frame_size)), default=None
        )
        return best


@dataclass(eq=False, slots=True)
class _Track:
    """One person through time."""

    points: NDArray[np.float64]
    """`[17, 2]`, as last seen; never seen ones are as the network guessed them."""
    known: NDArray[np.bool_]
    velocity: NDArray[np.float64]
    """Of the whole body, pixels a second."""
    scale: float
    """Body height in pixels."""
    score: float
    seen_at: float
    first_at: float
    first: NDArray[np.float64]
    """`[17, 3]`: where they were at first, and how surely."""
    posed: float
    """How far they have been from standing still, of late, 0..1."""
    alive: bool = False
    moved: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, 2)))
    """Of the key points seen twice, since last seen, pixels a second."""
    liveliness: float = 0.0
    """How fast they move against everybody else, in body heights a second."""

    @classmethod
    def of(cls, person: Person, time_s: float) -> _Track:
        """Somebody new."""
        scale = body_scale(person.keypoints)
        return cls(
            points=person.keypoints[:, :2].astype(np.float64),
            known=person.keypoints[:, 2] >= MIN_SCORE,
            velocity=np.zeros(2),
            scale=scale,
            score=person.score,
            seen_at=time_s,
            first_at=time_s,
            first=person.keypoints.astype(np.float64),
            posed=posing(person.keypoints, scale),
        )

    def is_expected(self, time_s: float) -> bool:
        """Whether they may still come back: who was seen for a moment is not waited for long."""
        known_for = max(self.seen_at - self.first_at, HARDLY_KNOWN_SECONDS)
        return time_s - self.seen_at <= min(known_for, FORGET_SECONDS)

    def carry(self, camera: Similarity) -> None:
        """The camera moved: whoever stands still lies elsewhere in the picture now."""
        self.points = carried(self.points, camera)
        self.first[:, :2] = carried(self.first[:, :2], camera)

    def distance(self, keypoints: Keypoints, time_s: float) -> float | None:
        """In body heights between where they are expected and a person; None when it cannot be."""
        step = max(time_s - self.seen_at, 0.0)
        scale = body_scale(keypoints)
        shared = self.known & (keypoints[:, 2] >= MIN_SCORE)
        if shared.sum() < 2 or not 1 / SIZE_CHANGE <= scale / self.scale <= SIZE_CHANGE:
            return None
        expected = self.points + self.velocity * min(step, 0.3)
        away: float = median(np.hypot(*(keypoints[:, :2] - expected)[shared].T).tolist())
        away /= self.scale
        return away if away <= REACH + REACH_PER_SECOND * step else None

    def update(self, person: Person, time_s: float) -> None:
        """Seen again."""
        points = person.keypoints[:, :2].astype(np.float64)
        seen = person.keypoints[:, 2] >= MIN_SCORE
        step = time_s - self.seen_at
        both = seen & self.known
        if step > 0 and both.any():
            self.moved = (points - self.points)[both] / step
            moved_x, moved_y = (points - self.points)[both].T.tolist()
            velocity = np.array([median(moved_x), median(moved_y)]) / step
            self.velocity += min(1.0, step / 0.15) * (velocity - self.velocity)
        since_first = seen & (self.first[:, 2] >= MIN_SCORE)
        if not self.alive and since_first.sum() >= 4:
            moved = np.hypot(*(points - self.first[:, :2])[since_first].T)
            # A quarter of them is enough: arms may dance while the body stands.
            self.alive = bool((moved > ALIVE * self.scale).mean() >= 0.25)
        self.points = np.where(seen[:, None], points, self.points)
        self.known = self.known | seen
        scale = body_scale(person.keypoints)
        self.scale += 0.2 * (scale - self.scale)
        self.posed += min(1.0, step / POSING_SECONDS) * (
            posing(person.keypoints, scale) - self.posed
        )
        self.score = person.score
        self.seen_at = time_s

    def liven(self, crowd: NDArray[np.float64]) -> None:
        """Take in how it moved, where everybody together moved by `crowd`, pixels a second."""
        speed = float(np.hypot(*(self.moved - crowd).T).mean()) / self.scale
        self.liveliness += 0.1 * (speed - self.liveliness)

    def prominence(self, frame_size: tuple[int, int]) -> float:
        """By size, place and pose."""
        x: float = median(self.points[self.known, 0].tolist()) if self.known.any() else 0.0
        return prominence(self.scale, self.score, x / frame_size[0], self.posed)

    def importance(self, frame_size: tuple[int, int]) -> float:
        """Prominence and movement."""
        return self.prominence(frame_size) * (LEAST_LIVELY + min(self.liveliness, 1.0))


def nearest_to(people: Sequence[Person], keypoints: Keypoints) -> int | None:
    """Index of the person with the nearest key points; None for nobody."""
    distances = [float(np.abs(one.keypoints[:, :2] - keypoints[:, :2]).sum()) for one in people]
    return int(np.argmin(distances)) if distances else None


def match(people: Sequence[Person], like: Person) -> int | None:
    """Index of the person most like a given one: the nearest key points; None for nobody."""
    return nearest_to(people, like.keypoints)
