"""The matrix that brings each piece of a reference to where it is wanted.

All are 2x3, from the reference's picture to the wanted one. A limb is stretched along its bone
alone, and its width grows with the body, not with its length: a foreshortened arm is not thin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.skeleton import MIN_SCORE
from transfer.performers.crop import Matrix
from transfer.target.garment import Garment
from transfer.target.pieces import BONES, ENDS, USUAL_LENGTH, BodyPose, Piece

SCALES = (0.3, 3.0)
"""A reference is not drawn smaller or larger than so many times its size."""
STRETCHES = (0.45, 2.0)
"""The same of a limb along its bone, beside the body's scale."""
SHORT = 0.25
"""A limb shorter than this share of its usual length points at the camera: where to says little."""
RIDGE = 0.35
"""How much the trunk's turn and length count beside where shoulders and hips are: a side view has
hardly any width."""
HEAD_STRETCHES = (0.88, 1.14)
NECK_WEIGHT = 0.25
"""Beside a face point's."""
_TRUNK = (5, 6, 11, 12)

Vector = Matrix
"""`[2]`."""


def piece_transform(
    reference: BodyPose, wanted: BodyPose, piece: Piece, garment: Garment = Garment.TROUSERS
) -> Matrix:
    """Of one piece, 2x3. A `garment` over both legs is the left thigh."""
    scale = float(np.clip(wanted.scale / reference.scale, *SCALES))
    if piece == Piece.TRUNK:
        return _panel(reference, wanted, scale, _TRUNK)
    if piece == Piece.LEFT_THIGH and garment:
        return _panel(reference, wanted, scale, garment.points)
    if piece == Piece.HEAD:
        return _head(reference, wanted, scale)
    if piece in BONES:
        first, second = BONES[piece]
        usual = USUAL_LENGTH[piece] * wanted.scale
        return _limb(
            _place(reference, first), _place(reference, second),
            _place(wanted, first), _place(wanted, second), scale, usual,
        )  # fmt: skip
    return _end(reference, wanted, piece, scale)


def turned(before: Vector, after: Vector, along: float, across: float) -> Matrix:
    """2x2: turns one direction to another, stretches along it and across it."""
    u, v = _unit(before), _unit(after)
    to_bone = np.array([[u[0], u[1]], [-u[1], u[0]]])
    from_bone = np.array([[v[0], -v[1]], [v[1], v[0]]])
    return np.asarray(from_bone @ np.diag([along, across]) @ to_bone)


def _limb(a: Vector, b: Vector, to_a: Vector, to_b: Vector, scale: float, usual: float) -> Matrix:
    before, after = b - a, to_b - to_a
    length, wanted = float(np.hypot(*before)), float(np.hypot(*after))
    least = SHORT * usual
    stretch = max(wanted, 1e-3) / max(length, 0.5 * least / scale)
    along = float(np.clip(stretch, STRETCHES[0] * scale, STRETCHES[1] * scale))
    shortest = min(length * scale, wanted)
    if shortest < least:
        share = shortest / least
        after = _unit(before) * (1 - share) + _unit(after) * share
    linear = turned(before, after, along, scale)
    # Both ends as well as can be; exactly, unless the stretch was too much.
    return _with_shift(linear, (a + b) / 2, (to_a + to_b) / 2)


def _panel(reference: BodyPose, wanted: BodyPose, scale: float, points: Sequence[int]) -> Matrix:
    """What hangs between key points, two upper ones first, as the trunk between shoulders and hips:
    by weighted least squares, with a ridge towards turning and stretching."""
    chosen = list(points)
    p, q = (pose.keypoints[chosen, :2].astype(np.float64) for pose in (reference, wanted))
    scores = np.minimum(reference.keypoints[chosen, 2], wanted.keypoints[chosen, 2])
    weight = scores.clip(0.05, 1)[:, None]
    p_mean, q_mean = ((one * weight).sum(0) / weight.sum() for one in (p, q))
    before, after = (one[2:].mean(0) - one[:2].mean(0) for one in (p, q))
    length = float(np.hypot(*before))
    along = float(np.clip(np.hypot(*after) / max(length, 1e-3), 0.5 * scale, 2 * scale))
    prior = turned(before, after, along, scale)
    ridge = RIDGE * (max(length, 1e-3) / 2) ** 2
    x, y = p - p_mean, q - q_mean
    gram = (x * weight).T @ x + ridge * np.eye(2)
    linear = ((y * weight).T @ x + ridge * prior) @ np.linalg.inv(gram)
    return _with_shift(linear, p_mean, q_mean)


def _head(reference: BodyPose, wanted: BodyPose, scale: float) -> Matrix:
    """A similarity (Umeyama, PAMI 1991) over the face points that both show, and the neck; then
    the face lies where it should, and the neck may give way."""
    p, q = (pose.keypoints.astype(np.float64) for pose in (reference, wanted))
    weight = np.minimum(p[:5, 2], q[:5, 2])
    weight[weight < MIN_SCORE] = 0
    if not weight.any():
        return _panel(reference, wanted, scale, _TRUNK)
    face = weight / weight.sum()
    weight = np.append(weight, NECK_WEIGHT)[:, None]
    first, second = (np.vstack([one[:5, :2], one[[5, 6], :2].mean(0)]) for one in (p, q))
    x, y = (one - (one * weight).sum(0) / weight.sum() for one in (first, second))
    cosine = float((weight * x * y).sum())
    sine = float((weight[:, 0] * (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0])).sum())
    spread = max(float((weight * x * x).sum()), 1e-6)
    low, high = (share * scale for share in HEAD_STRETCHES)
    size = float(np.clip(np.hypot(cosine, sine) / spread, low, high))
    angle = np.arctan2(sine, cosine)
    linear = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _with_shift(linear, face @ first[:5], face @ second[:5])


def _end(reference: BodyPose, wanted: BodyPose, piece: Piece, scale: float) -> Matrix:
    """A hand or foot: turned around its joint as the part maps show it, else as its limb turns."""
    first, joint = BONES[ENDS[piece]]
    before, after = reference.end_direction(piece), wanted.end_direction(piece)
    poses = reference, wanted
    ways = [_place(pose, joint) - _place(pose, first) for pose in poses]
    if before is not None and after is not None:
        ways = [np.asarray(one, np.float64) for one in (before, after)]
    linear = turned(ways[0], ways[1], scale, scale)
    return _with_shift(linear, _place(reference, joint), _place(wanted, joint))


def _place(pose: BodyPose, point: int) -> Vector:
    return np.asarray(pose.keypoints[point, :2], np.float64)


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.hypot(*vector)), 1e-6))


def _with_shift(linear: Matrix, before: Vector, after: Vector) -> Matrix:
    """2x3: `before` comes to lie at `after`."""
    return np.hstack([linear, (after - linear @ before)[:, None]])
