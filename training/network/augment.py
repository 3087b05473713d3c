"""New pictures from labelled ones: turned, scaled, cropped, put before other backgrounds, spoilt.

Everything is drawn from the generator that is handed in: the same seed gives the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Rgb
from inference.body import MIRROR_KEYPOINTS, MIRROR_LABELS
from training.network.labelled import MAYBE, Labelled, Packed

_MIRROR = np.arange(256, dtype=np.uint8)
_MIRROR[: len(MIRROR_LABELS)] = MIRROR_LABELS

Random = np.random.Generator
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chances:
    """How often what happens to a picture, 0..1."""

    background: float = 0.35
    """Another background, for pictures with a human mask."""
    another_person: float = 0.3
    """Somebody else pasted into the picture; then as often once more, up to `MOST_PASTED`."""
    close_up: float = 0.4
    """Head and trunk, or head and shoulders, fill the picture, as at a desk."""
    hidden: float = 0.25
    """Something stands before a part of the people."""
    nobody: float = 0.1
    """Scenery only."""
    full_circle: float = 0.25
    """Turned by any angle; otherwise by at most `DEGREES`."""
    outside: float = 0.6
    """Scenery instead of a plain colour where the picture does not reach."""
    spoil: float = 0.6
    """Compressed, blurred, noisy or small before."""


DEGREES = 30.0
SCALES = (0.25, 2.0)
"""Size of the person against filling the picture: less than the whole, more than the whole."""
USUAL_SCALE = 0.8
"""The commonest of these."""
HEAD_ALONE = 0.4
"""Share of the close-ups that show head and shoulders."""
MOST_PASTED = 3
SCENES = 500
"""Backgrounds kept ready."""
LEAST_SCENE = 64
"""Shorter side of the part of a picture that becomes a background, pixels."""
PLAIN = 0.08
"""How often a background is only a play of colours."""
HUMAN_MASKS = "mask"
"""Source of pictures whose person can be cut out."""


class Augmenter:
    """Draws training pictures of one size from a pool of labelled ones."""

    def __init__(
        self,
        pool: Sequence[Packed],
        weights: Sequence[float],
        size: tuple[int, int],
        chances: Chances | None = None,
    ) -> None:
        """`weights`: how often each of `pool` is drawn; `size`: width, height in pixels."""
        self._pool = pool
        self._weights = np.asarray(weights, np.float64) / np.sum(weights)
        self._cut = [index for index, item in enumerate(pool) if item.source == HUMAN_MASKS]
        self._size = size
        self._chances = chances or Chances()
        self._scenes = self._find_scenes()

    def draw(self, random: Random) -> Labelled:
        """One picture of the augmenter's size with its labels."""
        chances = self._chances
        if random.random() < chances.nobody:
            return self._finished(self._scenery(random), random)
        packed = self._pool[int(random.choice(len(self._pool), p=self._weights))]
        item = self._placed(packed.labelled(), random)
        if packed.source == HUMAN_MASKS and random.random() < chances.background:
            item = _over(item, self._scenery(random))
        for _ in range(MOST_PASTED if self._cut else 0):
            if random.random() >= chances.another_person:
                break
            other = self._pool[self._cut[int(random.integers(len(self._cut)))]]
            item = _over(self._placed(other.labelled(), random), item)
        if random.random() < chances.hidden:
            item = _behind(item, self._scenery(random).rgb, random)
        return self._finished(item, random)

    def _placed(self, item: Labelled, random: Random) -> Labelled:
        """Mirrored, turned, scaled and shifted into a picture of the augmenter's size."""
        width, height = self._size
        if random.random() < 0.5:
            item = mirrored(item)
        full = random.random() < self._chances.full_circle
        degrees = random.uniform(-180, 180) if full else random.normal(0, DEGREES / 3)
        close = _close_up(item, random) if random.random() < self._chances.close_up else None
        box = close or _box(item)
        fill = min(width / max(box[2], 8), height / max(box[3], 8))
        least, most = math.log(SCALES[0]), math.log(SCALES[1])
        scale = fill * math.exp(random.triangular(least, math.log(USUAL_SCALE), most))
        # Small sources blown up beyond measure teach only blur.
        scale = min(scale, 2.5)
        centre = (box[0] + box[2] / 2, box[1] + box[3] / 2)
        matrix: Matrix = np.asarray(cv2.getRotationMatrix2D(centre, degrees, scale), np.float64)
        room_x = max(0.25, abs(width - box[2] * scale) / width / 2)
        room_y = max(0.25, abs(height - box[3] * scale) / height / 2)
        matrix[0, 2] += width * (0.5 + random.uniform(-room_x, room_x)) - centre[0]
        matrix[1, 2] += height * (0.5 + random.uniform(-room_y, room_y)) - centre[1]
        outside = self._scenery(random).rgb if random.random() < self._chances.outside else None
        return _warped(item, matrix, self._size, outside, random)

    def _scenery(self, random: Random) -> Labelled:
        """A place with nobody in it."""
        width, height = self._size
        if self._scenes and random.random() > PLAIN:
            scene = self._scenes[int(random.integers(len(self._scenes)))]
            side = random.uniform(0.5, 1.0)
            wide, high = int(scene.shape[1] * side), int(scene.shape[0] * side)
            left = int(random.integers(scene.shape[1] - wide + 1))
            top = int(random.integers(scene.shape[0] - high + 1))
            picture = cv2.resize(scene[top : top + high, left : left + wide], (width, height))
            if random.random() < 0.5:
                picture = cv2.flip(picture, int(random.integers(-1, 2)))
        else:
            coarse = random.integers(0, 256, (*random.integers(1, 5, 2), 3), np.uint8)
            picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        rgb = np.asarray(picture, np.uint8)
        empty = np.zeros((height, width), np.uint8)
        return Labelled(rgb, empty, empty.copy(), np.zeros((0, 17, 3), np.float32))

    def _find_scenes(self) -> list[Rgb]:
        """Parts of the pool's pictures that show nobody, of the augmenter's size."""
        random = np.random.default_rng(len(self._pool))
        scenes: list[Rgb] = []
        for index in random.permutation(len(self._pool))[: 4 * SCENES]:
            item = self._pool[int(index)].labelled()
            rows, columns = item.people.shape
            for _ in range(8):
                wide, high = (int(side * random.uniform(0.25, 0.9)) for side in (columns, rows))
                left = int(random.integers(columns - wide + 1))
                top = int(random.integers(rows - high + 1))
                part = np.s_[top : top + high, left : left + wide]
                if min(wide, high) >= LEAST_SCENE and not item.people[part].any():
                    scenes.append(np.asarray(cv2.resize(item.rgb[part], self._size), np.uint8))
                    break
            if len(scenes) >= SCENES:
                break
        return scenes

    def _finished(self, item: Labelled, random: Random) -> Labelled:
        rgb = _lit(item.rgb, random)
        if random.random() < self._chances.spoil:
            rgb = _spoilt(rgb, random)
        return Labelled(rgb, item.people, item.parts, item.keypoints)


def mirrored(item: Labelled) -> Labelled:
    """Left and right swapped, in pixels, parts and key points."""
    keypoints = item.keypoints[:, MIRROR_KEYPOINTS].copy()
    keypoints[..., 0] = item.rgb.shape[1] - 1 - keypoints[..., 0]
    return Labelled(
        np.asarray(cv2.flip(item.rgb, 1), np.uint8),
        np.asarray(cv2.flip(item.people, 1), np.uint8),
        np.asarray(cv2.LUT(cv2.flip(item.parts, 1), _MIRROR), np.uint8),
        keypoints,
    )


def _box(item: Labelled) -> tuple[float, float, float, float]:
    """Around everybody: x, y, width, height; the whole picture when there is nobody."""
    somebody = ((item.people > 0) & (item.people < MAYBE)).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(somebody)
    if width == 0:
        return 0.0, 0.0, float(item.rgb.shape[1]), float(item.rgb.shape[0])
    points = item.keypoints[item.keypoints[..., 2] > 0, :2]
    low = np.minimum(points.min(0), (x, y)) if len(points) else np.array([x, y])
    high = np.array([x + width, y + height])
    high = np.maximum(points.max(0), high) if len(points) else high
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def _close_up(item: Labelled, random: Random) -> tuple[float, float, float, float] | None:
    """Around head and trunk of the first person, or head and shoulders alone; None when they are
    not known well enough."""
    upper = item.keypoints[0, :13] if len(item.keypoints) else np.zeros((13, 3))
    if not (upper[:5, 2] > 0).any() or not (upper[[5, 6], 2] > 0).all():
        return None
    last, margin = (7, 0.4) if random.random() < HEAD_ALONE else (13, 0.15)
    known = upper[:last][upper[:last, 2] > 0, :2]
    low, high = known.min(0), known.max(0)
    margin *= float((high - low).max())
    width, height = high - low + 2 * margin
    return float(low[0] - margin), float(low[1] - margin), float(width), float(height)


def _warped(
    item: Labelled, matrix: Matrix, size: tuple[int, int], outside: Rgb | None, random: Random
) -> Labelled:
    """Moved by a 2x3 matrix, upon `outside` or a plain colour."""
    if outside is None:
        outside = np.empty((size[1], size[0], 3), np.uint8)
        outside[:] = random.integers(0, 256, 3)
    rgb = cv2.warpAffine(
        item.rgb, matrix, size, dst=outside.copy(), borderMode=cv2.BORDER_TRANSPARENT
    )
    maps = [
        np.asarray(cv2.warpAffine(labels, matrix, size, flags=cv2.INTER_NEAREST), np.uint8)
        for labels in (item.people, item.parts)
    ]
    keypoints = item.keypoints.copy()
    keypoints[..., :2] = keypoints[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    return Labelled(np.asarray(rgb, np.uint8), maps[0], maps[1], keypoints)


def _over(front: Labelled, back: Labelled) -> Labelled:
    """The people of `front` before everything of `back`; covered key points are not known."""
    somebody = (front.people > 0) & (front.people < MAYBE)
    # A soft edge, or the network learns to find scissors.
    alpha = cv2.GaussianBlur(somebody.astype(np.float32), (0, 0), 0.8)[..., None]
    rgb = (front.rgb * alpha + back.rgb * (1 - alpha)).astype(np.uint8)
    before = len(back.keypoints)
    people = np.where(somebody, np.minimum(front.people, MAYBE - 1 - before) + before, back.people)
    parts = np.where(somebody, front.parts, back.parts)
    keypoints = np.concatenate([_uncovered(back.keypoints, somebody), front.keypoints])
    return Labelled(rgb, people.astype(np.uint8), parts.astype(np.uint8), keypoints)


def _behind(item: Labelled, scenery: Rgb, random: Random) -> Labelled:
    """Behind a slanted board of scenery somewhere on the people, oftener on their lower half."""
    left, top, width, height = _box(item)
    x = left + width * random.uniform(0, 1)
    y = top + height * math.sqrt(random.uniform(0, 1))
    sides = random.uniform(0.2, 1.0, 2) * max(width, height)
    corners = cv2.boxPoints(((x, y), (float(sides[0]), float(sides[1])), random.normal(0, 20)))
    board = np.zeros(item.people.shape, np.uint8)
    cv2.fillConvexPoly(board, np.rint(corners).astype(np.int32), 1)
    covered = board > 0
    alpha = cv2.GaussianBlur(board.astype(np.float32), (0, 0), 0.8)[..., None]
    return Labelled(
        (scenery * alpha + item.rgb * (1 - alpha)).astype(np.uint8),
        np.where(covered, np.uint8(0), item.people),
        np.where(covered, np.uint8(0), item.parts),
        _uncovered(item.keypoints, covered),
    )


def _uncovered(keypoints: NDArray[np.float32], covered: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A copy in which those that are `covered`, `[H, W]`, are not known."""
    left = keypoints.copy()
    at = np.rint(left[..., :2]).astype(int)
    rows = at[..., 1].clip(0, covered.shape[0] - 1)
    columns = at[..., 0].clip(0, covered.shape[1] - 1)
    left[..., 2] *= ~covered[rows, columns]
    return left


def _lit(rgb: Rgb, random: Random) -> Rgb:
    """Brightness, contrast, gamma and tint as another camera would give them."""
    gain = math.exp(random.normal(0, 0.2)) * np.exp(random.normal(0, 0.06, 3))
    gamma = math.exp(random.normal(0, 0.2))
    shift = random.normal(0, 0.05)
    levels = np.linspace(0, 1, 256)[:, None] ** gamma
    table = np.clip(((levels - 0.5) * gain + 0.5 + shift) * 255, 0, 255).astype(np.uint8)
    if random.random() < 0.05:
        rgb = np.repeat(rgb.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    return np.asarray(cv2.LUT(rgb, table[None]), np.uint8)


def _spoilt(rgb: Rgb, random: Random) -> Rgb:
    """As cheap cameras, movement and video compression leave it."""
    height, width = rgb.shape[:2]
    picture: NDArray[np.uint8] = rgb
    if random.random() < 0.4:
        factor = random.uniform(0.3, 0.9)
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(small, (width, height)), np.uint8)
    if random.random() < 0.2:
        picture = np.asarray(cv2.filter2D(picture, -1, _motion(random)), np.uint8)
    if random.random() < 0.3:
        noise = random.normal(0, random.uniform(2, 12), (height, width, 1))
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(20, 80))]
        _, data = cv2.imencode(".jpg", picture, quality)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None
        picture = np.asarray(decoded, np.uint8)
    return picture


def _motion(random: Random) -> NDArray[np.float32]:
    """Kernel of a short straight movement."""
    length = int(random.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    angle = random.uniform(0, math.pi)
    dx, dy = math.cos(angle) * length / 2, math.sin(angle) * length / 2
    middle = (length - 1) / 2
    start = (round(middle - dx), round(middle - dy))
    cv2.line(kernel, start, (round(middle + dx), round(middle + dy)), 1.0)
    return kernel / max(float(kernel.sum()), 1.0)
