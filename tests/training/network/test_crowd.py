"""Scenes of a dancer among spectators: what they show is what they say they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.network.crowd import files, judged
from training.network.crowd_list import PLACES, SCENES
from training.network.crowd_scenes import FRAMES, SIZE, Scene, Shown, Sprite, Stand, frames
from training.network.evaluation import Material

RED, GREEN = (255, 0, 0), (0, 255, 0)
PLACE = np.full((90, 160, 3), (0, 0, 255), np.uint8)
SCENE = Scene("a test", "none", 0.0, "none", 0.5, (0, 0), (0.5, 0.5), 0.5, (), 0.0, 0.0, 0.0)


def figure(colour: tuple[int, int, int]) -> Sprite:
    """A plain upright rectangle."""
    return Sprite(np.full((200, 50, 3), colour, np.uint8), np.ones((200, 50), np.float32), 200.0)


def shown(scene: Scene, seed: int = 0) -> list[Shown]:
    spectators = [figure(GREEN)] * len(scene.crowd)
    return list(frames(scene, [figure(RED)] * FRAMES, spectators, PLACE, seed))


def red(one: Shown) -> np.ndarray:
    return (one.rgb[..., 0] > 127) & (one.rgb[..., 1] < 128)


def middle(mask: np.ndarray) -> tuple[float, float]:
    y, x = np.nonzero(mask)
    return float(x.mean()), float(y.mean())


def test_the_truth_is_what_can_be_seen_of_the_dancer() -> None:
    """Somebody stands behind, somebody before."""
    crowd = (Stand(0.45, 0.8, 0.6), Stand(0.53, 0.9, 0.6, before=True))
    clip = shown(replace(SCENE, crowd=crowd, turn=(0, 180), pan=0.05, zoom=0.1, shake=0.01))
    alone = shown(replace(SCENE, turn=(0, 180), pan=0.05, zoom=0.1, shake=0.01))
    for one, other in zip(clip[::10], alone[::10], strict=True):
        assert one.rgb.shape == (SIZE[1], SIZE[0], 3)
        assert (red(one) == one.dancer).mean() > 0.998
        assert 0.2 < one.dancer.sum() / other.dancer.sum() < 0.95


def test_size_place_and_turn_are_those_of_the_scene() -> None:
    clip = shown(replace(SCENE, turn=(0, 90), x=(0.5, 0.25)))
    first, last = clip[0].dancer, clip[-1].dancer
    assert middle(first) == pytest.approx((0.5 * SIZE[0], 0.5 * SIZE[1]), abs=1.5)
    assert middle(last) == pytest.approx((0.25 * SIZE[0], 0.5 * SIZE[1]), abs=1.5)
    assert first.any(axis=1).sum() == pytest.approx(0.5 * SIZE[1], abs=2)
    assert last.any(axis=0).sum() == pytest.approx(0.5 * SIZE[1], abs=2)


def test_a_camera_that_pans_moves_everybody() -> None:
    clip = shown(replace(SCENE, pan=0.1, crowd=(Stand(0.2, 0.8, 0.3),)))
    moved = middle(clip[0].dancer)[0] - middle(clip[24].dancer)[0]
    assert moved == pytest.approx(0.1 * SIZE[0], abs=1.5)


def test_the_same_seed_gives_the_same_clip() -> None:
    scene = replace(SCENE, crowd=(Stand(0.3, 0.8, 0.5),), shake=0.01)
    one, two, other = shown(scene), shown(scene), shown(scene, seed=1)
    assert all((a.rgb == b.rgb).all() for a, b in zip(one, two, strict=True))
    assert any((a.rgb != b.rgb).any() for a, b in zip(one, other, strict=True))


def test_verdicts() -> None:
    dancer = np.zeros((10, 10), np.bool_)
    dancer[:, :4] = True
    labels = np.zeros((10, 10), np.uint8)
    assert judged(labels, dancer).kind == "nobody"
    labels[:, :3] = 7
    assert judged(labels, dancer).kind == "right"
    assert judged(labels, dancer).iou == pytest.approx(0.75)
    labels[:, 1:] = 0
    assert judged(labels, dancer).kind == "poor"
    labels[:, 5:] = 3
    assert judged(labels, dancer).kind == "wrong"


def test_scenes_are_many_and_their_files_are_here(shared: Path) -> None:
    assert len(SCENES) >= 10
    assert len({scene.name for scene in SCENES}) == len(SCENES)
    assert {scene.place for scene in SCENES} == set(PLACES)
    turned = [scene for scene in SCENES if max(map(abs, scene.turn)) >= 80]
    assert len(turned) > len(SCENES) / 2
    found = files(Material(shared / "data", lambda rgb: None, lambda rgb: None))  # type: ignore[arg-type,return-value]
    assert all(file.is_file() for file in found)
