"""The target's own body in the driver's pose: the lengths of their limbs, their shoulders, from the
pelvis out, their feet on the ground."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from inference.arrays import Keypoints, Labels
from inference.skeleton import MIN_SCORE
from transfer.performers.crop import Matrix, joined
from transfer.performers.warp.transforms import piece_transform
from transfer.target.bone_lengths import bone_lengths
from transfer.target.pieces import PIECE_OF_LABEL, BodyPose, Piece, Reals, mask_of

RATIOS = (0.8, 1.25)
"""A limb is made shorter or longer by so much at most: more is a mistake."""
ALIKE = 0.03
"""Lengths that differ by less are left as they are."""
WINDOW, EVERY = 900, 15
"""Live, the driver is measured by so many poses, anew each so many frames..."""
SETTLED = 150
"""...and is believed half after so many: who has not stretched an arm yet has no short one."""
LEAST_MOVED = 0.7
"""A piece that is moved by less, pixels of the canvas, stays."""
_FACE, _ANKLES = [0, 1, 2, 3, 4], [15, 16]
_CHAINS = (
    ((5, 7, 9), (0, 1)),
    ((6, 8, 10), (0, 1)),
    ((11, 13, 15), (2, 3)),
    ((12, 14, 16), (2, 3)),
)
"""Key points of each limb from the trunk outwards, and which lengths lie between them."""
_SHOULDERS, _HIPS, _TRUNK = 4, 5, 6
_BACK_TO_FRONT = (
    Piece.TRUNK, Piece.HEAD, Piece.LEFT_THIGH, Piece.RIGHT_THIGH, Piece.LEFT_SHIN,
    Piece.RIGHT_SHIN, Piece.LEFT_FOOT, Piece.RIGHT_FOOT, Piece.LEFT_UPPER_ARM,
    Piece.RIGHT_UPPER_ARM, Piece.LEFT_FOREARM, Piece.RIGHT_FOREARM, Piece.LEFT_HAND,
    Piece.RIGHT_HAND,
)  # fmt: skip


class Retargeter:
    """Learns a driver's lengths as it goes."""

    def __init__(self, target: Sequence[float], driver: Sequence[float] | None = None) -> None:
        """`target`, `driver`: `bone_lengths` of both; the driver's, None: live, not known yet."""
        self._target = np.array(target, np.float32)
        self._live = driver is None
        self._poses: deque[Keypoints] = deque(maxlen=WINDOW)
        self._count = 0
        self._known = np.zeros(len(target), np.float32)
        self.ratios = np.ones(len(target), np.float32)
        """By which each length is multiplied, `[7]`."""
        if driver is not None:
            self.ratios = _ratios(self._target, np.array(driver, np.float32), 1.0)

    def calibrate(self, lengths: Reals) -> None:
        """Live: the driver's `bone_lengths` when they stood still; 0: not seen, still learnt."""
        self._known = lengths
        self._learn()

    def update(self, keypoints: Keypoints) -> Keypoints:
        """The target's key points `[17, 3]` for a pose of the driver, in the same picture."""
        if self._live:
            self._poses.append(keypoints)
            self._count += 1
            if self._count % EVERY == 0:
                self._learn()
        return rebuilt(keypoints, self.ratios)

    def _learn(self) -> None:
        if not self._live:
            return
        learnt = bone_lengths(np.stack(self._poses)) if self._poses else 0 * self._known
        trust = self._count / (self._count + SETTLED)
        known = self._known > 0
        driver = np.where(known, self._known, learnt)
        self.ratios = _ratios(self._target, driver, np.where(known, 1, trust))


def _ratios(target: Reals, driver: Reals, trust: Reals | float) -> Reals:
    known = (target > 0) & (driver > 0)
    ratios = np.where(known, target / np.where(known, driver, 1), 1).clip(*RATIOS)
    ratios = 1 + trust * (ratios - 1)
    return np.where(np.abs(ratios - 1) < ALIKE, 1, ratios).astype(np.float32)


def rebuilt(keypoints: Keypoints, ratios: Reals) -> Keypoints:
    """Key points `[17, 3]` with lengths multiplied by `ratios` `[7]`; the lower ankle stays at its
    height, or the pelvis at its place where no ankle is seen."""
    if (ratios == 1).all():
        return keypoints
    made = keypoints.copy()
    before, after = keypoints[:, :2], made[:, :2]
    pelvis, neck = before[[11, 12]].mean(0), before[[5, 6]].mean(0)
    new_neck = pelvis + (neck - pelvis) * ratios[_TRUNK]
    after[[5, 6]] = new_neck + (before[[5, 6]] - neck) * ratios[_SHOULDERS]
    after[[11, 12]] = pelvis + (before[[11, 12]] - pelvis) * ratios[_HIPS]
    after[_FACE] += new_neck - neck
    for points, lengths in _CHAINS:
        for first, second, length in zip(points[:-1], points[1:], lengths, strict=True):
            after[second] = after[first] + (before[second] - before[first]) * ratios[length]
    seen = [point for point in _ANKLES if keypoints[point, 2] >= MIN_SCORE]
    if seen:
        after[:, 1] += before[seen, 1].max() - after[seen, 1].max()
    return made


def moved_parts(parts: Labels, canvas: Matrix, before: BodyPose, after: BodyPose) -> Labels:
    """The driver's label map on the canvas, each piece where the target's is.

    `canvas`: 2x3, to it from the picture that both poses are in.
    """
    back = np.asarray(cv2.invertAffineTransform(canvas), np.float64)
    pieces = cv2.LUT(parts, PIECE_OF_LABEL)
    made = np.zeros_like(parts)
    size = len(parts)
    for piece in _BACK_TO_FRONT:
        mask = mask_of(np.asarray(pieces, np.uint8), piece)
        x, y, width, height = cv2.boundingRect(mask)
        if width == 0:
            continue
        box = np.s_[y : y + height, x : x + width]
        own = cv2.copyTo(parts[box], mask[box])
        move = joined(canvas, joined(piece_transform(before, after, piece), back))
        corners = np.array([[x, x + width, x, x + width], [y, y, y + height, y + height]])
        ends = move[:, :2] @ corners + move[:, 2:]
        if np.abs(ends - corners).max() >= LEAST_MOVED:
            x, y = np.floor(ends.min(1)).clip(0, size).astype(int).tolist()
            right, bottom = np.ceil(ends.max(1) + 1).clip(0, size).astype(int).tolist()
            if right <= x or bottom <= y:
                continue
            move[:, 2] += move[:, :2] @ corners[:, 0] - (x, y)
            own = cv2.warpAffine(own, move, (right - x, bottom - y), flags=cv2.INTER_NEAREST)
        cv2.copyTo(own, own, made[y : y + own.shape[0], x : x + own.shape[1]])
    return made


def box_after(
    box: tuple[float, float, float, float], before: Keypoints, after: Keypoints
) -> tuple[float, float, float, float]:
    """A box around the driver, changed as their key points' extent is: left, top, right, bottom."""
    seen = before[:, 2] >= MIN_SCORE
    if not seen.any():
        return box
    old, new = before[seen, :2], after[seen, :2]
    (x0, y0), (x1, y1) = new.min(0) - old.min(0), new.max(0) - old.max(0)
    return box[0] + float(x0), box[1] + float(y0), box[2] + float(x1), box[3] + float(y1)
