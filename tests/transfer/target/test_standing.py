"""Two seconds of standing still: what they tell, and what is said when they tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from inference.arrays import Keypoints
from tests.figures import number, standing
from transfer.target.standing import NotStill, Standing

FRAMES = 60


def still(tremble: float = 1.0) -> list[Keypoints | None]:
    """Somebody 300 pixels tall who trembles by so many."""
    random = np.random.default_rng(3)
    poses: list[Keypoints | None] = []
    for _ in range(FRAMES):
        pose = standing()
        pose[:, :2] += random.normal(0, tremble, (17, 2))
        poses.append(pose)
    return poses


def told(poses: list[Keypoints | None]) -> str:
    with pytest.raises(NotStill) as error:
        Standing.of(poses, [place / 30 for place in range(len(poses))])
    return str(error.value)


def test_who_stands_still_is_known() -> None:
    poses = still(tremble=2.0)
    poses[7] = poses[8] = None
    known = Standing.of(poses, [place / 30 for place in range(FRAMES)])
    assert known.keypoints.shape == (FRAMES - 2, 17, 3)
    assert known.seconds[-1] == pytest.approx(59 / 30)
    assert len(known.seconds) == FRAMES - 2


def test_what_went_wrong_is_said() -> None:
    assert "Nobody was seen" in told([None] * FRAMES)
    assert "Nobody was seen" in told([*still()[:20], *[None] * 40])
    assert "Too few pictures" in told(still()[:5])
    assert "Too few pictures" in told([])
    hidden = still()
    for pose in hidden:
        assert pose is not None
        pose[[number("left_ankle"), number("right_ankle"), number("left_shoulder")], 2] = 0.1
    assert "feet nor your shoulders" in told(hidden)
    waving = still()
    for place, pose in enumerate(waving):
        assert pose is not None
        pose[number("left_wrist"), 1] -= 60 * np.sin(place / 5)
    assert "You moved" in told(waving)
    walking = [standing(x=200 + 3 * place) for place in range(FRAMES)]
    assert "You moved" in told([*walking])


def test_before_a_booths_camera_shoulders_are_enough() -> None:
    poses = still()
    for pose in poses:
        assert pose is not None
        for name in ("knee", "ankle"):
            pose[[number(f"left_{name}"), number(f"right_{name}")], 2] = 0.1
    assert len(Standing.of(poses, [place / 30 for place in range(FRAMES)]).seconds) == FRAMES
