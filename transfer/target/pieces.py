"""A body as rigid pieces: which parts make them up, between which joints they lie, what a pose says
of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels
from inference.body import MIRROR_KEYPOINTS
from inference.skeleton import body_scale

Reals = NDArray[np.float32]


class Piece(IntEnum):
    """What moves as one."""

    HEAD = 0
    TRUNK = 1
    LEFT_UPPER_ARM = 2
    RIGHT_UPPER_ARM = 3
    LEFT_FOREARM = 4
    RIGHT_FOREARM = 5
    LEFT_HAND = 6
    RIGHT_HAND = 7
    LEFT_THIGH = 8
    RIGHT_THIGH = 9
    LEFT_SHIN = 10
    RIGHT_SHIN = 11
    LEFT_FOOT = 12
    RIGHT_FOOT = 13


COUNT = len(Piece)
LIMBS = {
    (5, 7, 9): (Piece.LEFT_UPPER_ARM, Piece.LEFT_FOREARM, Piece.LEFT_HAND),
    (6, 8, 10): (Piece.RIGHT_UPPER_ARM, Piece.RIGHT_FOREARM, Piece.RIGHT_HAND),
    (11, 13, 15): (Piece.LEFT_THIGH, Piece.LEFT_SHIN, Piece.LEFT_FOOT),
    (12, 14, 16): (Piece.RIGHT_THIGH, Piece.RIGHT_SHIN, Piece.RIGHT_FOOT),
}
"""Key points from the trunk out, and the pieces between and beyond them."""
LABELS: tuple[tuple[int, ...], ...] = (
    (1, 2), (13, 14), (3, 4), (5, 6), (7, 8), (9, 10), (11,), (12,),
    (15, 16), (17, 18), (19, 20), (21, 22), (23,), (24,),
)  # fmt: skip
"""Class ids of each piece: front and back, of the head left and right."""
BONES: dict[Piece, tuple[int, int]] = {
    Piece.LEFT_UPPER_ARM: (5, 7), Piece.RIGHT_UPPER_ARM: (6, 8),
    Piece.LEFT_FOREARM: (7, 9), Piece.RIGHT_FOREARM: (8, 10),
    Piece.LEFT_THIGH: (11, 13), Piece.RIGHT_THIGH: (12, 14),
    Piece.LEFT_SHIN: (13, 15), Piece.RIGHT_SHIN: (14, 16),
}  # fmt: skip
"""Key points of both ends of a limb, the one nearer to the trunk first."""
ENDS: dict[Piece, Piece] = {
    Piece.LEFT_HAND: Piece.LEFT_FOREARM, Piece.RIGHT_HAND: Piece.RIGHT_FOREARM,
    Piece.LEFT_FOOT: Piece.LEFT_SHIN, Piece.RIGHT_FOOT: Piece.RIGHT_SHIN,
}  # fmt: skip
"""Hands and feet: the limb that each ends."""
PARENT: dict[Piece, Piece] = {
    Piece.HEAD: Piece.TRUNK,
    Piece.LEFT_UPPER_ARM: Piece.TRUNK, Piece.RIGHT_UPPER_ARM: Piece.TRUNK,
    Piece.LEFT_FOREARM: Piece.LEFT_UPPER_ARM, Piece.RIGHT_FOREARM: Piece.RIGHT_UPPER_ARM,
    Piece.LEFT_THIGH: Piece.TRUNK, Piece.RIGHT_THIGH: Piece.TRUNK,
    Piece.LEFT_SHIN: Piece.LEFT_THIGH, Piece.RIGHT_SHIN: Piece.RIGHT_THIGH,
    **ENDS,
}  # fmt: skip
"""In an order in which parents come before their children."""
ORDER: tuple[Piece, ...] = (Piece.TRUNK, *PARENT)
USUAL_LENGTH: dict[Piece, float] = {
    piece: length
    for pair, length in (((2, 3), 0.18), ((4, 5), 0.16), ((8, 9), 0.24), ((10, 11), 0.25))
    for piece in map(Piece, pair)
}
"""Of limbs, in body heights (after Winter, as in `inference.skeleton`)."""
END_LENGTH = 0.05
"""So long counts the direction of a hand or a foot, in body heights."""
LEAST_AREA, LEAST_REACH = 1e-4, 0.012
"""A hand or foot has a direction of its own from so many squared body heights on, its centre so far
from the joint."""

OUTLINE = 3
"""Pixels around a piece that are looked at."""
NO_PIECE = 255
PIECE_OF_LABEL: NDArray[np.uint8] = np.full(256, NO_PIECE, np.uint8)
_FRONT = np.zeros(256, np.float32)
for _piece, _labels in enumerate(LABELS):
    for _which, _label in enumerate(_labels):
        PIECE_OF_LABEL[_label] = _piece
        if len(_labels) > 1:
            _FRONT[_label] = 1 - 2 * _which
MIRROR_PIECES: tuple[int, ...] = (0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12)


def mask_of(labels: Labels, label: int) -> NDArray[np.uint8]:
    """255 where a map has a label, else 0."""
    return np.asarray(cv2.inRange(labels, label, label), np.uint8)


def neighbours(piece: Piece) -> set[Piece]:
    """Pieces that hang together with one; both thighs do."""
    near = {other for other in Piece if PARENT.get(other) == piece or PARENT.get(piece) == other}
    if piece in (Piece.LEFT_THIGH, Piece.RIGHT_THIGH):
        near |= {Piece.LEFT_THIGH, Piece.RIGHT_THIGH} - {piece}
    return near


def joint(piece: Piece, other: Piece) -> tuple[int, ...]:
    """Key points in whose middle two pieces hang together; none: anywhere (the neck)."""
    child = piece if PARENT.get(piece) == other else other
    if child == Piece.HEAD:
        return ()
    if {piece, other} == {Piece.LEFT_THIGH, Piece.RIGHT_THIGH}:
        return (11, 12)
    return (BONES[ENDS[child]][1] if child in ENDS else BONES[child][0],)


def standing_alone(labels: Labels) -> Reals:
    """Share of each piece's outline, `[14]`, that lies before the background or before a piece that
    it hangs together with: of a hand before the chest, something of the chest would come along."""
    pieces = np.asarray(cv2.LUT(labels, PIECE_OF_LABEL), np.uint8)
    alone = np.ones(COUNT, np.float32)
    for piece in Piece:
        mask = mask_of(pieces, piece)
        x, y, width, height = cv2.boundingRect(mask)
        if not width:
            continue
        box = np.s_[
            max(0, y - OUTLINE) : y + height + OUTLINE, max(0, x - OUTLINE) : x + width + OUTLINE
        ]
        side = 2 * OUTLINE + 1
        ring = cv2.dilate(mask[box], np.ones((side, side), np.uint8)) - mask[box]
        around = np.bincount(pieces[box][ring > 0], minlength=256)
        foreign = set(Piece) - neighbours(piece) - {piece}
        alone[piece] = 1 - around[list(foreign)].sum() / max(1, around.sum())
    return alone


def _middle(mask: NDArray[np.uint8]) -> Reals:
    """Centre of a mask that is not empty, pixels: x, y."""
    x, y, width, height = cv2.boundingRect(mask)
    there = cv2.moments(np.ascontiguousarray(mask[y : y + height, x : x + width]), True)
    return np.array([there["m10"], there["m01"]], np.float32) / there["m00"] + (x, y)


@dataclass(frozen=True, slots=True)
class BodyPose:
    """A pose and what its label map says of the pieces, in pixels of a picture."""

    keypoints: Keypoints
    scale: float
    """The body's height, by `body_scale`, pixels."""
    area: Reals
    """`[14]`, as a share of `scale` squared; 0: the piece is not seen."""
    front: Reals
    """`[14]`, from -1, all back, to 1, all front; of the head: right and left."""
    centroid: Reals
    """`[14, 2]` of hands and feet."""

    @classmethod
    def of(
        cls, keypoints: Keypoints, labels: Labels, x: float = 0, y: float = 0, step: float = 1
    ) -> BodyPose:
        """`labels`: the picture's label map, or of a box of it.

        `x`, `y`: where in the picture the first pixel of `labels` lies; `step`: pixels of the
        picture from one of its pixels to the next.
        """
        scale = body_scale(keypoints)
        counts = np.bincount(labels.ravel(), minlength=256).astype(np.float32)
        area, front = np.zeros(COUNT, np.float32), np.zeros(COUNT, np.float32)
        centroid = np.zeros((COUNT, 2), np.float32)
        for piece, own in enumerate(LABELS):
            ids = list(own)
            if not (count := float(counts[ids].sum())):
                continue
            area[piece] = count * step * step / scale**2
            front[piece] = float((counts[ids] * _FRONT[ids]).sum()) / count
            if piece in ENDS:
                centroid[piece] = _middle(mask_of(labels, own[0])) * step + (x, y)
        return cls(keypoints, scale, area, front, centroid)

    def at(self, keypoints: Keypoints) -> BodyPose:
        """The same pieces where other key points have them; hands and feet go with their joints."""
        scale = body_scale(keypoints)
        centroid = self.centroid.copy()
        for piece in ENDS:
            joint = BONES[ENDS[piece]][1]
            centroid[piece] += keypoints[joint, :2] - self.keypoints[joint, :2]
        area = self.area * np.float32((self.scale / scale) ** 2)
        return BodyPose(keypoints, scale, area, self.front, centroid)

    def mirrored(self, width: int) -> BodyPose:
        """The same in the mirrored picture, which is `width` pixels wide."""
        swapped = list(MIRROR_PIECES)
        keypoints = self.keypoints[list(MIRROR_KEYPOINTS)].copy()
        keypoints[:, 0] = width - 1 - keypoints[:, 0]
        centroid = self.centroid[swapped].copy()
        centroid[:, 0] = width - 1 - centroid[:, 0]
        front = self.front[swapped].copy()
        front[Piece.HEAD] *= -1
        return BodyPose(keypoints, self.scale, self.area[swapped], front, centroid)

    def end_direction(self, piece: Piece) -> Reals | None:
        """Of a hand or foot, from its joint, `[2]` pixels; None where it has none of its own."""
        joint = self.keypoints[BONES[ENDS[piece]][1], :2]
        away = self.centroid[piece] - joint
        if self.area[piece] < LEAST_AREA or np.hypot(*away) < LEAST_REACH * self.scale:
            return None
        return np.asarray(away, np.float32)


@dataclass(frozen=True, slots=True)
class Features:
    """What poses are compared by; lengths in body heights. Each with a leading axis of poses."""

    bone: Reals
    """`[N, 14, 2]` along each piece."""
    sure: Reals
    """`[N, 14]`, scores of the key points behind it."""
    face: Reals
    """`[N, 5, 2]` from the neck."""
    face_sure: Reals
    """`[N, 5]`."""
    width: Reals
    """`[N, 2]` of shoulders and hips, signed: negative seen from behind."""
    area: Reals
    """`[N, 14]`."""
    front: Reals
    """`[N, 14]`."""

    @classmethod
    def of(cls, poses: list[BodyPose]) -> Features:
        """Of one or more poses."""
        points = np.stack([pose.keypoints for pose in poses])
        scale = np.array([pose.scale for pose in poses], np.float32)
        xy, score = points[..., :2] / scale[:, None, None], points[..., 2]
        neck, pelvis = xy[:, [5, 6]].mean(1), xy[:, [11, 12]].mean(1)
        bone = np.zeros((len(poses), COUNT, 2), np.float32)
        sure = np.zeros((len(poses), COUNT), np.float32)
        bone[:, Piece.TRUNK] = pelvis - neck
        sure[:, Piece.TRUNK] = score[:, [5, 6, 11, 12]].min(1)
        sure[:, Piece.HEAD] = np.sort(score[:, :5], 1)[:, -3:].mean(1)
        for piece, (first, second) in BONES.items():
            bone[:, piece] = xy[:, second] - xy[:, first]
            sure[:, piece] = np.minimum(score[:, first], score[:, second])
        for piece, limb in ENDS.items():
            sure[:, piece] = score[:, BONES[limb][1]]
            for number, pose in enumerate(poses):
                along = pose.end_direction(piece)
                way = bone[number, limb] if along is None else along
                bone[number, piece] = way * (END_LENGTH / max(float(np.hypot(*way)), 1e-6))
        width = np.stack([xy[:, 5, 0] - xy[:, 6, 0], xy[:, 11, 0] - xy[:, 12, 0]], 1)
        return cls(
            bone, sure, xy[:, :5] - neck[:, None], score[:, :5], width,
            np.stack([pose.area for pose in poses]), np.stack([pose.front for pose in poses]),
        )  # fmt: skip
