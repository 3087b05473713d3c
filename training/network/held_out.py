"""How good a student is on the pictures that were held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from inference.analysis import Heads
from inference.arrays import Rgb
from inference.personlab import decode_people
from training.network.labelled import MAYBE, Packed
from training.network.metrics import extent, hits, iou
from training.network.sources import JOINTS
from training.network.teacher import person_probability

REACH = 0.2
"""PCK@0.2 of half the longer extent of the marked joints."""

MOST = 250
"""Pictures looked at: enough to tell one state of the student from another."""


def held_out_accuracy(predict: Callable[[Rgb], Heads], items: Sequence[Packed]) -> dict[str, float]:
    """How good a network is whose `predict` turns a frame into heads; means over the pictures.

    `person_iou` (0..1) where masks are known, `pck` of key points, `pck_joints` of pictures with
    joints marked by hand. What cannot be measured is left out.
    """
    ious: list[float] = []
    scores: dict[str, list[bool]] = {"pck": [], "pck_joints": []}
    step = max(1, len(items) // MOST)
    for packed in items[::step]:
        item = packed.labelled()
        heads = predict(item.rgb)
        known = item.people < MAYBE
        if packed.source != JOINTS and (item.people[known] > 0).any():
            ious.append(iou(person_probability(heads) >= 0.5, item.people > 0, known))
        people = decode_people(heads)
        for keypoints in item.keypoints[:1]:
            marked = keypoints[keypoints[:, 2] > 0]
            if len(marked) < 4:
                continue
            best = people[0].keypoints if people else np.zeros((17, 3), np.float32)
            right = hits(best, keypoints, REACH * extent(marked) / 2) & bool(people)
            scores["pck_joints" if packed.source == JOINTS else "pck"] += right.tolist()
    result = {"person_iou": float(np.mean(ious))} if ious else {}
    return result | {name: float(np.mean(right)) for name, right in scores.items() if right}
