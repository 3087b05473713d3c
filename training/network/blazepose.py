"""A second opinion on one person's key points: MediaPipe's BlazePose, heavy.

Bazarevsky and others, "BlazePose", 2020. It wants the body upright in the middle of its picture, so
somebody else must have found it first.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from inference.arrays import Rgb
from inference.runtime import Device, make_interpreter
from inference.teachers import find_teacher
from training.network.labelling import Joints, extent_of

NEAR = 0.1
"""Key points that differ by less than this share of the person's extent agree."""

_SIDE = 256
_OF_COCO = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""COCO's 17 key points among BlazePose's 33."""
_LANDMARKS, _NUMBERS = 39, 5
"""33 key points and six more; x, y, z, visibility and presence, the last two as logits."""
_SEEN = 0.15


class BlazePose:
    """Looks at somebody who was found; `ModelError` when its file is not here."""

    def __init__(self, threads: int = 2) -> None:
        content = find_teacher("blazepose-heavy").read_bytes()
        self._interpreter = make_interpreter(content, Device("cpu"), threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        (self._output,) = (
            detail["index"]
            for detail in self._interpreter.get_output_details()
            if tuple(detail["shape"]) == (1, _LANDMARKS * _NUMBERS)
        )

    def predict(self, rgb: Rgb, found: Joints) -> Joints:
        """Key points `[17, 3]` (x, y, visibility 0..1) of somebody with the key points `found`."""
        hips, shoulders = found[11:13, :2].mean(0), found[5:7, :2].mean(0)
        up = shoulders - hips
        seen = found[found[:, 2] > _SEEN, :2]
        reach = float(np.hypot(*(seen - hips).T).max()) * 1.25 if len(seen) else 0.0
        half = max(reach, 1.5 * math.hypot(*up), 8.0)
        turn = math.degrees(math.atan2(up[0], -up[1]))
        centre = (float(hips[0]), float(hips[1]))
        matrix = cv2.getRotationMatrix2D(centre, turn, _SIDE / 2 / half)
        matrix[:, 2] += _SIDE / 2 - hips
        view = cv2.warpAffine(rgb, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        self._interpreter.set_tensor(self._input, view.astype(np.float32)[None] / 255)
        self._interpreter.invoke()
        answer = self._interpreter.get_tensor(self._output).reshape(_LANDMARKS, _NUMBERS)
        points: Joints = np.array(answer[list(_OF_COCO), :3], np.float32)
        back = cv2.invertAffineTransform(matrix)
        points[:, :2] = points[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] = 1 / (1 + np.exp(-answer[list(_OF_COCO), 3]))
        return points


def where_they_agree(one: Joints, other: Joints) -> Joints:
    """The first one's key points; those that the other has elsewhere get score 0."""
    result = one.copy()
    apart = np.hypot(*(one - other)[:, :2].T)
    result[apart > NEAR * extent_of(one), 2] = 0
    return result
