"""The performer that a generator plays: parts and pose in, a picture that was never taken out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.analysis import Analysis
from inference.arrays import Rgb
from transfer.errors import TransferError
from transfer.performers.components import keep_body_components
from transfer.performers.condition import PREVIOUS, Drawn, draw_condition, moved
from transfer.performers.crop import Crop, crop_around_moved, joined
from transfer.performers.generator import Generator, encode
from transfer.performers.int8 import Int8Generator
from transfer.performers.layers import fold_batch_norms
from transfer.performers.performer import OfOneSize
from transfer.performers.temporal_smoothing import TemporalSmoother
from transfer.performers.trained import Trained, load_generator
from transfer.performers.trained_files import INT8_NAME, WEIGHTS_NAME
from transfer.target.normalisation import BodyFrame, Normaliser
from transfer.target.placement import Placement
from transfer.target.standing import Standing

LOOK_SECONDS = 1.0
"""How often a newer checkpoint is looked for."""

Layer = NDArray[np.float32]


def levels(layer: Layer) -> NDArray[np.uint8]:
    """A layer of 0..1 as one of 0..255."""
    return np.asarray(cv2.convertScaleAbs(layer, alpha=255), np.uint8)


class GanPerformer(OfOneSize):
    """Plays a run's newest generator."""

    def __init__(self, run: Path, source: BodyFrame | None = None) -> None:
        """`source`: the source's body frame over its whole clip; None: live, learnt as it goes.

        Raises `TransferError` when the run cannot be used.
        """
        self._run = run
        self._generator: Generator | None = None
        self._int8: Int8Generator | None = None
        self._trained, self._plate = Trained.load(run)
        self._source = source
        self.placement = Placement()
        self.timings: dict[str, float] = {}
        """Where the double is wanted."""
        self._smoother = TemporalSmoother()
        self._newest = self._changed()
        self._load(self._newest)
        self._looked = 0.0
        self.reset()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return self._plate.shape[1], self._plate.shape[0]

    @property
    def warning(self) -> str:
        """Parts of the body that were never seen; empty: none."""
        return self._trained.unseen.sentence(self._trained.title)

    def calibrate(self, standing: Standing) -> None:
        """Live: fit the source's body at once."""
        self._normaliser.calibrate(standing.keypoints)

    def reset(self) -> None:
        """Forget the source: another one begins."""
        self._smoother.reset()
        self._normaliser = Normaliser(self._trained.body_frame, self._source)

    def perform(self, rgb: Rgb, analysis: Analysis, time_s: float) -> Rgb:
        """The target's picture; the clean plate when nobody is there."""
        self._take_up_newer(time_s)
        keypoints = analysis.smoothed
        if analysis.person is None or keypoints is None:
            self._smoother.reset()
            return self._plate.copy()
        transform = self._normaliser.update(keypoints, time_s)
        if transform is None:
            return self._plate.copy()
        transform = self.placement.placed(transform, self._trained.body_frame, self.size)
        labels, keypoints = self._trained.unseen.removed(analysis.labels, keypoints)
        crop = crop_around_moved(labels, transform, self.size, self._trained.side)
        if crop is None:
            return self._plate.copy()
        matrix = joined(crop.matrix(self._trained.size), transform.matrix())
        drawn = draw_condition(labels, keypoints, matrix, self._trained.size)
        layer = self.render(drawn, self._previous(crop, time_s))
        layer = keep_body_components(layer, moved(keypoints, matrix))
        steady = self._smoother.steady(levels(layer), crop, rgb, matrix, time_s)
        return crop.paste(steady, self._plate)

    def render(self, drawn: Drawn, previous: Layer) -> Layer:
        """One layer `[S, S, 4]`: RGB weighted by alpha, and alpha, 0..1."""
        if self._int8 is not None:
            return self._int8.render(drawn, previous)
        assert self._generator is not None
        with torch.inference_mode():
            x = encode(
                torch.from_numpy(drawn.parts)[None],
                torch.from_numpy(drawn.limbs)[None],
                torch.from_numpy(previous).permute(2, 0, 1)[None],
                self._trained.ingredients,
            )
            generated = self._generator(x.to(memory_format=torch.channels_last))
        return np.ascontiguousarray(generated[0].permute(1, 2, 0).numpy(), np.float32)

    def _previous(self, crop: Crop, time_s: float) -> Layer:
        """The last layer in this crop, for a generator that goes by it; else zeros."""
        size, last = self._trained.size, None
        if self._trained.ingredients.previous:
            last = self._smoother.last(crop, size, time_s)
        if last is None:
            return np.zeros((size, size, PREVIOUS), np.float32)
        return np.asarray(last.astype(np.float32) / np.float32(255), np.float32)

    def _take_up_newer(self, time_s: float) -> None:
        """A run that is still learning gets better while one dances."""
        if abs(time_s - self._looked) < LOOK_SECONDS:
            return
        self._looked = time_s
        try:
            if (changed := self._changed()) != self._newest:
                self._load(changed)
                self._newest = changed
        except (OSError, TransferError):
            # Deleted, or not whole: what is loaded goes on, and is looked for again.
            return

    def _load(self, newest: tuple[int, int]) -> None:
        """The newer one of both files; on an error what was loaded stays."""
        weights, int8 = newest
        if int8 >= weights:
            size, ingredients = self._trained.size, self._trained.ingredients
            made = Int8Generator(self._run / INT8_NAME, size, ingredients)
            self._int8, self._generator = made, None
        else:
            generator = load_generator(self._run / WEIGHTS_NAME)
            fold_batch_norms(generator)
            self._int8, self._generator = None, generator

    def _changed(self) -> tuple[int, int]:
        """When the float weights and the int8 file were written."""
        int8 = self._run / INT8_NAME
        return (
            (self._run / WEIGHTS_NAME).stat().st_mtime_ns,
            int8.stat().st_mtime_ns if int8.is_file() else -1,
        )
