"""What a performer learns from: crops of the dancer, small enough to keep, drawn anew each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Keypoints, Labels, Rgb
from inference.body import LABEL_NAMES, MIRROR_KEYPOINTS, MIRROR_LABELS
from transfer.performers.condition import draw_limbs, moved
from transfer.performers.crop import Crop, Matrix, crop_around
from transfer.target.plate import light, lit
from transfer.target.target import Target

MARGIN = 1.2
"""Side of what is kept over what is rendered: room to shift and turn."""
QUALITY = 95
THREADS = 2

BLOB_AXES = (0.01, 0.08)
"""Half the length and width of a confused piece, of the crop's side."""

_CONFUSABLE = np.array([name != "background" and "arm" not in name and "hand" not in name
                        for name in LABEL_NAMES])  # fmt: skip
"""By label."""

Random = np.random.Generator
_MIRROR = np.arange(256, dtype=np.uint8)
_MIRROR[: len(MIRROR_LABELS)] = MIRROR_LABELS


@dataclass(frozen=True, slots=True)
class Augment:
    """How much pictures and conditions are changed, together or the condition alone."""

    shift: float = 0.06
    """Of the crop's side, at most."""
    scale: float = 0.1
    """At most, up or down."""
    degrees: float = 6.0
    mirror: float = 0.3
    """How often; a dancer's two sides differ, but twice the poses are worth more."""
    light: float = 0.05
    drop: float = 0.05
    """How often each part or limb is missing from the condition."""
    blobs: float = 3.0
    """How many pieces of the part map are taken for another part, on average. Without, four
    minutes drew arms and holes into a dancer seen from a new side, as her part map had them."""
    keypoint_noise: float = 0.006
    """Standard deviation, of the crop's side."""
    before: bool = False
    """Whether the frame before is made as well."""


PLAIN = Augment(0, 0, 0, 0, 0, 0, 0, 0)
"""For measuring."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame's crop, encoded."""

    number: int
    """Of the pair."""
    rgb: bytes
    labels: bytes
    keypoints: Keypoints
    """Pixels of the target's picture."""
    crop: Crop
    """What is rendered of the target's picture; `MARGIN` times as much is kept."""


@dataclass(frozen=True, slots=True)
class Example:
    """One frame as it is to be drawn, all of the crop's size `S`."""

    rgb: Rgb
    parts: Labels
    mask: Labels
    """The dancer, 0 or 1, nothing dropped."""
    limbs: NDArray[np.uint8]
    plate: Rgb


class TransferData:
    """Frames of one target as examples."""

    def __init__(
        self,
        target: Target,
        numbers: Sequence[int],
        side: int,
        size: int,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Reads and crops all `numbers` of the target's pairs once.

        `side`: of the usual square, pixels of the target's picture; `size`: of what is rendered.
        """
        self.size = size
        self._big = 2 * round(size * MARGIN / 2)
        self._target = target
        self._plate = target.plate
        self._plates: dict[int, Rgb] = {}
        self.kept: list[Kept] = []
        with ThreadPoolExecutor(THREADS, "crops") as threads:
            found = threads.map(lambda number: self._keep(number, side), numbers)
            for done, one in enumerate(found, start=1):
                if one is not None:
                    self.kept.append(one)
                progress(done, len(numbers))
        self._place = {one.number: place for place, one in enumerate(self.kept)}

    def __len__(self) -> int:
        return len(self.kept)

    def examples(self, place: int, augment: Augment, random: Random) -> list[Example]:
        """The `place`-th frame, changed as `augment` says.

        With `augment.before` the frame before it follows in the very same crop; the frame itself
        again where there is none.
        """
        one = self.kept[place]
        matrix, mirrored = self.matrix(one.crop, augment, random)
        brightness = math.exp(random.normal(0, augment.light)) if augment.light else 1.0
        plate = _lighter(self.plate_at(one.crop.side, matrix), brightness)
        frames = [one]
        if augment.before:
            frames.append(self.kept[self._place.get(one.number - 1, place)])
        warped = []
        for frame in frames:
            parts, keypoints = self.condition(frame, matrix, mirrored)
            mask = (parts > 0).astype(np.uint8)
            if augment.drop:
                parts, keypoints = dropped(parts, keypoints, augment, random, self.size)
            if augment.blobs:
                parts = confused(parts, int(random.poisson(augment.blobs)), random)
            rgb = _lighter(self.rgb(frame, matrix), brightness)
            limbs = draw_limbs(keypoints, self.size)
            warped.append(Example(rgb, parts, mask, limbs, plate))
        return warped

    def _keep(self, number: int, side: int) -> Kept | None:
        labels = self._target.labels(number)
        crop = crop_around(labels, side)
        if crop is None:
            return None
        rgb = self._target.frame(number)
        rgb = lit(rgb, light(rgb, self._plate, labels))
        large = _larger(crop)
        jpeg = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, picture = cv2.imencode(
            ".jpg", cv2.cvtColor(large.cut(rgb, self._big), cv2.COLOR_RGB2BGR), jpeg
        )
        size = (self._big, self._big)
        cut = cv2.warpAffine(labels, large.matrix(self._big), size, flags=cv2.INTER_NEAREST)
        _, mask = cv2.imencode(".png", cut, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        keypoints = self._target.keypoints[number]
        return Kept(number, picture.tobytes(), mask.tobytes(), keypoints, crop)

    def matrix(self, crop: Crop, augment: Augment, random: Random) -> tuple[Matrix, bool]:
        """From the target's picture to the example, and whether that mirrors."""
        matrix = np.vstack([crop.matrix(self.size), (0, 0, 1)])
        mirrored = bool(random.random() < augment.mirror)
        if augment.shift:
            centre = (self.size - 1) / 2
            scale = math.exp(random.uniform(-augment.scale, augment.scale))
            degrees = random.uniform(-augment.degrees, augment.degrees)
            turn = np.array(cv2.getRotationMatrix2D((centre, centre), degrees, scale), np.float64)
            turn[:, 2] += random.uniform(-augment.shift, augment.shift, 2) * self.size
            matrix = np.vstack([turn, (0, 0, 1)]) @ matrix
        if mirrored:
            matrix = np.array([[-1, 0, self.size - 1], [0, 1, 0], [0, 0, 1]]) @ matrix
        return np.asarray(matrix[:2]), mirrored

    def from_kept(self, crop: Crop, matrix: Matrix) -> Matrix:
        """From what is kept to the example."""
        back = np.linalg.inv(np.vstack([_larger(crop).matrix(self._big), (0, 0, 1)]))
        return np.asarray(matrix @ back)

    def rgb(self, one: Kept, matrix: Matrix) -> Rgb:
        """A frame's picture in an example's crop."""
        kept = cv2.imdecode(np.frombuffer(one.rgb, np.uint8), cv2.IMREAD_COLOR)
        assert kept is not None
        warped = cv2.warpAffine(
            kept, self.from_kept(one.crop, matrix), (self.size, self.size),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(cv2.cvtColor(warped, cv2.COLOR_BGR2RGB), np.uint8)

    def kept_labels(self, one: Kept) -> Labels:
        """The label map of all that is kept of a frame."""
        kept = cv2.imdecode(np.frombuffer(one.labels, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert kept is not None
        return np.asarray(kept, np.uint8)

    def larger(self, crop: Crop) -> Crop:
        """What is kept of a crop's surroundings."""
        return _larger(crop)

    def _labels(self, one: Kept, matrix: Matrix) -> Labels:
        warped = cv2.warpAffine(
            self.kept_labels(one),
            self.from_kept(one.crop, matrix),
            (self.size, self.size),
            flags=cv2.INTER_NEAREST,
        )
        return np.asarray(warped, np.uint8)

    def plate_at(self, side: int, matrix: Matrix) -> Rgb:
        """The plate in the example, from one that was made smaller first: nothing glitters."""
        factor = min(1.0, self.size / side)
        if side not in self._plates:
            height, width = self._plate.shape[:2]
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            small = cv2.resize(self._plate, size, interpolation=cv2.INTER_AREA)
            self._plates[side] = np.asarray(small, np.uint8)
        small = self._plates[side]
        x, y = small.shape[1] / self._plate.shape[1], small.shape[0] / self._plate.shape[0]
        down = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])
        warped = cv2.warpAffine(
            small, matrix @ np.linalg.inv(down), (self.size, self.size),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(warped, np.uint8)

    def within(self, matrix: Matrix) -> NDArray[np.bool_]:
        """Where the example is in the target's picture, and not beyond its border."""
        height, width = self._plate.shape[:2]
        corners = np.array([[1, 1], [width - 2, 1], [width - 2, height - 2], [1, height - 2]])
        places = corners @ matrix[:, :2].T + matrix[:, 2]
        there = np.zeros((self.size, self.size), np.uint8)
        cv2.fillConvexPoly(there, places.round().astype(np.int32), 1)
        return np.asarray(there > 0)

    def condition(self, one: Kept, matrix: Matrix, mirrored: bool) -> tuple[Labels, Keypoints]:
        """Parts and key points of a frame in an example's crop."""
        parts = self._labels(one, matrix)
        keypoints = moved(one.keypoints, matrix)
        if mirrored:
            parts = np.asarray(cv2.LUT(parts, _MIRROR), np.uint8)
            keypoints = keypoints[list(MIRROR_KEYPOINTS)]
        return parts, keypoints


class Examples(Protocol):
    """Frames that examples are made of."""

    def __len__(self) -> int: ...

    def examples(self, place: int, augment: Augment, random: Random) -> list[Example]:
        """The `place`-th frame, changed as `augment` says, and perhaps the one before."""


class Joined:
    """Several clips of one dancer as one."""

    def __init__(self, parts: Sequence[Examples]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def examples(self, place: int, augment: Augment, random: Random) -> list[Example]:
        """The `place`-th frame of all, changed as `augment` says, and perhaps the one before."""
        part = int(np.searchsorted(self._ends, place, side="right"))
        before = int(self._ends[part - 1]) if part else 0
        return self._parts[part].examples(place - before, augment, random)


def _larger(crop: Crop) -> Crop:
    """What is kept of a crop's surroundings."""
    side = round(crop.side * MARGIN)
    out = (side - crop.side) // 2
    return Crop(crop.x - out, crop.y - out, side)


def dropped(
    parts: Labels, keypoints: Keypoints, augment: Augment, random: Random, size: int
) -> tuple[Labels, Keypoints]:
    """The condition as a network that looks at a stranger may get it: some of it is missing."""
    table = np.arange(256, dtype=np.uint8)
    table[1:][random.random(255) < augment.drop] = 0
    keypoints = keypoints.copy()
    keypoints[random.random(len(keypoints)) < augment.drop, 2] = 0
    noise = random.normal(0, augment.keypoint_noise * size, (len(keypoints), 2))
    keypoints[:, :2] += noise.astype(np.float32)
    return np.asarray(cv2.LUT(parts, table), np.uint8), keypoints


def confused(parts: Labels, blobs: int, random: Random) -> Labels:
    """Some ellipses of the dancer become other parts that are there, as networks see arms on chests
    and backs on thighs. Not of the arms: they are thin, and soon would not be believed at all."""
    there = np.flatnonzero(parts)
    if not len(there) or not blobs:
        return parts
    size = len(parts)
    others = np.unique(parts.reshape(-1)[there])
    warped = parts.copy()
    for place in random.choice(there, blobs):
        y, x = divmod(int(place), size)
        axes = [max(1, int(axis)) for axis in random.uniform(*BLOB_AXES, 2) * size]
        label, turn = int(random.choice(others)), float(random.uniform(0, 180))
        cv2.ellipse(warped, (x, y), axes, turn, 0, 360, label, -1)
    return np.where(_CONFUSABLE[parts], warped, parts)


def _lighter(rgb: Rgb, brightness: float) -> Rgb:
    if brightness == 1.0:
        return rgb
    return np.asarray(cv2.convertScaleAbs(rgb, alpha=brightness), np.uint8)
