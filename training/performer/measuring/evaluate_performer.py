"""How good a performer is: against the truth on frames nobody learnt from, and as a stranger.

*Reconstruction*: the dancer's own frames are performed as a source would be. True frame and picture
are cut to the true dancer's box and a tenth more, and resized to 256x256 (`ssim`, `error`, `psnr`,
`haarpsi`); the same for the whole frame and for a square around the face. *Transfer*: another
dancer's frames; there is no truth, only the pose to be shown.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.analysis import Analysis, Person
from inference.arrays import Keypoints, Labels, Rgb
from inference.pool import NetworkPool
from inference.skeleton import MIN_SCORE, body_scale
from training.performer.measuring.haarpsi import haarpsi
from training.performer.measuring.motion_metrics import Flows, flow_distance, warping_error
from training.performer.measuring.picture_metrics import ssim
from training.performer.measuring.pose_metrics import Eyes, pose_difference
from training.performer.measuring.sharpness import dancer, sharpness
from transfer.performers.condition import FACE_POINTS
from transfer.performers.performer import Performer
from transfer.target.target import Target

SIDE = 256
MARGIN = 0.1
"""Around the dancer's box, of its sides."""
FACE = 0.2
"""Side of the square around a face, in body heights."""
LEAST_FACE_POINTS = 2
FACE_SIDE, LEAST_FACE = 64, 8
"""What a face is resized to, and what is too small to be looked at, pixels."""

Figures = dict[str, float]
"""By name: mean over the frames; `ms` is the median time of a picture, without the analysis."""
OnPicture = Callable[[int, Rgb, Rgb], None]
"""Number of the frame, the true (or the source's) picture, the one that was made."""


class PlateOnly:
    """The baseline that shows nobody."""

    def __init__(self, plate: Rgb) -> None:
        self._plate = plate

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return self._plate.shape[1], self._plate.shape[0]

    @property
    def warning(self) -> str:
        """Nothing: what is there is shown."""
        return ""

    def perform(self, rgb: Rgb, analysis: Analysis, time_s: float) -> Rgb:
        """The plate."""
        return self._plate

    def reset(self) -> None:
        """Nothing to forget."""


@dataclass(frozen=True, slots=True)
class Poses:
    """Who looks at made pictures, and what is to be seen in them."""

    pool: NetworkPool
    wanted: Mapping[int, Keypoints | None]
    """By number of the pair: what the same eyes see in the source's own frame."""

    @classmethod
    def of(cls, pool: NetworkPool, source: Target, numbers: Sequence[int]) -> Poses:
        """Looks at a dataset's own frames first."""
        eyes = Eyes(pool)
        seconds = source.seconds
        return cls(pool, {n: eyes.predict(source.frame(n), float(seconds[n])) for n in numbers})


def reconstruction(
    performer: Performer,
    truth: Target,
    numbers: Sequence[int],
    poses: Poses | None = None,
    on_picture: OnPicture = lambda number, true, generated: None,
) -> Figures:
    """A performer of the dancer on the dancer's own frames; `on_picture` gets both cut pictures."""
    scores: dict[str, list[float]] = defaultdict(list)
    eyes = Eyes(poses.pool) if poses else None
    flows = Flows()
    before: tuple[int, Rgb, Rgb] | None = None
    for number in numbers:
        labels, true = truth.labels(number), truth.frame(number)
        generated = _performed(performer, truth, number, true, labels, scores)
        if not (labels > 0).any():
            continue
        ours, theirs = cut(generated, labels), cut(true, labels)
        on_picture(number, theirs, ours)
        _compare(scores, "", theirs, ours)
        if poses is None or eyes is None:
            continue
        _compare(scores, "frame_", true, generated)
        face = _face(truth.keypoints[number], true.shape)
        if face is not None:
            _compare(scores, "face_", _small(true[face]), _small(generated[face]))
        _compare_sharpness(scores, true, generated, labels, face)
        _compare_poses(scores, poses, eyes, number, generated, float(truth.seconds[number]))
        if before is not None and before[0] == number - 1:
            _compare_motion(scores, flows, (true, before[1]), (generated, before[2]), labels)
        before = number, true, generated
    return _means(scores)


def transfer(
    performer: Performer,
    source: Target,
    numbers: Sequence[int],
    poses: Poses,
    on_picture: OnPicture = lambda number, true, generated: None,
) -> Figures:
    """A performer driven by somebody else's frames; `on_picture` gets theirs and the made one."""
    scores: dict[str, list[float]] = defaultdict(list)
    eyes = Eyes(poses.pool)
    for number in numbers:
        labels, rgb = source.labels(number), source.frame(number)
        generated = _performed(performer, source, number, rgb, labels, scores)
        on_picture(number, rgb, generated)
        _compare_poses(scores, poses, eyes, number, generated, float(source.seconds[number]))
    return _means(scores)


def cut(rgb: Rgb, labels: Labels) -> Rgb:
    """The dancer's box and a margin, as large as is measured."""
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    more_x, more_y = round(width * MARGIN), round(height * MARGIN)
    part = rgb[max(0, y - more_y) : y + height + more_y, max(0, x - more_x) : x + width + more_x]
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _performed(
    performer: Performer,
    source: Target,
    number: int,
    rgb: Rgb,
    labels: Labels,
    scores: dict[str, list[float]],
) -> Rgb:
    keypoints: NDArray[np.float32] = source.keypoints[number]
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    person = Person(keypoints, 1.0, (float(x), float(y), float(width), float(height)))
    analysis = Analysis(labels, person, smoothed=keypoints)
    began = time.perf_counter()
    generated = performer.perform(rgb, analysis, float(source.seconds[number]))
    scores["ms"].append((time.perf_counter() - began) * 1000)
    return generated


def _compare(scores: dict[str, list[float]], prefix: str, true: Rgb, generated: Rgb) -> None:
    scores[prefix + "ssim"].append(float(ssim(_tensor(true), _tensor(generated))))
    scores[prefix + "error"].append(float(cv2.absdiff(true, generated).mean()))
    scores[prefix + "psnr"].append(float(cv2.PSNR(true, generated)))
    scores[prefix + "haarpsi"].append(haarpsi(true, generated))


def _compare_sharpness(
    scores: dict[str, list[float]],
    true: Rgb,
    generated: Rgb,
    labels: Labels,
    face: tuple[slice, slice] | None,
) -> None:
    inside = dancer(labels)
    found = {"sharpness": sharpness(true, generated, inside)}
    if face is not None:
        found["face_sharpness"] = sharpness(true[face], generated[face], inside[face])
    for name, value in found.items():
        if value is not None:
            scores[name].append(value)


def _compare_poses(
    scores: dict[str, list[float]],
    poses: Poses,
    eyes: Eyes,
    number: int,
    generated: Rgb,
    time_s: float,
) -> None:
    seen = eyes.predict(generated, time_s)
    wanted = poses.wanted[number]
    if wanted is None or (difference := pose_difference(wanted, seen)) is None:
        return
    if difference.distance is not None:
        scores["pose_distance"].append(difference.distance)
    scores["pck"].append(difference.right)
    scores["missed"].append(difference.missed)


def _compare_motion(
    scores: dict[str, list[float]],
    flows: Flows,
    true: tuple[Rgb, Rgb],
    generated: tuple[Rgb, Rgb],
    labels: Labels,
) -> None:
    """Each pair is the later and the earlier picture."""
    flow = flows.between(*true)
    real = max(warping_error(*true, flow, labels), 1e-3)
    scores["warping_error"].append(warping_error(*generated, flow, labels) / real)
    scores["flow_distance"].append(flow_distance(flows.between(*generated), flow, labels))


def _face(keypoints: Keypoints, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """The square around the face that lies wholly in the picture; None when it is not seen."""
    seen = keypoints[:FACE_POINTS][keypoints[:FACE_POINTS, 2] >= MIN_SCORE, :2]
    if len(seen) < LEAST_FACE_POINTS:
        return None
    centre_x, centre_y = map(float, seen.mean(axis=0))
    side = round(FACE * body_scale(keypoints))
    x, y = round(centre_x - side / 2), round(centre_y - side / 2)
    if side < LEAST_FACE or x < 0 or y < 0 or x + side > shape[1] or y + side > shape[0]:
        return None
    return slice(y, y + side), slice(x, x + side)


def _small(face: Rgb) -> Rgb:
    return np.asarray(cv2.resize(face, (FACE_SIDE, FACE_SIDE)), np.uint8)


def _means(scores: Mapping[str, Sequence[float]]) -> Figures:
    return {
        name: round(float(np.median(values) if name == "ms" else np.mean(values)), 4)
        for name, values in scores.items()
    }


def _tensor(rgb: Rgb) -> torch.Tensor:
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None].float() / 255
