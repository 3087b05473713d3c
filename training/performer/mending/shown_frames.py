"""Held-out frames that a run's pictures show, as its mending network draws them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.learning_pictures import LearningPictures, chosen
from training.performer.data import PLAIN
from training.performer.losses import composited, pictures
from training.performer.mending.examples import Batch, MendingData
from transfer.performers.warp.network import MendingNetwork, encode, layer_of


class ShownFrames:
    """A few frames of all of `held_out`; the true ones are written at once."""

    def __init__(self, run: Path, held_out: Sequence[MendingData]) -> None:
        places = [(clip, place) for clip in held_out for place in range(len(clip))]
        random = np.random.default_rng(0)
        some = [places[number] for number in chosen(len(places))]
        examples = [clip.example(place, PLAIN, random, False) for clip, place in some]
        self._batch = Batch.of(examples) if examples else None
        self._pictures = LearningPictures(run)
        if examples:
            self._pictures.write_true([one.rgb for one in examples])

    def due(self, seconds: float) -> bool:
        """Whether it is time for another picture, after so many seconds of training."""
        return self._batch is not None and self._pictures.due(seconds)

    @torch.inference_mode()
    def write(self, seconds: float, network: MendingNetwork) -> None:
        """A picture of the frames as `network`, in evaluation mode, mends them now."""
        if self._batch is None:
            return
        batch = self._batch.to(next(network.parameters()).device)
        x = encode(batch.parts, batch.planes)
        layer, _, _ = layer_of(x, network(x))
        made = composited(layer, pictures(batch.plate))
        rgb = (made.permute(0, 2, 3, 1) * 255).round().clamp(0, 255).byte().cpu().numpy()
        self._pictures.write(seconds, list(rgb))
