"""Labels of pictures whose people are known: everybody's key points, and a mask of somebody.

Whose a pixel of the mask is follows from the nearest limb. The teacher of parts is believed where
its joints agree with the known ones; elsewhere left, right and limb come from capsules around the
known limbs, and what these do not reach is not known.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Heads
from inference.arrays import Labels, Rgb
from inference.body import PART_NAMES
from inference.personlab import decode_people
from training.network.labelled import MAYBE, UNKNOWN, Labelled
from training.network.labelling import (
    Joints,
    agreeing,
    extent_of,
    from_teacher,
    scaled,
    shrunk,
    turned,
    upright_view,
)
from training.network.teacher import Teacher, part_labels, person_probability
from training.network.teachers import Teachers

STRANGER = 0.5
"""Probability from which somebody outside of the mask may be a bystander nobody marked."""

CAPSULE = 0.07
"""Half a limb's width, as a share of the person's extent."""

OWN = 0.35
"""Pixels further than this from every limb, as a share of the person's extent, are somebody's
whose key points are not known."""

LIMBS = (
    (5, 7, "left_upper_arm"), (7, 9, "left_lower_arm"),
    (6, 8, "right_upper_arm"), (8, 10, "right_lower_arm"),
    (11, 13, "left_upper_leg"), (13, 15, "left_lower_leg"),
    (12, 14, "right_upper_leg"), (14, 16, "right_lower_leg"),
)  # fmt: skip
"""Key points at the ends of each limb, and the beginning of its parts' names."""

_LINES = (*((first, second) for first, second, _ in LIMBS),
          (5, 6), (11, 12), (5, 11), (6, 12), (0, 5), (0, 6), (0, 1), (0, 2))  # fmt: skip


def from_known(
    rgb: Rgb, mask: Labels, drawn: Labels, keypoints: Joints, teacher: Teacher | None
) -> Labelled:
    """A picture with a mask and everybody's key points.

    Args:
        rgb: uint8 `[H, W, 3]`.
        mask: uint8 `[H, W]`: 0 nobody, 1 somebody, `UNKNOWN`.
        drawn: uint8 `[H, W]`: n where a human drew the outline of the n-th person, else 0.
        keypoints: `[people, 17, 3]`, third value 0 = not known.
        teacher: of parts; without one no parts are known.
    """
    small, _ = shrunk(rgb)
    size = (small.shape[1], small.shape[0])
    mask, drawn = (
        np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        for labels in (mask, drawn)
    )
    points = np.asarray([scaled(one, rgb.shape, small.shape) for one in keypoints], np.float32)
    points = points.reshape(-1, 17, 3)
    people = _owners(mask, drawn, points)
    parts = np.full_like(mask, UNKNOWN)
    if teacher is not None and ((mask == 1).any() or len(points)):
        probability, parts, joints = _seen(small, points, teacher)
        near = cv2.dilate((mask == 1).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
        people[(mask == 0) & (probability > STRANGER) & ~near] = UNKNOWN
        for number, one in enumerate(points):
            mine = people == number + 1
            if not _agrees(joints, one):
                parts[mine] = _from_capsules(parts, one)[mine]
    if (people == len(points) + 1).any():
        points = np.concatenate([points, np.zeros((1, 17, 3), np.float32)])
    return Labelled(small, people, parts, points)


def from_teachers(rgb: Rgb, teachers: Teachers) -> Labelled:
    """A picture that no human marked: only what the teachers are sure of and agree on.

    Where some know masks and others everybody's key points, both are taken; a key point where they
    see nobody makes its surroundings unknown. Without both it is the teacher of parts alone.
    """
    small, _ = shrunk(rgb)
    mask, points = teachers.mask(small), teachers.people(small)
    if mask is None or points is None:
        return from_teacher(rgb, teachers.parts)
    near = np.zeros(mask.shape, np.uint8)
    for one in points:
        lines = _without_limbs(mask.shape, one)
        away = cv2.distanceTransform(lines, cv2.DIST_L2, 3) if not lines.all() else None
        if away is not None:
            near |= (away < 2 * CAPSULE * extent_of(one)).astype(np.uint8)
    mask[(mask == 0) & (near > 0) & _lonely(mask, near)] = UNKNOWN
    return from_known(small, mask, np.zeros_like(mask), points, teachers.parts)


def _lonely(mask: Labels, near: Labels) -> NDArray[np.bool_]:
    """Whether a piece of `near` holds no pixel of the mask: there the teachers contradict."""
    count, pieces = cv2.connectedComponents(near)
    held = np.zeros(count, np.bool_)
    held[np.unique(pieces[mask == 1])] = True
    return np.asarray(~held[pieces])


def _seen(
    rgb: Rgb, points: Joints, teacher: Teacher
) -> tuple[NDArray[np.float32], Labels, list[Joints]]:
    """The teacher's word: probability of a person, parts, and the joints of everybody it sees.

    Somebody who is alone in the picture is turned upright for it.
    """
    alone = points[0] if len(points) == 1 else np.zeros((17, 3), np.float32)
    view, back = upright_view(rgb, alone)
    heads: Heads = teacher.heads(view)
    size = (rgb.shape[1], rgb.shape[0])
    probability = np.asarray(cv2.warpAffine(person_probability(heads), back, size), np.float32)
    parts = np.full(rgb.shape[:2], UNKNOWN, np.uint8)
    parts[:] = cv2.warpAffine(
        part_labels(heads), back, size, flags=cv2.INTER_NEAREST, borderValue=UNKNOWN
    )
    joints = [turned(person.keypoints, back) for person in decode_people(heads)]
    return probability, parts, joints


def _owners(mask: Labels, drawn: Labels, points: Joints) -> Labels:
    """Whose each pixel of the mask is, uint8: 0, n, one more than there are people for somebody
    whose key points are not known, `UNKNOWN`."""
    people = np.where(mask == UNKNOWN, UNKNOWN, 0).astype(np.uint8)
    points = points[: MAYBE - 2]
    away = np.full((len(points) + 1, *mask.shape), OWN, np.float32)
    for number, one in enumerate(points):
        away[number] = cv2.distanceTransform(_without_limbs(mask.shape, one), cv2.DIST_L2, 3)
        away[number] /= extent_of(one)
    nearest = (away.argmin(0) + 1).astype(np.uint8)
    people[mask == 1] = nearest[mask == 1]
    people[(drawn > 0) & (mask != 0)] = drawn[(drawn > 0) & (mask != 0)]
    return people


def _without_limbs(shape: tuple[int, ...], points: Joints) -> Labels:
    """1 everywhere but on the lines between somebody's known key points and on these."""
    canvas = np.ones(shape[:2], np.uint8)
    places = [(round(float(x)), round(float(y))) for x, y, _ in points]
    known = points[:, 2] > 0
    for number in np.flatnonzero(known):
        cv2.circle(canvas, places[number], 1, 0, -1)
    for first, second in _LINES:
        if known[first] and known[second]:
            cv2.line(canvas, places[first], places[second], 0, 1)
    return canvas


def _agrees(joints: list[Joints], points: Joints) -> bool:
    """Whether somebody whom the teacher sees has these joints, left and right included."""
    known = points[:, 2] > 0
    known[:5] = False
    return agreeing(joints, points, known) is not None


def _from_capsules(parts: Labels, points: Joints) -> Labels:
    """Parts by the known limbs: the teacher's front or back, the limb's side and kind."""
    result = np.full_like(parts, UNKNOWN)
    radius = max(1.5, CAPSULE * extent_of(points))
    nearest = np.full(parts.shape, radius, np.float32)
    for first, second, name in LIMBS:
        if points[first, 2] == 0 or points[second, 2] == 0:
            continue
        line = np.ones(parts.shape, np.uint8)
        ends = [(round(float(x)), round(float(y))) for x, y, _ in points[[first, second]]]
        cv2.line(line, ends[0], ends[1], 0, 1)
        away = cv2.distanceTransform(line, cv2.DIST_L2, 3)
        nearer = away < nearest
        # Where two limbs lie on each other nobody knows which is in front.
        result[(away < radius) & ~nearer] = UNKNOWN
        back = PART_NAMES.index(f"{name}_back") + 1
        result[nearer] = np.where(_is_back(parts), back, back - 1)[nearer]
        nearest = np.minimum(nearest, away)
    return result


def _is_back(parts: Labels) -> NDArray[np.bool_]:
    """Where the teacher sees the back of a limb or of the trunk."""
    back = [number + 1 for number, name in enumerate(PART_NAMES) if name.endswith("_back")]
    return np.isin(parts, back)
