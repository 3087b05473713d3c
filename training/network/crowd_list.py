"""The scenes of the row "a dancer among spectators": who dances where, before whom."""

from __future__ import annotations

from training.network.crowd_scenes import Scene, Stand

PLACES = {
    "room": "videos/empty_then_people.mp4",
    "field": "videos/three_people.avi",
    "boat": "coco_person/images/000000204805.jpg",
    "street": "coco_person/images/000000462565.jpg",
    "train": "coco_person/images/000000483108.jpg",
    "meadow": "coco_person/images/000000184613.jpg",
    "shop": "coco_person/images/000000412151.jpg",
}
"""Pictures of places, empty or with people of their own; of a clip the first frame."""

_ROW = tuple(Stand(x, 0.86, 0.72) for x in (-0.15, 0.02, 0.17, 0.3, 0.68, 0.8, 0.97, 1.12))
"""Behind the dancer, side by side, a little smaller."""
_TALL = tuple(Stand(x, 0.97, 0.9) for x in (-0.1, 0.06, 0.2, 0.36, 0.66, 0.8, 0.95, 1.1))
"""Around the dancer, as high as the picture."""
_NEAR = (Stand(0.02, 1.3, 1.25, before=True), Stand(0.98, 1.35, 1.3, before=True))
"""Cut by the picture's sides, larger than the dancer."""
_BACKS = tuple(Stand(x, 1.5, 0.95, before=True) for x in (0.1, 0.3, 0.72, 0.93))
"""Of whom the camera sees heads and shoulders, before the dancer's feet."""
_FEW = (Stand(0.1, 0.85, 0.7), Stand(0.24, 0.83, 0.66), Stand(0.9, 0.86, 0.72))
_WALKER = Stand(-0.1, 1.05, 0.95, before=True, speed=0.45)
"""Walks through the picture before the dancer."""

A, B, D, J = "dancer_a.mp4", "dancer_b.mp4", "dancer_d.mp4", "juggler.mp4"

SCENES = (
    Scene("upright before a row", D, 0.0, "room", 0.85, (0, 0), (0.5, 0.55), 0.52, _ROW),
    Scene("on the head before a row", D, 0.0, "boat", 0.75, (180, 180), (0.48, 0.52), 0.55,
          (*_ROW, Stand(0.5, 0.84, 0.68))),
    Scene("on the floor, all others higher", D, 4.0, "street", 0.7, (80, 110), (0.5, 0.46), 0.78,
          _TALL, pan=0.03),
    Scene("turning, large ones at the sides", A, 0.0, "train", 0.62, (0, 540), (0.5, 0.55), 0.6,
          (*_FEW, *_NEAR)),
    Scene("comes from the left", A, 0.0, "meadow", 0.8, (0, 0), (-0.1, 0.5), 0.56, _ROW, pan=0.02),
    Scene("smaller than all around", J, 2.0, "room", 0.55, (0, 0), (0.52, 0.5), 0.6,
          (*_TALL, *_NEAR), pan=-0.04),
    Scene("falls, and somebody walks by", B, 1.0, "field", 0.8, (-70, 70), (0.45, 0.55), 0.6,
          (*_FEW, _WALKER)),
    Scene("on the head beside the middle", B, 1.0, "shop", 0.8, (200, 160), (0.34, 0.36), 0.55,
          _ROW[:3] + _ROW[4:], zoom=0.06),
    Scene("from the feet onto the head", A, 0.0, "street", 0.8, (0, 180), (0.5, 0.5), 0.55,
          (*_TALL, *_NEAR), pan=0.08),
    Scene("comes from the right, lying", D, 4.0, "field", 0.8, (-90, -20), (1.0, 0.6), 0.62, _TALL,
          pan=0.06),
    Scene("far away, behind backs", B, 1.0, "boat", 0.5, (0, 30), (0.5, 0.55), 0.42,
          (*_ROW, *_BACKS), shake=0.01),
    Scene("turning, a camera in the hand", D, 0.0, "meadow", 0.7, (120, -140), (0.55, 0.4), 0.6,
          (*_TALL, _NEAR[0]), pan=0.12, shake=0.015),
    Scene("crouches among the tall", J, 2.0, "shop", 0.6, (0, 100), (0.4, 0.55), 0.7, _TALL,
          pan=-0.08, zoom=-0.04),
    Scene("upside-down, the camera comes near", A, 0.0, "room", 0.6, (150, 230), (0.56, 0.5), 0.6,
          (*_ROW, _NEAR[1]), zoom=0.12),
)  # fmt: skip
