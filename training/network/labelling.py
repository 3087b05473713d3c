"""From a picture and what humans marked in it to a `Labelled`: teachers fill in the rest.

A teacher's label is dropped where it contradicts a human's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Heads
from inference.arrays import Labels, Rgb
from inference.personlab import decode_people
from inference.segmentation import label_map
from training.network.labelled import MAYBE, UNKNOWN, Labelled
from training.network.teacher import Teacher, part_labels, person_probability

LONGEST_SIDE = 576
"""Labelled pictures are no larger: training crops are smaller."""

TRUSTED = 0.4
"""Key points that the teacher scores less are not known."""

SURELY, SURELY_NOT = 0.85, 0.15
"""Probabilities beyond which a teacher's word on "person" is taken where no human marked any."""

STRANGER = 0.3
"""Probability from which somebody outside of a human's mask may be a bystander."""

AGREEMENT = 0.2
"""A teacher's key point agrees with a human's within this share of half the extent of the joints
(PCK@0.2)."""

NEAR = 0.2
"""A person reaches no further from the lines between their joints, as a share of their extent."""

Joints = NDArray[np.float32]


def shrunk(rgb: Rgb, longest: int = LONGEST_SIDE) -> tuple[Rgb, float]:
    """The picture with its longer side at most `longest`, and the factor."""
    factor = min(1.0, longest / max(rgb.shape[:2]))
    if factor == 1.0:
        return rgb, factor
    size = (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8), factor


def from_mask(
    rgb: Rgb, mask: Labels, teacher: Teacher, everybody: Joints | None = None
) -> Labelled:
    """A picture of one person with a human mask (0, 1, `UNKNOWN`).

    The teacher gives parts, and key points where no better teacher has found `everybody` (`[n, 17,
    3]`, third value 1 where known). Others whom it sees outside of the mask are unknown.
    """
    small, _ = shrunk(rgb)
    size = (small.shape[1], small.shape[0])
    mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    heads = teacher.heads(rgb if max(rgb.shape[:2]) < 1000 else small)
    others = cv2.resize(person_probability(heads), size) > STRANGER
    near = cv2.dilate((mask == 1).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    people = mask.copy()
    people[mask == UNKNOWN] = MAYBE
    people[(mask == 0) & others & ~near] = UNKNOWN
    parts = cv2.resize(part_labels(heads), size, interpolation=cv2.INTER_NEAREST)
    keypoints = np.zeros((1, 17, 3), np.float32)
    seen = [person.keypoints for person in decode_people(heads)]
    seen = seen if everybody is None else list(everybody)
    if (points := _person_in(seen, mask, rgb.shape)) is not None:
        keypoints[0] = scaled(points, rgb.shape, small.shape)
        keypoints[0, :, 2] = (keypoints[0, :, 2] >= TRUSTED) & _inside(keypoints[0], mask)
    return Labelled(small, people, np.asarray(parts, np.uint8), keypoints)


def from_teacher(rgb: Rgb, teacher: Teacher) -> Labelled:
    """A picture that no human marked: only what the teacher is sure of."""
    small, _ = shrunk(rgb)
    return _sure(small, teacher.heads(small))


def from_heads(rgb: Rgb, heads: Heads) -> Labelled:
    """A pair of a dataset with the raw heads that were kept beside it."""
    item = _sure(rgb, heads)
    small, _ = shrunk(rgb)
    size = (small.shape[1], small.shape[0])
    people, parts = (
        np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        for labels in (item.people, item.parts)
    )
    keypoints = np.stack([scaled(one, rgb.shape, small.shape) for one in item.keypoints])
    return Labelled(small, people, parts, keypoints)


def from_people(rgb: Rgb, people: Labels, keypoints: Joints, teacher: Teacher) -> Labelled:
    """A picture whose people humans marked: `people` uint8 `[H, W]` (0, n-th person, `UNKNOWN`),
    `keypoints` `[n, 17, 3]` (third value 0 = not marked). The teacher gives the parts."""
    small, _ = shrunk(rgb)
    size = (small.shape[1], small.shape[0])
    people = np.asarray(cv2.resize(people, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    parts = part_labels(teacher.heads(small))
    points = [scaled(one, rgb.shape, small.shape) for one in keypoints]
    return Labelled(small, people, parts, np.asarray(points, np.float32).reshape(-1, 17, 3))


def _sure(rgb: Rgb, heads: Heads) -> Labelled:
    probability = person_probability(heads)
    people = np.full(probability.shape, UNKNOWN, np.uint8)
    people[probability < SURELY_NOT] = 0
    decoded = decode_people(heads)[: MAYBE - 1]
    keypoints = np.zeros((len(decoded), 17, 3), np.float32)
    for number, person in enumerate(decoded):
        mine = label_map(heads, decoded, number, 0.5) > 0
        people[mine & (probability > SURELY)] = number + 1
        keypoints[number] = person.keypoints
        keypoints[number, :, 2] = person.keypoints[:, 2] >= TRUSTED
    return Labelled(rgb, people, part_labels(heads), keypoints)


def from_joints(rgb: Rgb, joints: Joints, teacher: Teacher, mask: Labels | None = None) -> Labelled:
    """A picture with a person's joints marked by hand, `[17, 3]` (third value 0 = not marked).

    The teacher looks at the picture turned so that the person is upright. Near the limbs its mask
    is taken where it is sure; its parts and its key points of the face are when its joints agree
    with the marks. A `mask` of better teachers (`[H, W]`: 0, 1, `UNKNOWN`) is taken near the limbs
    before its own.
    """
    small, factor = shrunk(rgb)
    joints = joints.copy()
    joints[:, :2] = (joints[:, :2] + 0.5) * factor - 0.5
    known = joints[:, 2] > 0
    view, back = upright_view(small, joints)
    heads = teacher.heads(view)
    seen = [turned(person.keypoints, back) for person in decode_people(heads)]
    decoded = agreeing(seen, joints, known)
    size = (small.shape[1], small.shape[0])
    probability = cv2.warpAffine(person_probability(heads), back, size)
    keypoints = joints.copy()
    keypoints[:, 2] = known
    parts = np.full(small.shape[:2], UNKNOWN, np.uint8)
    if decoded is not None:
        parts[:] = cv2.warpAffine(part_labels(heads), back, size, flags=cv2.INTER_NEAREST)
        face = decoded[:5]
        keypoints[:5] = face
        keypoints[:5, 2] = face[:, 2] >= TRUSTED
    reach = extent_of(joints)
    limbs = _limbs(small.shape, joints, reach)
    away = cv2.distanceTransform((limbs == 0).astype(np.uint8), cv2.DIST_L2, 3) / reach
    people = np.full(small.shape[:2], MAYBE, np.uint8)
    people[(limbs > 0) | ((probability > SURELY) & (away < NEAR))] = 1
    people[(probability < SURELY_NOT) & (away > NEAR)] = 0
    people[(probability >= SURELY_NOT) & (away > NEAR)] = UNKNOWN
    if mask is not None:
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        people[(mask == 1) & (away < NEAR)] = 1
        people[(mask == 0) & (limbs == 0) & (people == MAYBE)] = 0
    return Labelled(small, people, parts, keypoints[None])


def scaled(keypoints: Joints, old: tuple[int, ...], new: tuple[int, ...]) -> Joints:
    """Key points of a picture of one shape (H, W, ...) in the same picture of another."""
    result = keypoints.copy()
    result[:, 0] = (keypoints[:, 0] + 0.5) * new[1] / old[1] - 0.5
    result[:, 1] = (keypoints[:, 1] + 0.5) * new[0] / old[0] - 0.5
    return result


def _inside(keypoints: Joints, mask: Labels) -> NDArray[np.bool_]:
    """Which key points lie on the person or a little beside it."""
    near = cv2.dilate((mask != 0).astype(np.uint8), np.ones((9, 9), np.uint8))
    at = np.rint(keypoints[:, :2]).astype(int)
    rows = at[:, 1].clip(0, mask.shape[0] - 1)
    columns = at[:, 0].clip(0, mask.shape[1] - 1)
    return np.asarray(near[rows, columns] > 0)


def _person_in(people: Sequence[Joints], mask: Labels, shape: tuple[int, ...]) -> Joints | None:
    """The key points of whoever has most of them in the mask."""
    best, share = None, 0.6
    for points in people:
        seen = points[points[:, 2] >= TRUSTED]
        if len(seen) >= 3:
            hit = float(_inside(scaled(seen, shape, mask.shape), mask).mean())
            if hit > share:
                best, share = points, hit
    return best


def upright_view(rgb: Rgb, joints: Joints) -> tuple[Rgb, NDArray[np.float64]]:
    """The picture turned until the neck is above the hips, and the 2x3 matrix back from there."""
    turn = _upright(joints, rgb.shape)
    height, width = _turned_size(turn, rgb.shape)
    view = cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8), np.asarray(cv2.invertAffineTransform(turn), np.float64)


def _upright(joints: Joints, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """2x3 matrix that turns the picture until the neck is above the hips."""
    neck, hips = joints[[5, 6]], joints[[11, 12]]
    if (neck[:, 2] == 0).any() or (hips[:, 2] == 0).any():
        return np.array([[1.0, 0, 0], [0, 1, 0]])
    up = neck[:, :2].mean(0) - hips[:, :2].mean(0)
    degrees = math.degrees(math.atan2(-up[1], up[0])) - 90
    if abs(degrees) < 20:
        degrees = 0.0
    height, width = shape[:2]
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0), np.float64)
    turned_height, turned_width = _turned_size(turn, shape)
    turn[0, 2] += (turned_width - width) / 2
    turn[1, 2] += (turned_height - height) / 2
    return turn


def _turned_size(turn: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, int]:
    height, width = shape[:2]
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    return math.ceil(width * sin + height * cos), math.ceil(width * cos + height * sin)


def turned(points: Joints, turn: NDArray[np.float64]) -> Joints:
    """Key points moved by a 2x3 matrix."""
    result = points.copy()
    result[:, :2] = points[:, :2] @ turn[:, :2].T + turn[:, 2]
    return np.asarray(result, np.float32)


def extent_of(joints: Joints) -> float:
    """The longer side of the box around the joints that are marked, pixels; at least 1."""
    marked = joints[joints[:, 2] > 0, :2]
    return max(float(np.ptp(marked, axis=0).max()), 1.0) if len(marked) else 1.0


def agreeing(seen: Sequence[Joints], joints: Joints, known: NDArray[np.bool_]) -> Joints | None:
    """Of several people's key points, those that are where the `known` ones are, most of them."""
    best, share = None, 0.5
    for points in seen:
        away = np.linalg.norm(points[:, :2] - joints[:, :2], axis=1)
        hits = (away[known] <= AGREEMENT * extent_of(joints) / 2) if known.any() else np.zeros(1)
        if float(hits.mean()) > share:
            best, share = points, float(hits.mean())
    return best


def _limbs(shape: tuple[int, ...], joints: Joints, reach: float) -> Labels:
    """1 where a limb or the torso surely is: thin lines between the joints."""
    canvas = np.zeros(shape[:2], np.uint8)
    places = [(round(float(x)), round(float(y))) for x, y, _ in joints]
    seen = joints[:, 2] > 0
    width = max(1, round(0.025 * reach))
    for first, second in ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16)):
        if seen[first] and seen[second]:
            cv2.line(canvas, places[first], places[second], 1, width)
    if seen[[5, 6, 11, 12]].all():
        torso = np.array([places[number] for number in (5, 6, 12, 11)], np.int32)
        cv2.fillConvexPoly(canvas, cv2.convexHull(torso), 1)
    return canvas
