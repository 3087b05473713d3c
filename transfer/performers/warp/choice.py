"""Which reference each piece comes from: the one that shows it from the nearest side.

Every frame by itself; `Chooser` in `changes` makes a stream of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer.target.pieces import (
    BONES,
    COUNT,
    ORDER,
    PARENT,
    USUAL_LENGTH,
    BodyPose,
    Features,
    Piece,
)
from transfer.target.references import ReferenceBank

DIRECTION, LENGTH, FRONT, WIDTH = 1.0, 2.5, 0.25, 6.0
HIDDEN, UNSURE, BEFORE = 0.8, 0.5, 0.6
FACE, FACE_SEEN = 600.0, 0.4
MIRRORED, ELSEWHERE = 0.5, 0.1
"""What counts how much: directions and lengths of limbs, their front or back, the signed width of
shoulders and hips; a piece partly hidden, key points unsure, a limb before something else; the
face's points among themselves and which of them are seen; a mirrored frame, another frame than the
piece's neighbour comes from.
"""
NECK_SHARE = 0.85
"""Of the face's shift against the neck that does not count."""
NEAR = 2
"""References so few frames apart are one moment."""
OTHER_MOMENT = 10
"""The trunk's second reference is at least so many frames away from its first."""
_LIMBS = [piece for piece in Piece if piece not in (Piece.HEAD, Piece.TRUNK)]
_USUAL = np.array([USUAL_LENGTH.get(piece, 0.05) for piece in _LIMBS], np.float32)
_IS_BONE = np.array([piece in BONES for piece in _LIMBS])

Costs = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Choice:
    """Places in the bank."""

    pieces: Places
    """`[14]`."""
    trunk_behind: int
    """What the trunk's own reference hides of it is taken from this one."""
    before: Places | None = None
    """`[14]`, those of a moment ago; None: nothing fades."""
    fading: Costs | None = None
    """`[14]`, how much of each piece still comes from those, 0..1."""


def costs(bank: ReferenceBank, wanted: BodyPose) -> Costs:
    """`[14, references]`: how little each would do."""
    theirs, ours = bank.features, Features.of([wanted])
    made = np.empty((COUNT, len(bank.numbers)), np.float32)
    width = np.square(theirs.width - ours.width).sum(1)
    front = np.square(theirs.front - ours.front)
    away = np.square(theirs.bone - ours.bone)
    made[Piece.TRUNK] = (
        1.5 * WIDTH * width + 6 * away[:, Piece.TRUNK].sum(1) + FRONT * front[:, Piece.TRUNK]
    )
    made[Piece.HEAD] = _face(theirs, ours) + 2 * FRONT * front[:, Piece.HEAD] + 1.5 * width
    made[_LIMBS] = _limbs(theirs, ours, front) + 0.25 * WIDTH * width
    hidden = (1 - theirs.area / bank.usual_area).clip(0, 1)
    made[_LIMBS] += BEFORE * (1 - bank.alone[:, _LIMBS]).T
    made += (HIDDEN * hidden + UNSURE * (1 - theirs.sure).clip(0, 1)).T
    made += MIRRORED * bank.mirrored
    return made


def _face(theirs: Features, ours: Features) -> Costs:
    both = np.minimum(theirs.face_sure, ours.face_sure)
    total = both.sum(1).clip(1e-3)
    away = theirs.face - ours.face
    mean = (away * both[..., None]).sum(1, keepdims=True) / total[:, None, None]
    apart = (np.square(away - NECK_SHARE * mean).sum(2) * both).sum(1) / total
    seen = np.abs(theirs.face_sure - ours.face_sure).mean(1)
    return np.asarray(FACE * apart + FACE_SEEN * seen, np.float32)


def _limbs(theirs: Features, ours: Features, front: Costs) -> Costs:
    """`[12, references]`."""
    bones, wanted = theirs.bone[:, _LIMBS], ours.bone[0, _LIMBS]
    length, ideal = np.linalg.norm(bones, axis=2), np.linalg.norm(wanted, axis=1)
    cosine = (bones * wanted).sum(2) / np.maximum(length * ideal, 1e-6)
    trust = np.minimum(1, np.minimum(length, ideal) / (0.4 * _USUAL))
    made = DIRECTION * 0.5 * (1 - cosine) * trust
    of_bones = LENGTH * np.square((length - ideal) / _USUAL) + 0.5 * FRONT * front[:, _LIMBS]
    return np.asarray((made + np.where(_IS_BONE, of_bones, 0)).T, np.float32)


def choose(
    bank: ReferenceBank,
    wanted: BodyPose,
    allowed: NDArray[np.bool_] | None = None,
    price: Costs | None = None,
) -> Choice:
    """The reference of each piece, neighbours from one frame where that hardly costs more.

    `allowed`: `[references]`, which may be taken; `price`: `[14, references]`, what each costs
    besides.
    """
    cost = costs(bank, wanted)
    if price is not None:
        cost += price
    if covered := list(bank.garment.pieces):
        cost[covered] = cost[covered].mean(0)
    if allowed is not None and not allowed.all():
        cost[:, ~allowed] += 100
    picks = np.zeros(COUNT, np.int64)
    for piece in ORDER:
        own = cost[piece]
        if piece in PARENT:
            parent = picks[PARENT[piece]]
            moment = np.abs(bank.numbers - bank.numbers[parent]) <= NEAR
            own = own + ELSEWHERE * ~(moment & (bank.mirrored == bank.mirrored[parent]))
        picks[piece] = own.argmin()
    trunk = picks[Piece.TRUNK]
    same = np.abs(bank.numbers - bank.numbers[trunk]) < OTHER_MOMENT
    return Choice(picks, int((cost[Piece.TRUNK] + same).argmin()))
