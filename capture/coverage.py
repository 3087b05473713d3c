"""How varied the poses seen so far are, and what is missing.

A model can only show poses it has seen. Each bin is one thing a body can do; it counts once it was
seen in several frames. Between neighbouring bins lies a gap that belongs to neither, so that a body
at the border does not fill both by trembling.
"""

from __future__ import annotations

import math

import numpy as np

from inference.arrays import Keypoints, Labels
from inference.body import FACE_LABELS
from inference.skeleton import body_scale

HELD_FRAMES = 4
"""A bin counts after so many frames: one wrong frame is no pose."""

ENOUGH_FRAMES = 30
"""So many, about a second, show something well enough to make a double of it."""

CONFIDENT = 0.5
"""Key points that score less say nothing about the pose."""

NAMED = 3
"""How many of the missing poses are named at once."""

BINS: dict[str, str] = {
    "facing front": "face the camera",
    "arms up up": "raise both arms",
    "facing left": "turn to your right",
    "facing right": "turn to your left",
    "facing back": "turn your back to the camera",
    "arms up any": "raise your left arm only",
    "arms any up": "raise your right arm only",
    "arms out out": "stretch both arms out",
    "legs crouch": "crouch",
    "legs apart": "spread your legs",
    "legs up any": "lift your left knee",
    "legs any up": "lift your right knee",
    "arms out any": "stretch your left arm out",
    "arms any out": "stretch your right arm out",
    "place left": "step to your right",
    "place right": "step to your left",
    "lean left": "lean to your right",
    "lean right": "lean to your left",
    "bent left": "bend your left elbow",
    "bent right": "bend your right elbow",
    "arms down down": "let your arms hang",
    "legs together": "stand with your legs together",
    "lean none": "stand upright",
    "place centre": "come to the middle of the picture",
    "face near": "come near, so that head and shoulders fill the picture",
}
"""Bin -> how to get there, the most useful first. `arms` and `legs` name the left limb, then the
right, `bent` the body's own side; `any` is a limb that does less than the other. Left and right of
`facing`, `lean` and `place` are those of the picture; the advice is for somebody who faces it."""

NEAR_FACE = 90
"""Pixels from chin to crown from which a face shows what it looks like."""

_SIDES = {"left": "right", "right": "left"}
_HEIGHTS = ["down", "bent", "out", "up"]
_FRONT, _BACK = 13, 14  # class ids of the two sides of the torso

_Point = tuple[float, float]


class Coverage:
    """Bins of poses seen. Give it every frame; the order does not matter."""

    def __init__(self) -> None:
        self._frames = dict.fromkeys(BINS, 0)

    def add(self, keypoints: Keypoints | None, labels: Labels) -> bool:
        """Take a frame's raw key points and label map; True when a bin has just been filled."""
        if keypoints is None:
            return False
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

    @property
    def enough(self) -> set[str]:
        """The bins that were seen for about a second."""
        return {name for name, frames in self._frames.items() if frames >= ENOUGH_FRAMES}

    @property
    def frames(self) -> dict[str, int]:
        """In how many frames each bin was seen."""
        return dict(self._frames)

    def missing(self) -> list[str]:
        """What to do next, the most useful first, a few at a time."""
        seen = self.seen
        return [advice for name, advice in BINS.items() if name not in seen][:NAMED]


def pose_bins(keypoints: Keypoints, labels: Labels) -> set[str]:
    """The bins one frame falls into; what cannot be seen falls into none."""
    scale = body_scale(keypoints)
    points = {
        number: (x, y)
        for number, (x, y, score) in enumerate(keypoints.tolist())
        if score >= CONFIDENT
    }
    found = {_facing(points, labels, scale), _place(points, labels.shape[1]), _lean(points)}
    if 0 in points and face_height(labels) >= NEAR_FACE:
        found.add("face near")
    return (found | {_legs(points, scale)} | _arms(points, scale)) & BINS.keys()


def face_height(labels: Labels) -> int:
    """Of the dancer's head in a label map, to the next 4 pixels; the back of a head has it too."""
    few = labels[::4]
    rows = np.flatnonzero(((few >= FACE_LABELS[0]) & (few <= FACE_LABELS[1])).any(axis=1))
    return int(rows[-1] - rows[0] + 1) * 4 if len(rows) else 0


def mirrored(name: str) -> str:
    """The bin that a pose of bin `name` falls into when the picture is mirrored."""
    kind, *words = name.split()
    if len(words) == 2:
        return " ".join([kind, *reversed(words)])
    return " ".join([kind, *(_SIDES.get(word, word) for word in words)])


def _facing(points: dict[int, _Point], labels: Labels, scale: float) -> str:
    if not {5, 6} <= points.keys():
        return ""
    (left, left_y), (right, right_y) = points[5], points[6]
    # From the front, shoulders measure 0.13 to 0.19 of `body_scale` on the clips, in profile < 0.1.
    width = (left - right) / scale
    if abs(width) < 0.09:
        nose = (points[0][0] - (left + right) / 2) / scale if 0 in points else 0.0
        return "facing left" if nose < -0.04 else "facing right" if nose > 0.04 else ""
    front, back = _torso_sides(labels, sorted((left, right)), (left_y + right_y) / 2)
    # Networks swap left and right on backs: only what both shoulders and torso say is believed.
    if width > 0.105 and front > 3 * back:
        return "facing front"
    return "facing back" if width < -0.105 and back > 3 * front else ""


def _torso_sides(labels: Labels, across: list[float], top: float) -> tuple[int, int]:
    """Samples that show the torso's front and its back, in a square below the shoulders."""
    height, width = labels.shape
    left, right = (min(max(round(x), 0), width) for x in across)
    first = min(max(round(top), 0), height)
    step = max((right - left) // 16, 1)
    square = labels[first : first + right - left : step, left:right:step]
    return int(np.count_nonzero(square == _FRONT)), int(np.count_nonzero(square == _BACK))


def _place(points: dict[int, _Point], width: int) -> str:
    body = [points[number][0] for number in (5, 6, 11, 12) if number in points]
    if not body:
        return ""
    share = (sum(body) / len(body) + 0.5) / width
    if abs(share - 0.5) < 0.08:
        return "place centre"
    return "place left" if share < 0.36 else "place right" if share > 0.64 else ""


def _lean(points: dict[int, _Point]) -> str:
    if not {5, 6, 11, 12} <= points.keys():
        return ""
    x = points[5][0] + points[6][0] - points[11][0] - points[12][0]
    y = points[5][1] + points[6][1] - points[11][1] - points[12][1]
    degrees = math.degrees(math.atan2(x, -y))
    if abs(degrees) < 9:
        return "lean none"
    if abs(degrees) > 90:  # Upside down.
        return ""
    return "lean left" if degrees < -14 else "lean right" if degrees > 14 else ""


def _arms(points: dict[int, _Point], scale: float) -> set[str]:
    states = _arm(points, (5, 7, 9), scale), _arm(points, (6, 8, 10), scale)
    found = {f"bent {side}" for side, state in zip(_SIDES, states, strict=True) if state == "bent"}
    if not all(states):
        return found
    highest = max(states, key=_HEIGHTS.index)
    left, right = (state if state == highest else "any" for state in states)
    return found | {f"arms {left} {right}"}


def _arm(points: dict[int, _Point], arm: tuple[int, int, int], scale: float) -> str:
    if not points.keys() >= set(arm):
        return ""
    shoulder, elbow, wrist = (points[number] for number in arm)
    upper, lower, reach = _minus(shoulder, elbow), _minus(wrist, elbow), _minus(wrist, shoulder)
    # An arm that points at the camera has no direction.
    if min(math.hypot(*upper), math.hypot(*lower)) < 0.03 * scale:
        return ""
    if _between(upper, lower) < 75:
        return "bent"
    if math.hypot(*reach) < 0.13 * scale:
        return ""
    degrees = _between(reach, (0.0, 1.0))
    if degrees < 45:
        return "down"
    return "out" if 55 < degrees < 110 else "up" if degrees > 122 else ""


def _legs(points: dict[int, _Point], scale: float) -> str:
    if not {11, 12, 15, 16} <= points.keys():
        return ""
    left, right = points[15], points[16]
    hips = (points[11][1] + points[12][1]) / 2
    # Hips stand 0.36 to 0.48 of `body_scale` above the lower ankle on the clips.
    if max(left[1], right[1]) - hips < 0.3 * scale:
        return "legs crouch"
    lifted = (right[1] - left[1]) / scale
    if abs(lifted) > 0.1:
        return "" if abs(lifted) < 0.13 else "legs up any" if lifted > 0 else "legs any up"
    apart = abs(left[0] - right[0]) / scale
    return "legs apart" if apart > 0.25 else "legs together" if apart < 0.19 else ""


def _minus(first: _Point, second: _Point) -> _Point:
    return first[0] - second[0], first[1] - second[1]


def _between(first: _Point, second: _Point) -> float:
    """Degrees between two directions, 0..180."""
    cross = first[0] * second[1] - first[1] * second[0]
    dot = first[0] * second[0] + first[1] * second[1]
    return math.degrees(math.atan2(abs(cross), dot))
