"""Which pairs' poses look wrong, so that a person mends those first.

Four things give a wrong pose away: the network itself is unsure of a key point; a key point leaves
the way that its neighbours in time say; a bone is longer than this dancer's bones are; left and
right have changed places. Key points that a person moved are not doubted, nor is a pose of which a
person said that it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from capture.pairs import PairRecord
from inference.body import KEYPOINT_NAMES, MIRROR_KEYPOINTS
from inference.skeleton import MIN_SCORE, body_scale

LISTED = 0.5
"""Poses are called doubtful from here on."""
SURE = 0.5
"""A key point that scores as much is not doubted for its score."""
NEIGHBOUR_SECONDS = 0.25
"""Frames farther apart say nothing about each other."""
LOST_SECONDS = 0.3
"""A key point that is away for less, and seen before and after, was missed rather than hidden."""
JUMP = 0.05
"""Body heights that a key point may lie beside the middle of its neighbours in time ..."""
ACCELERATION = 25.0
"""... and how fast a limb may change its speed besides, body heights a second squared: a punch."""
ANOTHER = 0.4
"""Body heights that a whole body does not move from one frame to the next."""
TOO_LONG = 1.3
"""Times the length that a bone nearly always stays below: as far away as that is no perspective."""
LEAST_BONES = 20
"""Measured lengths without which nothing is said of a bone."""
APART = 0.08
"""Body heights that a key point moves, at the least, when left and right change places."""
MAJORITY_SECONDS = 1.0
"""Before and after; who has left and right the other way round than most then has it wrong."""

UNCERTAIN = "{} is uncertain"
"""Several such key points add up, as what else is found against them does not."""

BONES = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16))
"""Nearer and farther end of each arm's and leg's bones."""
_ARMS, _LEGS = (5, 6, 7, 8, 9, 10), (11, 12, 13, 14, 15, 16)
_OTHER_SIDE = list(MIRROR_KEYPOINTS)

Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Doubt:
    """One pair whose pose looks wrong."""

    index: int
    """Of the pair."""
    doubt: float
    """0..1; several reasons add up."""
    reasons: tuple[str, ...]
    """A sentence each, the gravest first."""
    keypoints: tuple[int, ...]
    """Those that the reasons are about, the most doubtful first."""


def doubtful(pairs: Sequence[PairRecord]) -> list[Doubt]:
    """The pairs in order of time whose poses look wrong, the most doubtful first.

    Pairs that a person erased or left out are passed over, and those called right are not listed.
    """
    pairs = [pair for pair in pairs if not pair.erased and not pair.left_out]
    if not pairs:
        return []
    clip = _Clip(pairs)
    found = {
        UNCERTAIN: _uncertain(clip),
        "{} is lost for a moment": _lost(clip),
        "{} jumps": _jumps(clip),
        "{} is too far away: the bone would be too long": _too_long(clip),
        "Left and right look swapped: {}": _swapped(clip),
    }
    whole = {
        "This may be another person": _another(clip),
        "Nobody was found, but just before and after": _nobody(clip),
    }
    found = {said: np.where(clip.moved, 0.0, doubt) for said, doubt in found.items()}
    listed = []
    for number, pair in enumerate(pairs):
        one = _doubt(pair.index, number, found, whole)
        if one.doubt >= LISTED and not pair.confirmed:
            listed.append(one)
    return sorted(listed, key=lambda one: -one.doubt)


class _Clip:
    """Mended key points of all pairs as arrays."""

    def __init__(self, pairs: Sequence[PairRecord]) -> None:
        self.seconds = np.array([pair.time_s for pair in pairs])
        points = np.zeros((len(pairs), 17, 3))
        self.moved: Flags = np.zeros((len(pairs), 17), np.bool_)
        scales = np.full(len(pairs), np.nan)
        for number, pair in enumerate(pairs):
            self.moved[number, [int(key) for key in pair.edits.get("keypoints", {})]] = True
            if (keypoints := pair.mended()) is not None:
                points[number] = keypoints
                scales[number] = body_scale(keypoints)
        self.xy, self.scores = points[..., :2], points[..., 2]
        self.known: Flags = np.asarray(self.scores >= MIN_SCORE)
        self.somebody: Flags = np.asarray(self.known.any(axis=1))
        self.scale = _steady(scales)
        """Body height in pixels, `[pairs]`."""
        near = np.diff(self.seconds) <= NEIGHBOUR_SECONDS
        self.after_one: Flags = np.concatenate([[False], near])
        """Whether the pair before is a neighbour in time."""


def _steady(scales: Reals) -> Reals:
    """Running median of body heights, so that one wrong pose does not make a body large."""
    if np.isnan(scales).all():
        return np.ones_like(scales)
    filled = np.where(np.isnan(scales), np.nanmedian(scales), scales)
    reach = min(15, (len(filled) - 1) // 2)
    windows = sliding_window_view(np.pad(filled, reach, mode="edge"), 2 * reach + 1)
    return np.asarray(np.median(windows, axis=1))


def _uncertain(clip: _Clip) -> Reals:
    """Used, but the network hardly believes it; what it does not believe at all is not used."""
    doubt = (SURE - clip.scores) / (SURE - MIN_SCORE)
    return np.where(clip.known, doubt.clip(0, 1) * 0.5, 0.0)


def _lost(clip: _Clip) -> Reals:
    """Not found, though it was sure shortly before and shortly after."""
    sure = clip.scores >= SURE
    times = np.where(sure, clip.seconds[:, None], np.nan)
    before = np.fmax.accumulate(times, axis=0)
    after = np.fmin.accumulate(times[::-1], axis=0)[::-1]
    short = np.nan_to_num(after - before, nan=np.inf) < LOST_SECONDS
    return np.where(~clip.known & short & clip.somebody[:, None], 0.35, 0.0)


def _jumps(clip: _Clip) -> Reals:
    """How far a key point lies beside the line between those before and after it."""
    doubt = np.zeros(clip.scores.shape)
    if len(doubt) < 3:
        return doubt
    t, xy = clip.seconds, clip.xy
    span = np.maximum(t[2:] - t[:-2], 1e-6)
    share = ((t[1:-1] - t[:-2]) / span)[:, None, None]
    beside = xy[1:-1] - (xy[:-2] + (xy[2:] - xy[:-2]) * share)
    known = clip.known[:-2] & clip.known[1:-1] & clip.known[2:]
    known &= (clip.after_one[1:-1] & clip.after_one[2:])[:, None]
    with np.errstate(all="ignore"):
        # A camera that shakes moves all of them.
        counted = np.where(known[..., None], beside, np.nan)
        common = np.nan_to_num(_nanmedian(counted))
    off = np.linalg.norm(beside - common[:, None], axis=2) / clip.scale[1:-1, None]
    allowed = JUMP + ACCELERATION * (span[:, None] / 2) ** 2 / 2
    doubt[1:-1] = np.where(known, (off / allowed - 1).clip(0, 1) * 0.9, 0.0)
    return doubt


def _nanmedian(values: Reals) -> Reals:
    """Over the key points `[pairs, 17, 2]`; NaN where there is none."""
    some = ~np.isnan(values[..., 0]).all(axis=1)
    median = np.full((len(values), 2), np.nan)
    median[some] = np.nanmedian(values[some], axis=1)
    return median


def _too_long(clip: _Clip) -> Reals:
    """Perspective makes a bone look shorter, never longer: its longest is nearly its length."""
    doubt = np.zeros(clip.scores.shape)
    for left, right in ((0, 2), (1, 3), (4, 6), (5, 7)):
        lengths = {bone: _lengths(clip, *BONES[bone]) for bone in (left, right)}
        measured = np.concatenate([one[~np.isnan(one)] for one in lengths.values()])
        if len(measured) < LEAST_BONES:
            continue
        limit = TOO_LONG * np.quantile(measured, 0.9) + 0.02
        for bone, length in lengths.items():
            beyond = np.nan_to_num(length) / limit - 1
            found = np.where(beyond > 0, (0.5 + beyond).clip(0, 0.9), 0.0)
            doubt[:, BONES[bone][1]] = np.maximum(doubt[:, BONES[bone][1]], found)
    return doubt


def _lengths(clip: _Clip, near: int, far: int) -> Reals:
    """Of a bone in body heights, `[pairs]`; NaN where an end is not known."""
    length = np.linalg.norm(clip.xy[:, near] - clip.xy[:, far], axis=1) / clip.scale
    return np.where(clip.known[:, near] & clip.known[:, far], length, np.nan)


def _swapped(clip: _Clip) -> Reals:
    """Left and right changed places from one frame to the next, and most frames have it so not."""
    doubt = np.zeros(clip.scores.shape)
    for limbs in (_ARMS, _LEGS):
        changes = np.concatenate([[False], _changes_sides(clip, list(limbs))])
        other_way = np.cumsum(changes) % 2
        for number in np.flatnonzero(_minority(other_way, clip.seconds)):
            doubt[number, limbs] = 0.8 * clip.known[number, limbs]
    return doubt


def _changes_sides(clip: _Clip, limbs: list[int]) -> Flags:
    """`[pairs - 1]`: the next pair fits far better with left and right exchanged."""
    other = [_OTHER_SIDE[point] for point in limbs]
    known = clip.known[:, limbs] & clip.known[:, other]
    both = known[1:] & known[:-1]
    straight = np.linalg.norm(clip.xy[1:, limbs] - clip.xy[:-1, limbs], axis=2)
    crossed = np.linalg.norm(clip.xy[1:, other] - clip.xy[:-1, limbs], axis=2)
    counts = np.maximum(both.sum(axis=1), 1)
    stays, changes = (np.where(both, way, 0).sum(axis=1) / counts for way in (straight, crossed))
    far = stays > APART * clip.scale[1:]
    enough = both.sum(axis=1) >= 4
    return np.asarray(enough & far & (changes < 0.4 * stays) & clip.after_one[1:])


def _minority(way: NDArray[np.int64], seconds: Reals) -> Flags:
    """Who differs from most of those within `MAJORITY_SECONDS`."""
    total = np.concatenate([[0], np.cumsum(way)])
    first = np.searchsorted(seconds, seconds - MAJORITY_SECONDS)
    last = np.searchsorted(seconds, seconds + MAJORITY_SECONDS, side="right")
    share = (total[last] - total[first]) / (last - first)
    return np.asarray(np.where(way == 1, share < 0.5, share > 0.5))


def _another(clip: _Clip) -> Reals:
    """`[pairs]`: the whole body is elsewhere at once; it is not said which of two is the dancer."""
    doubt = np.zeros(len(clip.seconds))
    for number in np.flatnonzero(clip.after_one):
        both = clip.known[number] & clip.known[number - 1]
        if both.any():
            moved = np.linalg.norm(clip.xy[number, both] - clip.xy[number - 1, both], axis=1)
            if np.median(moved) > ANOTHER * min(clip.scale[number], clip.scale[number - 1]):
                doubt[[number - 1, number]] = 0.9
    return doubt


def _nobody(clip: _Clip) -> Reals:
    """`[pairs]`: somebody is there shortly before and after."""
    times = np.where(clip.somebody, clip.seconds, np.nan)
    before = np.fmax.accumulate(times)
    after = np.fmin.accumulate(times[::-1])[::-1]
    short = np.nan_to_num(after - before, nan=np.inf) < 2 * LOST_SECONDS
    return np.where(~clip.somebody & short, 0.7, 0.0)


def _doubt(index: int, number: int, found: dict[str, Reals], whole: dict[str, Reals]) -> Doubt:
    """Everything that was found against one pair."""
    weighted: list[tuple[float, str]] = []
    about: dict[int, float] = {}
    right = 1.0
    for said, doubts in found.items():
        points = np.flatnonzero(doubts[number] >= 0.2)
        worst = float(doubts[number].max())
        right *= float((1 - doubts[number]).prod()) if said == UNCERTAIN else 1 - worst
        if len(points):
            weighted.append((worst, _sentence(said, points.tolist())))
            for point in points.tolist():
                about[point] = max(about.get(point, 0.0), float(doubts[number, point]))
    for said, doubts in whole.items():
        right *= 1 - float(doubts[number])
        if doubts[number]:
            weighted.append((float(doubts[number]), f"{said}."))
    weighted.sort(key=lambda one: -one[0])
    reasons = tuple(text for _, text in weighted)
    worst_first = tuple(sorted(about, key=lambda point: -about[point]))
    return Doubt(index, round(1 - right, 3), reasons, worst_first)


def _sentence(said: str, points: list[int]) -> str:
    names = [KEYPOINT_NAMES[point].replace("_", " ") for point in points]
    listed = " and ".join([", ".join(names[:-1])] * (len(names) > 1) + names[-1:])
    sentence = said.format(listed) + "."
    if len(names) > 1:
        sentence = sentence.replace(" is ", " are ").replace("jumps", "jump")
    return sentence[0].upper() + sentence[1:]
