"""What the presets are trained with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a performer is trained with besides the pixels."""

    pairs: bool = False
    """Judged two frames at a time, so that it does not flicker (Chan et al., "Everybody Dance
    Now", ICCV 2019, section 4.2)."""
    scales: int = 1
    """Of the discriminator."""
    face: bool = False
    """With a face stage."""
    enhancer: bool = False
    """Drawn at half the size, then enhanced."""
    plate: bool = True
    """The dancer alone is drawn, over the clean plate; without, their surroundings as well."""
    perceptual: bool = False
    """With a perceptual loss of VGG-16 besides, where its weights are on this machine."""


RECIPES = {
    "realtime": Recipe(),
    "direct": Recipe(),
    "quality": Recipe(pairs=True, scales=2, face=True, perceptual=True),
}
"""By preset."""
