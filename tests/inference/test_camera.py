"""The camera's own movement, told from what moves before it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.video import read_frames
from inference.arrays import Rgb
from inference.camera import Camera, camera_between, carried, small
from tests.machine import takes_at_most

JUGGLER = Path(__file__).parents[1] / "data" / "juggler_480.mp4"


@pytest.fixture(scope="module")
def park() -> Rgb:
    return next(iter(read_frames(JUGGLER)))[0]


def seen(park: Rgb, camera: np.ndarray) -> Rgb:
    """The same place by a camera that moved so."""
    size = park.shape[1], park.shape[0]
    return np.asarray(cv2.warpAffine(park, camera, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    x=st.floats(-12, 12), y=st.floats(-8, 8), turn=st.floats(-1.5, 1.5), zoom=st.floats(0.98, 1.02)
)
def test_a_camera_that_shifts_turns_and_zooms(
    park: Rgb, x: float, y: float, turn: float, zoom: float
) -> None:
    height, width = park.shape[:2]
    true = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
    true[:, 2] += x, y
    found = camera_between(small(park), small(seen(park, true)), width)
    assert found is not None
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    assert np.abs(carried(corners, found) - carried(corners, true)).max() < 2.5


def test_somebody_who_moves_is_not_the_camera(park: Rgb) -> None:
    """A third of the picture slides by."""
    later = park.copy()
    width = park.shape[1]
    later[:, width // 3 : 2 * width // 3] = np.roll(park, 9, axis=1)[:, : width // 3]
    found = camera_between(small(park), small(later), width)
    assert found is not None
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 1, 0]], atol=0.2)


def test_what_cannot_be_told() -> None:
    wall = np.full((240, 320, 3), 200, np.uint8)
    assert camera_between(small(wall), small(wall), 320) is None
    assert camera_between(small(wall), small(wall[:120]), 320) is None
    tiny = np.zeros((8, 8, 3), np.uint8)
    assert camera_between(small(tiny), small(tiny), 8) is None
    noise = np.random.default_rng(0).integers(0, 256, (2, 240, 320, 3), np.uint8)
    assert camera_between(small(noise[0]), small(noise[1]), 320) is None


def test_the_first_frame_and_those_nobody_asks_about(park: Rgb) -> None:
    camera = Camera()
    assert camera.step(park) is None
    assert camera.step(park, wanted=False) is None
    found = camera.step(park)
    assert found is not None
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 1, 0]], atol=1e-3)
    camera.reset()
    assert camera.step(park) is None


def test_it_costs_next_to_nothing(park: Rgb) -> None:
    camera = Camera()
    takes_at_most(0.4e-3, lambda: camera.step(park))
