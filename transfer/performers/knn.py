"""The k-nearest-neighbours performer: each pose of the source is answered with the frame of the
target whose pose is nearest (after "Generative Models for Pose Transfer", Berkeley 2018, with its
threshold, and optical flow from pick to pick). No training: ready when a capture ends."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.analysis import Analysis
from inference.arrays import Keypoints, Rgb
from transfer.performers.blending import FlowBlender, Rgba
from transfer.performers.performer import OfOneSize
from transfer.target.normalisation import BodyFrame, Normaliser
from transfer.target.placement import Placement
from transfer.target.pose_space import PoseIndex, Reals, pose_vectors, velocities
from transfer.target.standing import Standing
from transfer.target.target import Target

THRESHOLD, LEAST_GAIN = 0.15, 0.01
"""Lambda: another place of the target's clip must be nearer by this share of the distance, and at
least by so much, to be jumped to."""
NEIGHBOURS = 5
"""k: among so many nearest poses the one that looks most like what is shown is taken."""
NEXT = 3
"""Going on by so many frames in the target's clip is no jump."""
WARM = 16
"""Cut-outs that are made before the first picture; the others are made as they are wanted."""
BLEND_SECONDS = 0.15
SCALES = (0.5, 2.0)
"""Cut-outs are not drawn smaller or larger than so many times their size."""
ANCHORS = np.array([5, 6, 11, 12, 15, 16])
"""Key points by which the cut-out is put where the source stands: shoulders, hips, ankles..."""
FACE = np.array([0, 1, 2, 3, 4])
HEAD_WEIGHT = 4.0
"""...and the head, which counts as much as so many of them: from pick to pick the face is what one
watches (the face alignment of the Berkeley report). It wobbles less with it, the feet
slide a little more."""
TORSO = np.array([5, 6, 11, 12])

_LIMBS = np.setdiff1d(np.arange(17), [*ANCHORS, *FACE])
_SEEN = 0.2


class KnnPerformer(OfOneSize):
    """Shows frames of a target, moved to where the source stands."""

    def __init__(
        self, target: Target, source: BodyFrame | None = None, numbers: Sequence[int] | None = None
    ) -> None:
        """Ready at once.

        `source`: the source's body frame over its whole clip; None: live, learnt as it goes.
        `numbers`: of the target's pairs that may be shown; defaults to all usable ones.
        """
        self._target = target
        self._source = source
        self.placement = Placement()
        self.timings: dict[str, float] = {}
        """Where the double is wanted."""
        if numbers is None:
            # A clip that is hardly ever good is shown as it is.
            few = len(target.usable.numbers) < len(target.pairs) / 4
            numbers = range(len(target.pairs)) if few else target.usable.numbers
        self._numbers = np.array(numbers)
        self._index = PoseIndex(target.keypoints[self._numbers], target.seconds[self._numbers])
        self._keypoints = target.keypoints[self._numbers]
        self._blender = FlowBlender()
        self._plate = target.plate
        self.reset()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return self._target.size

    @property
    def warning(self) -> str:
        """What is left out of the target."""
        return self._target.warning

    @property
    def shown(self) -> int | None:
        """Number of the target's pair that is shown."""
        return None if self._shown is None else int(self._numbers[self._shown])

    def warm_up(self) -> None:
        """Find the plate and read some frames now, rather than with the first picture."""
        step = max(1, len(self._numbers) // WARM)
        for number in self._numbers[::step][:WARM]:
            self._target.cut_out(int(number))

    def calibrate(self, standing: Standing) -> None:
        """Live: fit the source's body at once."""
        self._normaliser.calibrate(standing.keypoints)

    def reset(self) -> None:
        """Forget the source: another one begins."""
        self._normaliser = Normaliser(self._target.body_frame, self._source)
        self._shown: int | None = None
        self._before: tuple[float, Keypoints] | None = None
        self._layer: Rgba | None = None
        self._left: tuple[float, Rgba] | None = None

    def perform(self, rgb: Rgb, analysis: Analysis, time_s: float) -> Rgb:
        """The target's picture; the clean plate when nobody is there."""
        keypoints = analysis.smoothed
        if analysis.person is None or keypoints is None:
            self._shown = self._layer = self._left = self._before = None
            return self._plate.copy()
        transform = self._normaliser.update(keypoints, time_s)
        if transform is None:
            return self._plate.copy()
        transform = self.placement.placed(transform, self._target.body_frame, self.size)
        jumped = self._pick(keypoints, time_s)
        assert self._shown is not None
        placed = transform.points(keypoints)
        layer = self._placed(self._shown, placed)
        if jumped and self._layer is not None:
            self._left = (time_s, self._layer)
        if self._left is not None:
            share = (time_s - self._left[0] + 1 / 60) / BLEND_SECONDS
            if share < 1:
                layer = self._blended(self._left[1], layer, share)
            else:
                self._left = None
        self._layer = layer
        return over(layer, self._plate)

    def _pick(self, keypoints: Keypoints, time_s: float) -> bool:
        """Choose the frame to show; whether that is a jump."""
        away = self._index.distances(keypoints, self._velocity(keypoints, time_s))
        before = self._shown
        if before is None:
            self._shown = int(away.argmin())
            return False
        near = np.arange(max(0, before - 1), min(len(away), before + NEXT + 1))
        near = near[np.abs(self._numbers[near] - self._numbers[before]) <= NEXT]
        stay = int(near[away[near].argmin()])
        best = np.argpartition(away, min(NEIGHBOURS, len(away) - 1))[:NEIGHBOURS]
        least = float(away[best].min())
        enough = max(THRESHOLD * float(away[stay]), LEAST_GAIN)
        if least + enough >= away[stay]:
            self._shown = stay
            return False
        # Of the nearest, the one whose picture continues what is shown.
        good = best[away[best] <= least + enough / 2]
        shift = self._keypoints[good, :, :2] - self._keypoints[before, :, :2]
        shift -= shift[:, TORSO].mean(axis=1, keepdims=True)
        self._shown = int(good[np.abs(shift).mean(axis=(1, 2)).argmin()])
        return True

    def _velocity(self, keypoints: Keypoints, time_s: float) -> Reals | None:
        before, self._before = self._before, (time_s, keypoints)
        if before is None or time_s <= before[0]:
            return None
        both = pose_vectors(np.stack([before[1], keypoints])).values
        return np.asarray(velocities(both, np.array([before[0], time_s]))[-1])

    def _placed(self, place: int, wanted: Keypoints) -> Rgba:
        """The cut-out as a layer over the whole picture, standing where it is wanted."""
        cut = self._target.cut_out(int(self._numbers[place]))
        scale, shift = fit(self._keypoints[place], wanted)
        matrix = np.array(
            [
                [scale, 0, cut.x * scale + shift[0]],
                [0, scale, cut.y * scale + shift[1]],
            ]
        )
        layer = cv2.warpAffine(cut.rgba, matrix, self.size, flags=cv2.INTER_LINEAR)
        return np.asarray(layer, np.uint8)

    def _blended(self, first: Rgba, second: Rgba, share: float) -> Rgba:
        """Only where one of both shows somebody."""
        x, y, width, height = cv2.boundingRect(np.maximum(first[..., 3], second[..., 3]))
        if width < 16 or height < 16:
            return second
        part = np.s_[y : y + height, x : x + width]
        mixed = np.zeros_like(second)
        mixed[part] = self._blender.blend(first[part].copy(), second[part].copy(), share)
        return mixed


def fit(points: Keypoints, wanted: Keypoints) -> tuple[float, NDArray[np.float64]]:
    """Scale and shift that bring a pose `[17, 3]` nearest to another, by head, trunk and ankles.

    Weighted least squares (Umeyama, PAMI 1991, without the rotation).
    """
    weights = np.minimum(points[:, 2], wanted[:, 2]).astype(np.float64)
    weights[weights < _SEEN] = 0
    if weights[FACE].any():
        weights[FACE] *= HEAD_WEIGHT * weights[FACE].max() / weights[FACE].sum()
    weights[_LIMBS] = 0
    if not weights.any():
        return 1.0, np.zeros(2)
    weights /= weights.sum()
    first, second = (pose[:, :2].astype(np.float64) for pose in (points, wanted))
    mean_first, mean_second = weights @ first, weights @ second
    first, second = first - mean_first, second - mean_second
    spread = float(weights @ np.square(first).sum(axis=1))
    scale = float(weights @ (first * second).sum(axis=1)) / max(spread, 1e-6)
    several = weights[ANCHORS].any() and (weights > 0).sum() > 1
    scale = float(np.clip(scale, *SCALES)) if several else 1.0
    return scale, mean_second - scale * mean_first


def over(layer: Rgba, plate: Rgb) -> Rgb:
    """A layer `[H, W, 4]` upon a picture, uint8."""
    picture = plate.copy()
    x, y, width, height = cv2.boundingRect(layer[..., 3])
    if width:
        part = np.s_[y : y + height, x : x + width]
        alpha = cv2.cvtColor(layer[part][..., 3], cv2.COLOR_GRAY2RGB)
        front = cv2.multiply(layer[part][..., :3], alpha, scale=1 / 255)
        back = cv2.multiply(picture[part], cv2.bitwise_not(alpha), scale=1 / 255)
        picture[part] = cv2.add(front, back)
    return picture
