"""The performer that moves its target's real pixels: right pose, own face, own clothes, without
training. What a network mends of it is optional."""

from __future__ import annotations

import time

import cv2
import numpy as np

from inference.analysis import Analysis
from inference.arrays import Keypoints, Labels, Rgb
from transfer.performers.condition import moved
from transfer.performers.crop import ROOM, Crop, Layer, Matrix, crop_around_box, joined
from transfer.performers.temporal_smoothing import TemporalSmoother
from transfer.performers.warp.changes import Chooser
from transfer.performers.warp.composition import compose
from transfer.performers.warp.ends import EndSteadier
from transfer.performers.warp.limb_gaps import without_gaps
from transfer.performers.warp.mending import (
    SIZE,
    Mender,
    WithoutNetwork,
    mended_layer,
    mending_input,
)
from transfer.performers.warp.retargeting import Retargeter, box_after, moved_parts
from transfer.target.bone_lengths import bone_lengths
from transfer.target.garment import drawn
from transfer.target.normalisation import BodyFrame, Normaliser
from transfer.target.pieces import BodyPose
from transfer.target.placement import Placement
from transfer.target.references import ReferenceBank
from transfer.target.standing import Standing

LARGEST = 768
"""Side of the canvas, pixels, at most; else that of the crop."""
LARGEST_LIVE = (512, 384, 256)
"""The same for a live picture, whose frames come thirty times a second; what it may be made where
that is too much."""
OLD, AGREES = 0.84, 0.3
"""Of the temporal smoother, more than for drawn layers: real pixels tremble with the key points."""
FIRST = 8
"""References that are made before anything is shown, live."""


class WarpPerformer:
    """Shows one target out of its references."""

    def __init__(
        self,
        title: str,
        bank: ReferenceBank,
        plate: Rgb,
        target: BodyFrame,
        source: BodyFrame | None = None,
        mender: Mender | None = None,
        live: bool = False,
        left_out: str = "",
    ) -> None:
        """Ready at once.

        Args:
            title: whom it shows.
            plate: the target's clean plate; `target`: their body frame.
            source: the source's body frame over its whole clip; None: learnt as it goes.
            mender: None: holes are filled, nothing else.
            live: only references whose cut-outs are made already are chosen.
            left_out: which of the target's pairs are not used, a sentence; empty: none.
        """
        self._title, self._bank, self._plate = title, bank, plate
        self._target, self._source, self._live = target, source, live
        self._left_out = left_out
        self.placement = Placement()
        """Where the double is wanted."""
        self._mender: Mender = mender or WithoutNetwork()
        self._side = max(32, round(bank.height * ROOM))
        self._largest = LARGEST_LIVE[0] if live else LARGEST
        self._chooser = Chooser(bank)
        self._next: ReferenceBank | None = None
        self.partial = False
        """Whether only some of the dataset's frames are drawn from as yet."""
        self._ends = EndSteadier()
        self._smoother = TemporalSmoother(OLD, AGREES, sharp=not live)
        self.timings: dict[str, float] = {}
        """Milliseconds of the last picture, by stage."""
        self.reset()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return self._bank.size

    @property
    def warning(self) -> str:
        """Pairs that are left out and parts of the body that were never seen; empty: none."""
        return " ".join(filter(None, (self._left_out, self._bank.unseen.sentence(self._title))))

    def reset(self) -> None:
        """Forget the source: another one begins."""
        self._smoother.reset()
        self._chooser.reset()
        self._ends.reset()
        self._normaliser = Normaliser(self._target, self._source)
        known = self._source.lengths if self._source is not None else ()
        self._retargeter = Retargeter(self._target.lengths, known or None)

    def calibrate(self, standing: Standing) -> None:
        """Live: fit the source's body at once."""
        self._normaliser.calibrate(standing.keypoints)
        self._retargeter.calibrate(bone_lengths(standing.keypoints))

    def take(self, bank: ReferenceBank) -> None:
        """Draw from these references from the next picture on; from any thread."""
        self._next = bank

    @property
    def can_be_smaller(self) -> bool:
        """Whether it can be drawn on a smaller canvas than now."""
        return min(self._largest, self._side) > LARGEST_LIVE[-1]

    def draw_smaller(self) -> None:
        """Draw on a smaller canvas from the next picture on; nothing when it is the smallest."""
        now = min(self._largest, self._side)
        self._largest = next((side for side in LARGEST_LIVE if side < now), LARGEST_LIVE[-1])

    def warm_up(self) -> None:
        """Make the first references."""
        self._bank.prepare(self._bank.coarse_to_fine()[:FIRST])

    def perform(self, rgb: Rgb, analysis: Analysis, time_s: float) -> Rgb:
        """The target's picture; the clean plate when nobody is there."""
        if (bank := self._next) is not None:
            self._bank, self._next, self.partial = bank, None, False
            self._side = max(32, round(bank.height * ROOM))
            self._chooser = Chooser(bank)
        keypoints = analysis.smoothed
        if analysis.person is None or keypoints is None:
            self._smoother.reset()
            return self._plate.copy()
        transform = self._normaliser.update(keypoints, time_s)
        if transform is None:
            return self._plate.copy()
        transform = self.placement.placed(transform, self._target, self.size)
        labels, keypoints = self._bank.unseen.removed(analysis.labels, keypoints)
        x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
        if width == 0:
            return self._plate.copy()
        to_target = transform.matrix()
        driver = moved(keypoints, to_target)
        wanted = self._retargeter.update(driver)
        left, top = to_target @ (x, y, 1)
        right, bottom = to_target @ (x + width, y + height, 1)
        crop = crop_around_box(
            box_after((left, top, right, bottom), driver, wanted), self.size, self._side
        )
        if crop is None:
            return self._plate.copy()
        size = int(np.clip(crop.side, SIZE, self._largest))
        pose, parts = self._retargeted(labels, to_target, driver, wanted, crop, time_s)
        layer = self._layer(pose, parts, crop, size, time_s)
        began = time.perf_counter()
        layer = self._smoother.steady(
            layer, crop, rgb, joined(crop.matrix(size), to_target), time_s
        )
        began = self._note("steadying", began)
        made = crop.paste(layer, self._plate)
        self._note("pasting", began)
        return made

    def _retargeted(
        self,
        labels: Labels,
        to_target: Matrix,
        driver: Keypoints,
        wanted: Keypoints,
        crop: Crop,
        time_s: float,
    ) -> tuple[BodyPose, Labels]:
        """The wanted pose and label map, `[SIZE, SIZE]`: networks see no finer."""
        began = time.perf_counter()
        matrix = crop.matrix(SIZE)
        warped = cv2.warpAffine(
            labels, joined(matrix, to_target), (SIZE, SIZE), flags=cv2.INTER_NEAREST
        )
        parts = without_gaps(np.asarray(warped, np.uint8), moved(driver, matrix))
        step = crop.side / SIZE
        x, y = crop.x + (step - 1) / 2, crop.y + (step - 1) / 2
        pose = self._ends.steadied(BodyPose.of(driver, parts, x, y, step), time_s)
        if wanted is not driver:
            own = pose.at(wanted)
            parts, pose = moved_parts(parts, matrix, pose, own), own
        self._note("pose", began)
        return pose, parts

    def _layer(self, pose: BodyPose, parts: Labels, crop: Crop, size: int, time_s: float) -> Layer:
        began = time.perf_counter()
        choice = self._chooser.choose(pose, time_s, self._bank.ready if self._live else None)
        began = self._note("choice", began)
        hung = self._bank.garment.hung(parts)
        warped = compose(self._bank, choice, pose, crop.matrix(size), hung, size)
        began = self._note("warp", began)
        told = drawn(hung, parts, warped.alpha)
        inputs = mending_input(told, moved(pose.keypoints, crop.matrix(SIZE)), warped)
        began = self._note("input", began)
        mended = self._mender.mend(inputs)
        began = self._note("mending", began)
        layer = mended_layer(warped, inputs, mended)
        self._note("composing", began)
        return layer

    def _note(self, stage: str, began: float) -> float:
        now = time.perf_counter()
        self.timings[stage] = (now - began) * 1000
        return now
