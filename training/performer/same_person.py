"""Does a dataset show one dancer? Told by the colours of what they wear."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.body import LABEL_NAMES
from training.errors import TrainingError
from transfer.target.target import Target

REGIONS = {
    "the top": [n for n, name in enumerate(LABEL_NAMES) if "torso" in name],
    "the legs": [n for n, name in enumerate(LABEL_NAMES) if "upper_leg" in name],
}
FRAMES = 60
LEAST_PIXELS = 200
DIFFERENT = 30.0
"""Distance of two colours in CIELAB that nobody takes for the same cloth in other light."""
SPREAD = 3.0
"""...and so many times as far apart as the frames of one part are among themselves."""
LEAST_SHARE = 0.15
"""Of the frames, that the smaller part must hold."""

Colours = NDArray[np.float64]
"""`[frames, 3]`, CIELAB; NaN where too little is seen."""


def check_one_person(targets: Sequence[Target]) -> None:
    """Raise `TrainingError` when somebody else, or another dress, is seen later on."""
    for region, labels in REGIONS.items():
        colours = np.concatenate([_colours(target, labels) for target in targets])
        if _changes(colours[~np.isnan(colours[:, 0])]):
            raise TrainingError(
                f"Two people, or two dresses, are in what is to be learnt: {region} changes its "
                "colour for good. Train on one of them: delete the other's frames, or name the "
                "datasets that show one person in one dress."
            )


def _colours(target: Target, labels: Sequence[int]) -> Colours:
    """Median colour of a region in some frames, in order of time."""
    numbers = target.usable.numbers or range(len(target.pairs))
    step = max(1, len(numbers) // FRAMES)
    found = np.full((len(numbers[::step]), 3), np.nan)
    for row, number in enumerate(numbers[::step]):
        there = np.isin(target.labels(number), labels)
        if there.sum() >= LEAST_PIXELS:
            lab = cv2.cvtColor(
                (target.frame(number)[there][None] / 255).astype(np.float32), cv2.COLOR_RGB2LAB
            )
            found[row] = np.median(lab[0], axis=0)
    return found


def _changes(colours: Colours) -> bool:
    """Whether the colours before some moment are far from those after it."""
    least = max(3, round(LEAST_SHARE * len(colours)))
    for moment in range(least, len(colours) - least + 1):
        parts = colours[:moment], colours[moment:]
        middles = [np.median(part, axis=0) for part in parts]
        away = float(np.linalg.norm(middles[0] - middles[1]))
        within = max(
            float(np.median(np.linalg.norm(part - middle, axis=1)))
            for part, middle in zip(parts, middles, strict=True)
        )
        if away > DIFFERENT and away > SPREAD * within:
            return True
    return False
