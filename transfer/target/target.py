"""A dataset as the one to be shown: poses, body frame, clean plate, cut-outs of the dancer."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.dataset import Dataset
from capture.errors import CaptureError, DatasetError
from capture.files import write_whole
from capture.pairs import POSES_NAME, PairRecord
from inference.arrays import Labels, Rgb
from inference.smoothing import smooth_clip
from transfer.errors import TransferError
from transfer.target.frame_filter import FrameCheck, UsableFrames, flagged
from transfer.target.normalisation import BodyFrame, fit_body_frame
from transfer.target.plate import FRAMES, clean_plate, light, lit
from transfer.target.pose_space import Reals

LONGEST_SIDE = 1280
"""Larger targets are shown at half, a third, ... of their size."""
PLATE_NAME = "plate.png"
USABLE_NAME = "usable.json"
KEPT = 64
"""Cut-outs in memory."""
EDGE = 1.0
"""Softness of a cut-out's edge, pixels."""
LEAST_PAIRS = 2


@dataclass(frozen=True, slots=True)
class CutOut:
    """The dancer of one frame."""

    rgba: NDArray[np.uint8]
    """`[h, w, 4]`, alpha 0..255."""
    x: int
    """Of its left upper corner in the target's picture."""
    y: int


class Target:
    """Everything that performers need of a dataset; frames are read when they are asked for."""

    def __init__(self, dataset: Dataset) -> None:
        """Raises `TransferError` when it shows nobody, or too little of somebody."""
        self.dataset = dataset
        title = dataset.manifest.title
        self._edited = self._last_edited()
        shown = [pair for pair in dataset.used if pair.mended() is not None]
        if not shown:
            raise TransferError(f"{title} shows nobody: capture somebody dancing first.")
        sizes = [dataset.size(pair.index) for pair in shown]
        [((width, height), count)] = Counter(sizes).most_common(1)
        self.pairs: list[PairRecord] = [
            pair for pair, size in zip(shown, sizes, strict=True) if size == (width, height)
        ]
        """Those that show somebody, all with pictures of one size: a phone may have been turned."""
        self.warning = (
            ""
            if count == len(shown)
            else f"{len(shown) - count} of {len(shown)} pairs are left out: their pictures are not "
            f"{width}x{height} as most are."
        )
        """What is left out for its size; empty: nothing."""
        if count < LEAST_PAIRS:
            raise TransferError(f"{title} has too few pairs: {LEAST_PAIRS} are the least.")
        self.reduction = max(1, -(-max(width, height) // LONGEST_SIDE))
        self.size = (width // self.reduction, height // self.reduction)
        """Width and height of the pictures that are shown."""
        self.seconds = np.array([pair.time_s for pair in self.pairs])
        self.keypoints = self._smooth_keypoints()
        """Smoothed, imputed, in pixels of `size`, `[pairs, 17, 3]`."""
        body_frame = fit_body_frame(self.keypoints, self.seconds)
        if body_frame is None:
            raise TransferError(
                f"Nobody's shoulders are seen in {dataset.manifest.title}: capture from further "
                "away."
            )
        self.body_frame: BodyFrame = body_frame
        self._cut: OrderedDict[int, CutOut] = OrderedDict()

    @classmethod
    def open(cls, path: Path) -> Target:
        """The dataset in a folder; `TransferError` or `DatasetError` when it cannot be used."""
        return cls(Dataset.open(path))

    def frame(self, number: int) -> Rgb:
        """Picture of the `number`-th pair, uint8 `[H, W, 3]` of `size`."""
        rgb = self.dataset.frame(self.pairs[number].index)
        if self.reduction > 1:
            rgb = np.asarray(cv2.resize(rgb, self.size, interpolation=cv2.INTER_AREA), np.uint8)
        return rgb

    def labels(self, number: int) -> Labels:
        """Label map of the `number`-th pair, of `size`."""
        labels = self.dataset.labels(self.pairs[number].index)
        if self.reduction > 1:
            labels = np.asarray(
                cv2.resize(labels, self.size, interpolation=cv2.INTER_NEAREST), np.uint8
            )
        return labels

    def cut_out(self, number: int) -> CutOut:
        """The dancer of the `number`-th pair; read once, then kept for a while."""
        if number in self._cut:
            self._cut.move_to_end(number)
            return self._cut[number]
        labels = self.labels(number)
        rgb = self.frame(number)
        made = _cut(lit(rgb, light(rgb, self.plate, labels)), labels)
        self._cut[number] = made
        if len(self._cut) > KEPT:
            self._cut.popitem(last=False)
        return made

    @cached_property
    def plate(self) -> Rgb:
        """The clean plate, `size`; made once and kept beside the dataset where that is allowed."""
        if (stored := self.stored(PLATE_NAME)) is not None:
            picture = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
            if picture is not None and picture.shape[1::-1] == self.size:
                return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
        numbers = np.linspace(0, len(self.pairs) - 1, min(FRAMES, len(self.pairs))).round()
        chosen = [int(number) for number in numbers]
        plate = clean_plate(
            [self.frame(number) for number in chosen],
            [self.labels(number) for number in chosen],
            [self.keypoints[number] for number in chosen],
        )
        _, data = cv2.imencode(".png", cv2.cvtColor(plate, cv2.COLOR_RGB2BGR))
        self.store(PLATE_NAME, data.tobytes())
        return plate

    @cached_property
    def usable(self) -> UsableFrames:
        """Which pairs are fit to be shown or learnt from; found once and kept like the plate."""
        if (stored := self.stored(USABLE_NAME)) is not None:
            with suppress(ValueError, TypeError, KeyError):
                return UsableFrames.from_json(json.loads(stored), len(self.pairs))
        check = FrameCheck(self.plate)
        for number in range(len(self.pairs)):
            check.add(self.frame(number), self.labels(number))
        usable = check.usable([pair.flags for pair in self.pairs], self.seconds, self.keypoints)
        self.store(USABLE_NAME, json.dumps(usable.to_json()).encode())
        return usable

    def at_first(self, most: int) -> list[int]:
        """Numbers of at most so many pairs, evenly over the time, that nothing is known against:
        `usable` looks at every picture."""
        bad = flagged([pair.flags for pair in self.pairs])
        good = [number for number in range(len(self.pairs)) if number not in bad]
        places = np.linspace(0, len(good) - 1, min(most, len(good))).round().astype(int)
        return [good[place] for place in places.tolist()]

    def left_out(self) -> str:
        """Which pairs are left out and why, in a sentence or two; empty when none is."""
        return " ".join(filter(None, (self.warning, self.usable.sentence())))

    def _last_edited(self) -> int:
        """When pairs were last written or edited, nanoseconds; 0 when that cannot be seen."""
        with suppress(OSError):
            return (self.dataset.path / POSES_NAME).stat().st_mtime_ns
        return 0

    def stored(self, name: str) -> bytes | None:
        """What was kept beside the dataset, unless its pairs were edited since."""
        path = self.dataset.path / name
        with suppress(OSError):
            if path.stat().st_mtime_ns >= self._edited:
                return path.read_bytes()
        return None

    def store(self, name: str, data: bytes) -> None:
        """Keep a file beside the dataset, where that is allowed and its pairs are still these."""
        if self._last_edited() != self._edited:
            return  # It was edited, or another took its place, while this was made.
        # A folder that may only be read: it is made anew next time.
        with suppress(CaptureError, OSError):
            write_whole(self.dataset.path / name, data)
            if self._last_edited() != self._edited:  # While it was written: it would look newer.
                (self.dataset.path / name).unlink()

    def _smooth_keypoints(self) -> Reals:
        raw = np.zeros((len(self.pairs), 17, 3), np.float32)
        for number, pair in enumerate(self.pairs):
            keypoints = pair.mended()
            assert keypoints is not None
            raw[number] = keypoints
        smooth = smooth_clip(raw, self.seconds)
        smooth[..., :2] = (smooth[..., :2] + 0.5) / self.reduction - 0.5
        return smooth


def _cut(rgb: Rgb, labels: Labels) -> CutOut:
    x, y, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    if width == 0:
        return CutOut(np.zeros((1, 1, 4), np.uint8), 0, 0)
    margin = 3
    left, top = max(0, x - margin), max(0, y - margin)
    part = np.s_[top : y + height + margin, left : x + width + margin]
    alpha = np.where(labels[part] > 0, np.uint8(255), np.uint8(0))
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), EDGE), np.uint8)
    return CutOut(np.dstack([rgb[part], alpha]), left, top)


def find_target(name: str, folder: Path) -> Target:
    """The dataset by its path, or by its id in a folder of datasets."""
    path = Path(name)
    if not (path / "dataset.json").is_file():
        path = folder / name
    if not (path / "dataset.json").is_file():
        raise TransferError(f"{name} is no dataset: give the folder that a capture made.")
    try:
        return Target.open(path)
    except DatasetError as error:
        raise TransferError(str(error)) from error
