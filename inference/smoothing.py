"""Steady key points: a One Euro filter each; missing ones imputed from neighbours in time.

The filter is Casiez, Roussel and Vogel, "1 € Filter" (CHI 2012): a low-pass filter whose cut-off
rises with speed, so that what rests does not tremble and what moves does not lag.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints
from inference.body import SKELETON
from inference.skeleton import MIN_SCORE, body_scale

MIN_CUTOFF_HZ = 1.0
"""Cut-off of a key point at rest."""

BETA = 10.0
"""By how many Hz the cut-off rises for a speed of one body height a second."""

SPEED_CUTOFF_HZ = 1.0
"""Cut-off of the filter behind the speed itself.

The three were chosen on nine real clips (dancers, a juggler, a booth; 16 to 30 fps): key points at
rest tremble a fifth as much as raw (median second difference), and a limb faster than 0.8 body
heights a second lags half a frame at 30 fps. BETA 5: a whole frame; BETA 20: a quarter of one, but
rare jumps of the network pass hardly dampened.
"""

MEMORY_SECONDS = 0.5
"""A key point that was not seen for longer is no longer made up; a gap of that length without any
person begins the filter anew."""

_JUMP = 0.5
"""When the body moves farther than this in one frame, in body heights, it is another body: the
filter begins anew instead of sliding across."""

_FULL_TRUST = 0.6
"""From this score on a key point is taken at its word; below, its cut-off falls with the score."""


def _closeness() -> NDArray[np.float64]:
    """`[17, 17]`: how much key point j says about where i went, a quarter a limb between them."""
    limbs = np.full((17, 17), 99.0)
    np.fill_diagonal(limbs, 0)
    for first, second in SKELETON:
        limbs[first, second] = limbs[second, first] = 1
    for via in range(17):  # Floyd and Warshall's shortest paths
        limbs = np.minimum(limbs, limbs[:, via : via + 1] + limbs[via : via + 1])
    return np.asarray(0.25**limbs)


_CLOSENESS = _closeness()


class KeypointSmoother:
    """Smooths one dancer's key points frame by frame, from the past only."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: another dancer or another clip begins."""
        self._time: float | None = None
        """Of the last frame with a person; None before the first."""
        self._points = np.zeros((17, 2))
        """Filtered, or imputed where `_seen_at` is before `_time`."""
        self._velocity = np.zeros((17, 2))
        """Filtered, pixels a second."""
        self._raw = np.zeros((17, 2))
        """As last seen, which was at `_seen_at`, with `_seen_score`."""
        self._seen_at = np.full(17, -np.inf)
        self._seen_score = np.zeros(17)
        self._scale = 1.0
        """The person's height in pixels, about."""

    def update(self, keypoints: Keypoints | None, time_s: float) -> Keypoints | None:
        """Take the next frame.

        Args:
            keypoints: raw, of the dancer; None when the dancer was not found.
            time_s: of the frame. It need not be evenly spaced; going back begins anew.

        Returns:
            Smoothed key points, None when there is no dancer. One that scores below `MIN_SCORE`
            is put where the body around it has carried it since it was last seen, and its score
            falls from what it was then to nothing within `MEMORY_SECONDS`; after that, and before
            it was ever seen, it is as the network gave it.
        """
        if keypoints is None:
            return None
        measured = keypoints[:, :2].astype(np.float64)
        scores = keypoints[:, 2].astype(np.float64)
        seen = scores >= MIN_SCORE
        if self._time is None or not self._goes_on(measured, seen, time_s - self._time):
            self.reset()
            self._scale = body_scale(keypoints)
            self._points = measured
        else:
            self._scale += 0.1 * (body_scale(keypoints) - self._scale)
            self._step(measured, scores, seen, time_s)
        self._time = time_s
        self._raw = np.where(seen[:, None], measured, self._raw)
        self._seen_score = np.where(seen, scores, self._seen_score)
        self._seen_at = np.where(seen, time_s, self._seen_at)
        smoothed = np.empty((17, 3), np.float32)
        smoothed[:, :2] = self._points
        remembered = self._seen_score * (1 - self.ages() / MEMORY_SECONDS)
        smoothed[:, 2] = np.maximum(scores, remembered)
        return smoothed

    def ages(self) -> NDArray[np.float64]:
        """`[17]`: seconds between each key point's last sighting and the last frame."""
        return np.minimum((self._time or 0.0) - self._seen_at, MEMORY_SECONDS)

    def _goes_on(self, measured: NDArray[np.float64], seen: NDArray[np.bool_], step: float) -> bool:
        """Whether this is the same movement, `step` seconds later."""
        if not 0 <= step <= MEMORY_SECONDS:
            return False
        both = seen & (self._seen_at == self._time)
        if not both.any():
            return True
        moved = np.hypot(*(measured - self._points)[both].T)
        return bool(median(moved.tolist()) <= _JUMP * self._scale)

    def _step(
        self,
        measured: NDArray[np.float64],
        scores: NDArray[np.float64],
        seen: NDArray[np.bool_],
        time_s: float,
    ) -> None:
        """Move `_points` one frame on."""
        since = time_s - self._seen_at
        known = since <= MEMORY_SECONDS
        filtered = self._one_euro(measured, scores, np.maximum(since, 1e-3))
        followed = seen & known
        shift = np.where(followed[:, None], filtered - self._points, 0.0)
        weights = _CLOSENESS * followed
        total = weights.sum(axis=1, keepdims=True)
        carried = self._points + weights @ shift / np.maximum(total, 1e-9)
        points = np.where(followed[:, None], filtered, measured)
        self._points = np.where((known & ~seen)[:, None], carried, points)

    def _one_euro(
        self,
        measured: NDArray[np.float64],
        scores: NDArray[np.float64],
        since: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Casiez et al., algorithm 1, for all key points; speeds are in body heights a second.

        The step is counted from when a key point was last seen (`since`): one that comes back
        after a while is believed rather than approached.
        """
        velocity = (measured - self._raw) / since[:, None]
        trust = low_pass_weight(SPEED_CUTOFF_HZ, since) * (scores >= MIN_SCORE)
        self._velocity = self._velocity + trust[:, None] * (velocity - self._velocity)
        speed = np.sqrt(np.einsum("ij,ij->i", self._velocity, self._velocity)) / self._scale
        cutoff = (MIN_CUTOFF_HZ + BETA * speed) * np.minimum(scores / _FULL_TRUST, 1.0)
        return self._points + low_pass_weight(cutoff, since)[:, None] * (measured - self._points)


def low_pass_weight(
    cutoff: NDArray[np.float64] | float, step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much of a new value a low-pass filter takes: `1 / (1 + tau / step)`.

    `cutoff`: Hz; `step`: seconds, of which `MEMORY_SECONDS` count at most.
    """
    turn = 2 * np.pi * np.minimum(step, MEMORY_SECONDS) * cutoff
    return np.asarray(turn / (turn + 1))


def smooth_clip(
    keypoints: NDArray[np.float32], times: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float32]:
    """Smooth and impute a whole clip from both sides in time, so that nothing lags.

    The live filter runs forwards and backwards. Where a key point was seen both agree within
    their opposite lags, and the mean is taken; where not, the sighting that is nearer in time
    counts for more.

    Args:
        keypoints: `[T, 17, 3]`, raw; all scores 0 in frames without the dancer.
        times: of each frame, in seconds, rising.

    Returns:
        The same shape; frames without the dancer are left as they are.
    """
    forwards = _run(keypoints, np.asarray(times, np.float64))
    backwards = _run(keypoints[::-1], -np.asarray(times, np.float64)[::-1])
    ages = np.stack([forwards[1], backwards[1][::-1]])
    ages = np.where(ages < MEMORY_SECONDS, ages + 1e-6, 1e6)
    share = (ages[1] / ages.sum(axis=0))[..., np.newaxis]
    first, second = forwards[0], backwards[0][::-1]
    smoothed = np.empty_like(keypoints, dtype=np.float32)
    smoothed[..., :2] = share * first[..., :2] + (1 - share) * second[..., :2]
    smoothed[..., 2] = np.maximum(first[..., 2], second[..., 2])
    return smoothed


def _run(
    keypoints: NDArray[np.float32], times: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The live filter over a clip: smoothed key points `[T, 17, 3]` and their ages `[T, 17]`."""
    smoother = KeypointSmoother()
    smoothed, ages = keypoints.astype(np.float32), np.zeros(keypoints.shape[:2])
    for number, (frame, time_s) in enumerate(zip(keypoints, times, strict=True)):
        result = smoother.update(frame if frame[:, 2].any() else None, float(time_s))
        if result is not None:
            smoothed[number], ages[number] = result, smoother.ages()
    return smoothed, ages
