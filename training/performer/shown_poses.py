"""Held-out frames that a run's pictures show, as its generator draws them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.learning_pictures import LearningPictures, chosen
from training.performer.batches import Batch
from training.performer.data import PLAIN, Examples
from training.performer.losses import drawn
from transfer.performers.condition import Ingredients
from transfer.performers.generator import Generator


class ShownPoses:
    """A few frames of `held_out`; the true ones are written at once."""

    def __init__(self, run: Path, held_out: Examples) -> None:
        random = np.random.default_rng(0)
        frames = [held_out.examples(place, PLAIN, random)[0] for place in chosen(len(held_out))]
        self._batch = Batch.of(frames)
        self._pictures = LearningPictures(run)
        self._pictures.write_true([one.rgb for one in frames])

    def due(self, seconds: float) -> bool:
        """Whether it is time for another picture, after so many seconds of training."""
        return self._pictures.due(seconds)

    @torch.inference_mode()
    def write(self, seconds: float, generator: Generator, ingredients: Ingredients) -> None:
        """A picture of the frames as `generator`, in evaluation mode, draws them now."""
        device = next(generator.parameters()).device
        made = drawn(generator, self._batch.to(device), ingredients)
        rgb = (made.permute(0, 2, 3, 1) * 255).round().byte().cpu().numpy()
        self._pictures.write(seconds, list(rgb))
