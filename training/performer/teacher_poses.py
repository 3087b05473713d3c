"""Other people's dances as a teacher shows them: poses that the dancer never struck."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from inference.arrays import Keypoints, Labels, Rgb
from transfer.performers.condition import PREVIOUS, draw_condition
from transfer.performers.crop import crop_around
from transfer.performers.gan import GanPerformer, levels
from transfer.performers.trained import Trained
from transfer.target.normalisation import Normaliser
from transfer.target.target import Target

MOST = 300
"""Frames of one dataset: each is drawn by the teacher once, before the training begins."""


class TeacherPoses:
    """A dataset moved into the target's picture, its frames drawn by a trained performer."""

    def __init__(self, source: Target, teacher: Path) -> None:
        """`TransferError` when the teacher's run cannot be used."""
        self._about, self.plate = Trained.load(teacher)
        self._teacher = GanPerformer(teacher, source.body_frame)
        self._one_at_a_time = Lock()
        self._source = source
        normaliser = Normaliser(self._about.body_frame, source.body_frame)
        moments = zip(source.keypoints, source.seconds, strict=True)
        self._moves = [normaliser.update(points, float(time)) for points, time in moments]
        usable = [number for number in source.usable.numbers if self._moves[number] is not None]
        step = max(1, -(-len(usable) // MOST))
        self.numbers = usable[::step]
        """Of the frames that are fit for it."""
        self.keypoints: Keypoints = source.keypoints.copy()
        """`[frames, 17, 3]`, pixels of the target's picture."""
        for number in self.numbers:
            if (move := self._moves[number]) is not None:
                self.keypoints[number] = move.points(source.keypoints[number])

    def labels(self, number: int) -> Labels:
        """Label map of a frame in the target's picture."""
        move = self._moves[number]
        assert move is not None
        size = self.plate.shape[1], self.plate.shape[0]
        labels = self._source.labels(number)
        return np.asarray(
            cv2.warpAffine(labels, move.matrix(), size, flags=cv2.INTER_NEAREST), np.uint8
        )

    def frame(self, number: int) -> Rgb:
        """The target in that pose, as the teacher draws them."""
        labels, size = self.labels(number), self._about.size
        crop = crop_around(labels, self._about.side)
        if crop is None:
            return self.plate.copy()
        drawn = draw_condition(labels, self.keypoints[number], crop.matrix(size), size)
        with self._one_at_a_time:
            layer = self._teacher.render(drawn, np.zeros((size, size, PREVIOUS), np.float32))
        return crop.paste(levels(layer), self.plate)
