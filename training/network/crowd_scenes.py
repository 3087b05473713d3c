"""Clips of a dancer among spectators, put together from real people, so that the truth is known.

Nobody marked such clips by hand here. A dancer is cut out of every frame of a clip, turned as
breakdancers are, and laid between spectators cut out of street photos (by hand-drawn masks) before
a picture of a place; a camera that pans, zooms and shakes looks at all of it. What was laid there
is the truth, to the pixel, however well it was cut out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.arrays import Rgb

FPS = 24.0
FRAMES = 72
"""Of a scene: three seconds."""
SIZE = (640, 360)
"""Width and height of the picture."""
ROOM = 1.7
"""How much larger than the picture the place is that the camera moves over."""
SWAY_S = 1.7
"""Seconds that a spectator takes to sway there and back, about."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sprite:
    """Somebody cut out."""

    rgb: Rgb
    alpha: NDArray[np.float32]
    """0..1, `[H, W]`."""
    height: float
    """Of somebody upright, pixels; `rgb` may be higher or lower where arms or knees are up."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a spectator stands, in shares of the picture."""

    x: float
    """0 and 1 are the picture's sides at the beginning."""
    feet: float
    """1 is the lower edge of the picture, more is below it."""
    height: float
    before: bool = False
    """Nearer than the dancer, or farther away."""
    speed: float = 0.0
    """Walks, shares of the picture's width a second."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens in a clip; lengths are shares of the picture, times seconds."""

    name: str
    clip: str
    """Of the dancer."""
    begins: float
    """Second of that clip."""
    place: str
    """A name of `PLACES`."""
    height: float
    """The dancer's, were they upright."""
    turn: tuple[float, float]
    """Degrees at the beginning and at the end, clockwise: 90 lies, 180 stands on the head."""
    x: tuple[float, float]
    """Of the dancer's middle at the beginning and at the end, as the first picture shows it."""
    y: float
    crowd: Sequence[Stand]
    pan: float = 0.05
    """Of the camera, to the right, shares of the picture's width a second."""
    zoom: float = 0.0
    """How much larger everything becomes in a second."""
    shake: float = 0.004
    """Of the camera, of the picture's width."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame and what it truly shows."""

    rgb: Rgb
    dancer: Mask


def frames(
    scene: Scene, dancer: Sequence[Sprite], spectators: Sequence[Sprite], place: Rgb, seed: int
) -> Iterator[Shown]:
    """The frames of a scene, `FPS` a second.

    Args:
        scene: what happens.
        dancer: one for each frame.
        spectators: as many as its crowd.
        place: any size.
        seed: of the spectators' swaying and the camera's shaking.
    """
    random = np.random.default_rng(seed)
    sways = [_Sway.drawn(random) for _ in scene.crowd]
    shakes = _shakes(random, len(dancer)) * scene.shake * SIZE[0]
    ground = _ground(place)
    order = [(stand.before, stand.feet, number) for number, stand in enumerate(scene.crowd)]
    for number, sprite in enumerate(dancer):
        time_s = number / FPS
        camera = _camera(scene, time_s, shakes[number])
        rgb = cv2.warpAffine(
            ground, camera @ _ground_place(), SIZE, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        ).astype(np.float32)  # fmt: skip
        mine = np.zeros(SIZE[::-1], np.float32)
        told = False
        for before, _, index in sorted(order):
            if before and not told:
                mine, told = _lay(rgb, sprite, camera @ _dancing(scene, sprite, number)), True
            standing = _standing(scene.crowd[index], sways[index], spectators[index], time_s)
            cover = _lay(rgb, spectators[index], camera @ standing)
            mine *= 1 - cover
        if not told:
            mine = _lay(rgb, sprite, camera @ _dancing(scene, sprite, number))
        yield Shown(rgb.round().astype(np.uint8), mine > 0.5)


@dataclass(frozen=True, slots=True)
class _Sway:
    """How a spectator moves on the spot."""

    phase: float
    seconds: float
    reach: float
    """Of their height."""
    lean: float
    """Degrees."""
    mirrored: bool

    @classmethod
    def drawn(cls, random: np.random.Generator) -> _Sway:
        phase, seconds, reach, lean = random.uniform((0, 0.8, 0.005, 0.5), (6.3, 1.3, 0.02, 2.0))
        return cls(phase, SWAY_S * seconds, reach, lean, bool(random.integers(2)))


def _shakes(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """`[count, 2]`: a hand's slow trembling, about 1 at most."""
    steps = random.normal(0, 0.35, (count, 2))
    for number in range(1, count):
        steps[number] += 0.85 * steps[number - 1]
    return steps


def _ground(place: Rgb) -> Rgb:
    """The place so large that the camera can move over it."""
    width, height = round(SIZE[0] * ROOM), round(SIZE[1] * ROOM)
    scale = max(width / place.shape[1], height / place.shape[0])
    large = cv2.resize(place, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top = (large.shape[1] - width) // 2, (large.shape[0] - height) // 2
    return np.asarray(large[top : top + height, left : left + width], np.uint8)


def _ground_place() -> NDArray[np.float64]:
    """Pixels of the ground to pixels of the first picture."""
    away = [(1 - ROOM) / 2 * side for side in SIZE]
    return np.array([[1, 0, away[0]], [0, 1, away[1]], [0, 0, 1.0]])


def _camera(scene: Scene, time_s: float, shake: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixels of the first picture to those of this one, `[2, 3]`."""
    scale = (1 + scene.zoom) ** time_s
    middle = np.array(SIZE) / 2
    shift = middle - scale * middle - (scene.pan * SIZE[0] * time_s * scale, 0) + shake
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _dancing(scene: Scene, sprite: Sprite, number: int) -> NDArray[np.float64]:
    """Pixels of the dancer's sprite to those of the first picture, `[3, 3]`."""
    share = number / (FRAMES - 1)
    x = scene.x[0] + share * (scene.x[1] - scene.x[0])
    turn = scene.turn[0] + share * (scene.turn[1] - scene.turn[0])
    middle = sprite.alpha.shape[1] / 2, sprite.alpha.shape[0] / 2
    scale = scene.height * SIZE[1] / sprite.height
    return _placed(middle, (x * SIZE[0], scene.y * SIZE[1]), scale, turn, mirrored=False)


def _standing(stand: Stand, sway: _Sway, sprite: Sprite, time_s: float) -> NDArray[np.float64]:
    """Pixels of a spectator's sprite to those of the first picture, `[3, 3]`."""
    swing = math.sin(sway.phase + 2 * math.pi * time_s / sway.seconds)
    height = stand.height * SIZE[1]
    x = (stand.x + stand.speed * time_s) * SIZE[0] + sway.reach * height * swing
    feet = sprite.alpha.shape[1] / 2, sprite.alpha.shape[0]
    scale = height / sprite.height
    at = (x, stand.feet * SIZE[1])
    return _placed(feet, at, scale, sway.lean * swing, sway.mirrored)


def _placed(
    origin: tuple[float, float], at: tuple[float, float], scale: float, turn: float, mirrored: bool
) -> NDArray[np.float64]:
    """`origin` of a sprite comes to lie `at`, enlarged and turned around it, `[3, 3]`."""
    cos, sin = scale * math.cos(math.radians(turn)), scale * math.sin(math.radians(turn))
    side = -1 if mirrored else 1
    linear = np.array([[cos * side, -sin], [sin * side, cos]])
    shift = np.array(at) - linear @ np.array(origin)
    return np.array([[*linear[0], shift[0]], [*linear[1], shift[1]], [0, 0, 1.0]])


def _lay(
    picture: NDArray[np.float32], sprite: Sprite, where: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Lay a sprite over a picture, in place; which share of each pixel it covers."""
    # Where it becomes much smaller, what is between the samples must count.
    shrunk = math.hypot(*where[:, 0])
    rgb, alpha = sprite.rgb, sprite.alpha
    if shrunk < 0.7:
        size = max(1, round(rgb.shape[1] * shrunk)), max(1, round(rgb.shape[0] * shrunk))
        back = np.diag((rgb.shape[1] / size[0], rgb.shape[0] / size[1], 1.0))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
        where = where @ back
    cover = np.asarray(cv2.warpAffine(alpha, where, SIZE, flags=cv2.INTER_LINEAR), np.float32)
    left, top, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
    near = np.s_[top : top + height, left : left + width]
    colours = cv2.warpAffine(
        rgb, where - np.array([[0, 0, left], [0, 0, top]]), (max(width, 1), max(height, 1)),
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    if width and height:
        picture[near] += cover[near][..., None] * (colours - picture[near])
    return cover
