"""Pictures in a performer's run: condition, what it makes of it, the truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from capture.files import write_whole
from inference.body import PALETTE
from training.performer.batches import Batch
from training.performer.data import PLAIN, Examples
from training.performer.losses import drawn
from transfer.performers.condition import Ingredients
from transfer.performers.generator import Generator

COLUMNS = 8


@torch.inference_mode()
def write_samples(
    generator: Generator, data: Examples, ingredients: Ingredients, path: Path
) -> None:
    """A column each for some frames: condition, made, true."""
    columns = []
    device = next(generator.parameters()).device
    for place in range(0, len(data), max(1, len(data) // COLUMNS)):
        batch = Batch.of(data.examples(place, PLAIN, np.random.default_rng(0)))
        picture = drawn(generator, batch.to(device), ingredients)
        made = (picture[0].permute(1, 2, 0) * 255).round().byte().cpu().numpy()
        given = np.maximum(PALETTE[batch.parts[0].numpy()] // 2, batch.limbs[0].numpy())
        columns.append(np.vstack([given, made, batch.rgb[0].numpy()]))
    sheet = np.hstack(columns[:COLUMNS]).astype(np.uint8)
    _, data_out = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    write_whole(path, data_out.tobytes())
