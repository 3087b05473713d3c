"""From one cut-out to another: both ends exact, the way between them a movement."""

from __future__ import annotations

import numpy as np

from tests.capture.clips import pictures
from transfer.performers.blending import FlowBlender, Rgba


def cut(x: int) -> Rgba:
    """A textured disc out of a real picture, at `x`."""
    picture = pictures(1)[0]
    rows, columns = np.mgrid[:120, :200]
    inside = (columns - x) ** 2 + (rows - 60) ** 2 < 30**2
    rgba = np.zeros((120, 200, 4), np.uint8)
    texture = picture[40:100, 140:200]
    rgba[30:90, x - 30 : x + 30, :3] = texture
    rgba[..., 3] = inside * 255
    return rgba


def centre(rgba: Rgba) -> float:
    """Of what is shown, pixels from the left."""
    alpha = rgba[..., 3].astype(float)
    return float((alpha.sum(axis=0) * np.arange(rgba.shape[1])).sum() / alpha.sum())


def test_the_ends_are_the_pictures_themselves() -> None:
    first, second = cut(80), cut(90)
    blender = FlowBlender()
    for share, wanted in ((0.0, first), (1.0, second)):
        mixed = blender.blend(first, second, share)
        solid = wanted[..., 3] == 255
        assert (mixed[..., 3][solid] > 200).mean() > 0.99
        assert np.abs(mixed[solid].astype(int) - wanted[solid]).mean() < 3


def test_half_way_it_is_half_way() -> None:
    first, second = cut(80), cut(90)
    mixed = FlowBlender().blend(first, second, 0.5)
    assert abs(centre(mixed) - 85) < 1.5
    area = (mixed[..., 3] > 127).sum() / (first[..., 3] > 127).sum()
    assert 0.9 < area < 1.15


def test_what_has_nothing_in_common_leaves_no_ghost() -> None:
    """Nearer to the second, the first has gone."""
    first, second = cut(40), cut(160)
    mixed = FlowBlender().blend(first, second, 0.8)
    assert (mixed[:, :80, 3] > 60).sum() < 0.1 * (first[..., 3] > 0).sum()
    assert (mixed[:, 120:, 3] > 200).sum() > 0.8 * (second[..., 3] > 0).sum()
