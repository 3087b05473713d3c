"""How varied the poses seen so far are, and what is missing.

A model can only show poses it has seen. Each bin is one thing a body can do; it counts once it was
seen in several frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Keypoints, Labels
from inference.skeleton import MIN_SCORE, body_scale

HELD_FRAMES = 4
"""A bin counts after so many frames: one wrong frame is no pose."""

NAMED = 3
"""How many of the missing poses are named at once."""

BINS: dict[str, str] = {
    "facing front": "face the camera",
    "arms up up": "raise both arms",
    "facing left": "turn to one side",
    "facing right": "turn to the other side",
    "facing back": "turn your back to the camera",
    "arms up down": "raise your left arm",
    "arms down up": "raise your right arm",
    "arms out out": "stretch both arms out",
    "legs crouch": "crouch",
    "legs apart": "spread your legs",
    "legs left knee": "lift your left knee",
    "legs right knee": "lift your right knee",
    "arms out down": "stretch your left arm out",
    "arms down out": "stretch your right arm out",
    "place left": "step to the left of the picture",
    "place right": "step to the right of the picture",
    "lean left": "lean to one side",
    "lean right": "lean to the other side",
    "bent left": "bend your left elbow",
    "bent right": "bend your right elbow",
    "arms up out": "left arm up, right arm out",
    "arms out up": "right arm up, left arm out",
    "arms down down": "let your arms hang",
    "legs together": "stand with your legs together",
    "lean none": "stand upright",
    "place centre": "come to the middle of the picture",
}
"""Bin -> how to get there, the most useful first. `arms` names the left arm, then the right; left
and right of `facing`, `lean` and `place` are those of the picture, of limbs the body's own."""

_SIDES = {"left": "right", "right": "left"}
_FRONT, _BACK = 13, 14


class Coverage:
    """Bins of poses seen. Give it every frame; the order does not matter."""

    def __init__(self) -> None:
        self._frames = dict.fromkeys(BINS, 0)

    def add(self, keypoints: Keypoints, labels: Labels) -> bool:
        """Take a frame's raw key points and label map; True when a bin has just been filled."""
        new = False
        for name in pose_bins(keypoints, labels):
            self._frames[name] += 1
            new = new or self._frames[name] == HELD_FRAMES
        return new

    @property
    def fraction(self) -> float:
        """Share of the bins that are filled, 0..1."""
        return len(self.seen) / len(BINS)

    @property
    def seen(self) -> set[str]:
        """The bins that are filled."""
        return {name for name, frames in self._frames.items() if frames >= HELD_FRAMES}

    def missing(self) -> list[str]:
        """What to do next, the most useful first, a few at a time."""
        seen = self.seen
        return [advice for name, advice in BINS.items() if name not in seen][:NAMED]


def pose_bins(keypoints: Keypoints, labels: Labels) -> set[str]:
    """The bins one frame falls into; what cannot be seen falls into none."""
    points = keypoints[:, :2].astype(np.float64)
    seen = keypoints[:, 2] >= MIN_SCORE
    scale = body_scale(keypoints)
    found = {_facing(points, seen, labels, scale), _place(points, seen, labels.shape[1])}
    found |= {_lean(points, seen), *_legs(points, seen, scale), *_arms(points, seen)}
    return found & BINS.keys()


def mirrored(name: str) -> str:
    """The bin that a pose of bin `name` falls into when the picture is mirrored."""
    kind, *words = name.split()
    if kind == "arms":
        return " ".join([kind, *reversed(words)])
    return " ".join([kind, *(_SIDES.get(word, word) for word in words)])


def _facing(
    points: NDArray[np.float64], seen: NDArray[np.bool_], labels: Labels, scale: float
) -> str:
    if not seen[[5, 6]].all():
        return ""
    # Shoulders are 0.23 of the height apart when seen from the front.
    width = points[5, 0] - points[6, 0]
    if abs(width) < 0.09 * scale:
        middle = points[[5, 6], 0].mean()
        nose = points[0, 0] - middle
        if not seen[0] or abs(nose) < 0.02 * scale:
            return ""
        return "facing left" if nose < 0 else "facing right"
    sampled = labels[::4, ::4]
    front, back = np.count_nonzero(sampled == _FRONT), np.count_nonzero(sampled == _BACK)
    if width > 0 and front >= back:
        return "facing front"
    return "facing back" if width < 0 and back >= front else ""


def _place(points: NDArray[np.float64], seen: NDArray[np.bool_], width: int) -> str:
    body = seen[[5, 6, 11, 12]]
    if not body.any():
        return ""
    share = points[[5, 6, 11, 12], 0][body].mean() / width
    return "place left" if share < 0.4 else "place right" if share > 0.6 else "place centre"


def _lean(points: NDArray[np.float64], seen: NDArray[np.bool_]) -> str:
    if not seen[[5, 6, 11, 12]].all():
        return ""
    x, y = points[[5, 6]].mean(axis=0) - points[[11, 12]].mean(axis=0)
    degrees = float(np.degrees(np.arctan2(x, -y)))
    if abs(degrees) < 12:
        return "lean none"
    return "lean left" if degrees < 0 else "lean right"


def _arms(points: NDArray[np.float64], seen: NDArray[np.bool_]) -> set[str]:
    found: set[str] = set()
    states = []
    for side, (shoulder, elbow, wrist) in (("left", (5, 7, 9)), ("right", (6, 8, 10))):
        if not seen[[shoulder, elbow, wrist]].all():
            states.append("")
            continue
        degrees = _from_down(points[wrist] - points[shoulder])
        states.append("down" if degrees < 50 else "out" if degrees < 120 else "up")
        upper, lower = points[shoulder] - points[elbow], points[wrist] - points[elbow]
        if _between(upper, lower) < 80:
            found.add(f"bent {side}")
    return found | {f"arms {' '.join(states)}"}


def _legs(points: NDArray[np.float64], seen: NDArray[np.bool_], scale: float) -> set[str]:
    if not seen[11:15].all():
        return set()
    found: set[str] = set()
    thighs = [_from_down(points[13] - points[11]), _from_down(points[14] - points[12])]
    if seen[[15, 16]].all():
        hips, ankles = points[[11, 12], 1].mean(), points[[15, 16], 1].mean()
        if ankles - hips < 0.36 * scale:  # Hips are 0.49 of the height above the ankles.
            return {"legs crouch"}
        apart = abs(points[15, 0] - points[16, 0]) > 0.25 * scale
        found.add("legs apart" if apart else "legs together")
    lifted = points[13, 1] - points[14, 1]
    if abs(lifted) > 0.08 * scale and max(thighs) > 35:
        found = {"legs left knee" if lifted < 0 else "legs right knee"}
    return found


def _from_down(vector: NDArray[np.float64]) -> float:
    """Degrees between a limb and straight down, 0..180."""
    return _between(vector, np.array([0.0, 1.0]))


def _between(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(first @ second / max(lengths, 1e-9), -1, 1))))
