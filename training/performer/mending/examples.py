"""What the mending network learns from: frames of a dataset, each out of references from other
times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.arrays import Labels, Rgb
from training.performer.data import (
    MARGIN,
    THREADS,
    Augment,
    Kept,
    Random,
    TransferData,
    confused,
    dropped,
)
from training.performer.mending.looks import Look, bent
from transfer.performers.warp.choice import choose
from transfer.performers.warp.composition import Warped, compose
from transfer.performers.warp.mending import SIZE, mending_input
from transfer.target.pieces import COUNT, BodyPose
from transfer.target.references import ReferenceBank
from transfer.target.target import Target

AWAY = (18, 60)
"""References are so many frames away at least: nearer ones would show the truth itself."""
LEAST_ALLOWED = 10
KEYPOINT_NOISE = 0.004
"""Of the crop's side, in all variants but the first."""
PRICE_NOISE = 0.25
"""How much what references cost varies there: others are chosen."""
WORSE = 0.12
"""In the last variant so many pieces come from anywhere."""
VARIANTS = 3

AUGMENT = replace(Augment(), mirror=0.5, light=0.0)


@dataclass(frozen=True, slots=True)
class Example:
    """One frame to be mended, `S` pixels square, uint8."""

    parts: Labels
    planes: NDArray[np.uint8]
    """As `mending.MendingInput`."""
    rgb: Rgb
    """The truth."""
    mask: Labels
    """The dancer, 0 or 1."""
    plate: Rgb


class MendingData:
    """Frames of one dataset as examples."""

    def __init__(
        self,
        target: Target,
        numbers: Sequence[int],
        bank: ReferenceBank,
        side: int,
        first: int = 0,
        exact: bool = False,
        seed: int = 0,
    ) -> None:
        """Crops all `numbers` of the target's pairs; `add_variant` makes what is mended.

        `bank`: to warp from; `side`: of the usual square, pixels of the target's picture;
        `first`: where this target's numbers begin in the bank; `exact`: references may be of the
        same time, for frames that the bank does not hold.
        """
        self._crops = TransferData(target, numbers, side, SIZE)
        self._bank, self._first, self._seed = bank, first, seed
        self._exact = exact
        self._variants: list[list[bytes]] = []

    def __len__(self) -> int:
        return len(self._crops.kept)

    @property
    def variants(self) -> int:
        """That have been made."""
        return len(self._variants)

    def add_variant(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Warp every frame once more, unless `stop` says so: the first time as it is, then
        disturbed."""
        variant = len(self._variants)

        def warp(place: int) -> bytes:
            return b"" if stop() else self._warp(place, variant)

        with ThreadPoolExecutor(THREADS, "warping") as threads:
            made = list(threads.map(warp, range(len(self))))
        if not stop():
            self._variants.append(made)

    def example(
        self, place: int, augment: Augment, random: Random, window: bool, look: Look | None = None
    ) -> Example:
        """The `place`-th frame, changed as `augment` says.

        `window`: a square of half the side on the dancer; `look`: other colours for all of it.
        """
        one = self._crops.kept[place]
        matrix, mirrored = self._crops.matrix(one.crop, augment, random)
        parts, keypoints = self._crops.condition(one, matrix, mirrored)
        side, left, top = SIZE, 0, 0
        if window:
            side = SIZE // 2
            there = np.flatnonzero(parts)
            middle = int(there[random.integers(len(there))]) if len(there) else SIZE * SIZE // 2
            top, left = (np.array(divmod(middle, SIZE)) - side // 2).clip(0, SIZE - side).tolist()
        inside = np.s_[top : top + side, left : left + side]
        mask = (parts[inside] > 0).astype(np.uint8)
        if augment.drop:
            if random.random() < 0.5:
                parts = bent(parts, random)
            parts, keypoints = dropped(parts, keypoints, augment, random, SIZE)
            parts = confused(parts, int(random.poisson(augment.blobs)), random)
        variant = self._variants[int(random.integers(len(self._variants)))][place]
        to_window = self._crops.from_kept(one.crop, matrix)
        to_window[:, 2] -= (left, top)
        moved_planes = cv2.warpAffine(_planes(variant), to_window, (side, side))
        planes = np.asarray(moved_planes, np.uint8)
        rgb = self._crops.rgb(one, matrix)[inside]
        plate = self._crops.plate_at(one.crop.side, matrix)[inside]
        # Beyond its border the picture's edge goes on: there is nothing to be learnt.
        rgb = np.where(self._crops.within(matrix)[inside][..., None], rgb, plate)
        if look is not None:
            rgb, plate, planes = look.of(rgb), look.of(plate), look.of_planes(planes)
        keypoints = keypoints - np.array([left, top, 0], np.float32)
        inputs = mending_input(
            np.ascontiguousarray(parts[inside]), keypoints, Warped.of(planes), side
        )
        return Example(inputs.parts, inputs.planes, rgb, mask, plate)

    def _warp(self, place: int, variant: int) -> bytes:
        """The frame out of references, as large as what is kept of it."""
        one = self._crops.kept[place]
        random = np.random.default_rng((self._seed, variant, place))
        large = self._crops.larger(one.crop)
        side = round(SIZE * MARGIN / 2) * 2
        # Composed at twice the size, as what is shown is.
        canvas, size = large.matrix(2 * side), 2 * side
        keypoints = one.keypoints.copy()
        price = None
        if variant:
            noise = random.normal(0, KEYPOINT_NOISE * one.crop.side, (17, 2))
            keypoints[:, :2] += noise.astype(np.float32)
            more = random.exponential(PRICE_NOISE / 2, (COUNT, len(self._bank.numbers)))
            price = more.astype(np.float32)
        parts = self._crops.kept_labels(one)
        step = large.side / len(parts)
        offset = (step - 1) / 2
        pose = BodyPose.of(keypoints, parts, large.x + offset, large.y + offset, step)
        allowed = self._allowed(one, random)
        choice = choose(self._bank, pose, allowed, price)
        if variant and variant == VARIANTS - 1:
            worse = random.random(COUNT) < WORSE
            choice.pieces[worse] = random.choice(np.flatnonzero(allowed), worse.sum())
        warped = compose(self._bank, choice, pose, canvas, parts, size)
        halves = np.split(warped.planes, (4,), axis=2)
        small = [cv2.resize(half, (side, side), interpolation=cv2.INTER_AREA) for half in halves]
        tall = np.dstack(small).transpose(2, 0, 1).reshape(-1, side)
        return cv2.imencode(".png", tall, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()

    def _allowed(self, one: Kept, random: Random) -> NDArray[np.bool_]:
        apart = np.abs(self._bank.numbers - self._first - one.number)
        if self._exact:
            return np.ones(len(apart), np.bool_)
        for away in (int(random.integers(*AWAY)), AWAY[0], AWAY[0] // 2):
            allowed = np.asarray(apart >= away)
            if allowed.sum() >= LEAST_ALLOWED:
                return allowed
        return np.asarray(apart > 0)


def _planes(content: bytes) -> NDArray[np.uint8]:
    tall = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert tall is not None
    side = tall.shape[1]
    return np.ascontiguousarray(tall.reshape(-1, side, side).transpose(1, 2, 0), np.uint8)


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors, uint8 `[N, S, S(, C)]`."""

    parts: Tensor
    planes: Tensor
    rgb: Tensor
    mask: Tensor
    plate: Tensor

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Batch:
        """Examples side by side."""
        return cls(
            **{
                one.name: torch.from_numpy(
                    np.ascontiguousarray(np.stack([getattr(each, one.name) for each in examples]))
                )
                for one in fields(cls)
            }
        )

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        return type(self)(**{one.name: getattr(self, one.name).to(device) for one in fields(self)})
