"""Global pose normalisation (Chan et al., "Everybody Dance Now", ICCV 2019, section 9.1): where
somebody stands in a picture and how tall, and the mapping from one body frame to another.

The anchor is the line of the ankles, or, where feet are hardly ever seen, that of the shoulders.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints
from inference.skeleton import MIN_SCORE, body_scale
from transfer.target.bone_lengths import bone_lengths
from transfer.target.pose_space import NECK, PELVIS, Reals, with_middles

FEET_SHARE = 0.5
"""Feet are the anchor when they are seen in at least this share of the frames."""
JUMP_SECONDS = 0.5
"""The ground is the lowest ankle of so long a time: a jump is no step backwards."""
DEEP = 0.15
"""Ankle lines that differ by less than this share of the height are one place."""
WINDOW_SECONDS = 20.0
"""Live, a body frame is made from so much of what came last..."""
REFIT_SECONDS = 0.5
"""...and made anew so often."""
SETTLE_SECONDS = 0.4
"""Live, a new mapping is approached within about so long."""


@dataclass(frozen=True, slots=True)
class Line:
    """How large somebody is at one place of the anchor."""

    y: float
    """Of the ankles or shoulders, pixels."""
    size: float
    """Body height, by `body_scale`, pixels."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """A body frame by one anchor."""

    far: Line
    near: Line
    """The same as `far` when they never came nearer."""

    def depth(self, y: float) -> float:
        """0 far to 1 near; the middle where there is no depth."""
        if self.near.y - self.far.y < 1e-6:
            return 0.5
        return float(np.clip((y - self.far.y) / (self.near.y - self.far.y), 0, 1))

    def at(self, depth: float) -> Line:
        """Between far and near."""
        far, near = self.far, self.near
        return Line(far.y + depth * (near.y - far.y), far.size + depth * (near.size - far.size))

    def resized(self, scale: float) -> Anchored:
        """In a picture that is `scale` times as large."""
        far, near = (Line(one.y * scale, one.size * scale) for one in (self.far, self.near))
        return Anchored(far, near)


@dataclass(frozen=True, slots=True)
class BodyFrame:
    """Where somebody stands over a clip."""

    centre: float
    """Median x of the middle of the body."""
    shoulders: Anchored
    feet: Anchored | None
    """None where feet are hardly ever seen."""
    lengths: tuple[float, ...] = ()
    """Of limbs and trunk in body heights, as `transfer.target.bone_lengths`; empty: not known."""

    def resized(self, scale: float) -> BodyFrame:
        """In a picture that is `scale` times as large."""
        feet = None if self.feet is None else self.feet.resized(scale)
        return BodyFrame(self.centre * scale, self.shoulders.resized(scale), feet, self.lengths)


@dataclass(frozen=True, slots=True)
class Transform:
    """Scale and shift from one picture into another."""

    scale: float
    x: float
    y: float

    def points(self, keypoints: Keypoints) -> Keypoints:
        """Key points `[..., 3]` moved; scores stay."""
        moved = keypoints.copy()
        moved[..., :2] = keypoints[..., :2] * self.scale + (self.x, self.y)
        return moved

    def matrix(self) -> NDArray[np.float64]:
        """2x3, for OpenCV."""
        return np.array([[self.scale, 0, self.x], [0, self.scale, self.y]])


def fit_body_frame(keypoints: Reals, seconds: NDArray[np.float64]) -> BodyFrame | None:
    """The body frame of a clip: key points `[frames, 17, 3]`; None when nobody can be measured."""
    poses = zip(keypoints, seconds, strict=True)
    measured = [_Measured.of(one, float(time)) for one, time in poses]
    fitted = _fit([one for one in measured if one is not None])
    return fitted and replace(fitted, lengths=tuple(bone_lengths(keypoints).tolist()))


def transform(source: BodyFrame, target: BodyFrame, ground: float | None, neck: float) -> Transform:
    """The mapping for a moment.

    Args:
        source: whose motion it is.
        target: whose picture it becomes.
        ground: y of the source's ankles, the lowest of late; None when not known.
        neck: y of the middle of the source's shoulders.
    """
    if source.feet is not None and target.feet is not None:
        ours, theirs, y = source.feet, target.feet, ground
    else:
        ours, theirs, y = source.shoulders, target.shoulders, neck
    depth = 0.5 if y is None else ours.depth(y)
    here, there = ours.at(depth), theirs.at(depth)
    scale = there.size / here.size
    return Transform(scale, target.centre - source.centre * scale, there.y - here.y * scale)


class Normaliser:
    """Maps a stream of poses onto a target's body frame."""

    def __init__(self, target: BodyFrame, source: BodyFrame | None = None) -> None:
        """`source`: of the whole clip; None, live: it is learnt from what was seen of late."""
        self._target = target
        self._clip = source
        self._stood: list[_Measured] = []
        self._seen: deque[_Measured] = deque()
        self._body_frame = source
        self._fitted_at = -np.inf
        self._last: tuple[float, Transform] | None = None

    def calibrate(self, keypoints: Reals) -> None:
        """Live: the source stood still in these poses `[n, 17, 3]`, which count from now on."""
        measured = (_Measured.of(pose, -np.inf) for pose in keypoints)
        self._stood = [one for one in measured if one is not None]
        self._fitted_at = -np.inf

    def update(self, keypoints: Keypoints, time_s: float) -> Transform | None:
        """The transform for this pose; None before anything could be measured."""
        measured = _Measured.of(keypoints, time_s)
        if measured is None:
            return None if self._last is None else self._last[1]
        self._seen.append(measured)
        while self._seen[0].time < time_s - WINDOW_SECONDS:
            self._seen.popleft()
        if self._clip is None and time_s - self._fitted_at >= REFIT_SECONDS:
            self._body_frame = _fit([*self._stood, *self._seen]) or self._body_frame
            self._fitted_at = time_s
        if self._body_frame is None:
            return None
        grounds = [
            one.ground
            for one in self._seen
            if one.ground is not None and one.time >= time_s - JUMP_SECONDS
        ]
        wanted = transform(
            self._body_frame, self._target, max(grounds, default=None), measured.neck
        )
        return self._approach(wanted, time_s)

    def _approach(self, wanted: Transform, time_s: float) -> Transform:
        """Live, the body frame is still being learnt: the picture must not jump with it."""
        if self._last is not None and self._clip is None:
            before, last = self._last
            share = 1 - float(np.exp(-max(time_s - before, 0) / SETTLE_SECONDS))
            wanted = Transform(
                last.scale + share * (wanted.scale - last.scale),
                last.x + share * (wanted.x - last.x),
                last.y + share * (wanted.y - last.y),
            )
        self._last = (time_s, wanted)
        return wanted


@dataclass(frozen=True, slots=True)
class _Measured:
    """What one pose says about the body frame, pixels."""

    time: float
    centre: float
    neck: float
    size: float
    ground: float | None

    @classmethod
    def of(cls, keypoints: Keypoints, time_s: float) -> _Measured | None:
        points = with_middles(keypoints)
        xy, seen = points[:, :2], points[:, 2] >= MIN_SCORE
        if not seen[NECK]:
            return None
        centre = xy[[NECK, PELVIS], 0].mean() if seen[PELVIS] else xy[NECK, 0]
        ankles = [float(xy[ankle, 1]) for ankle in (15, 16) if seen[ankle]]
        return cls(
            time_s,
            float(centre),
            float(xy[NECK, 1]),
            body_scale(keypoints),
            max(ankles) if ankles else None,
        )


def _fit(measured: list[_Measured]) -> BodyFrame | None:
    if not measured:
        return None
    sizes = np.array([one.size for one in measured])
    line = Line(float(np.median([one.neck for one in measured])), _standing(sizes))
    grounds = np.array([np.nan if one.ground is None else one.ground for one in measured])
    there = ~np.isnan(grounds)
    feet = _feet(grounds[there], sizes[there]) if there.mean() >= FEET_SHARE else None
    return BodyFrame(float(np.median([one.centre for one in measured])), Anchored(line, line), feet)


def _feet(grounds: NDArray[np.float64], sizes: NDArray[np.float64]) -> Anchored:
    far, near = np.quantile(grounds, (0.05, 0.95))
    if near - far < DEEP * _standing(sizes):
        line = Line(float(np.median(grounds)), _standing(sizes))
        return Anchored(line, line)
    lower = grounds >= (far + near) / 2
    return Anchored(
        Line(float(far), _standing(sizes[~lower])), Line(float(near), _standing(sizes[lower]))
    )


def _standing(sizes: NDArray[np.float64]) -> float:
    """Turned and bent people look smaller, hardly ever larger."""
    return float(np.quantile(sizes, 0.75))
