"""The square around the dancer: cut, drawn in, pasted back to where it came from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.clips import pictures
from tests.figures import standing
from transfer.performers.condition import draw_condition
from transfer.performers.crop import Crop, crop_around, crop_around_moved, usual_side
from transfer.target.normalisation import Transform

PARK = pictures(1)[0]
crops = st.builds(Crop, st.integers(-150, 300), st.integers(-150, 170), st.integers(16, 300))


@given(crops, st.sampled_from([64, 128]))
def test_the_matrix_says_where_pixels_go(crop: Crop, size: int) -> None:
    """Centres of the crop's corner pixels lie on the picture's, by areas."""
    matrix = crop.matrix(size)
    for share in (0.0, 0.5, 1.0):
        at = np.array([crop.x + share * crop.side - 0.5, crop.y + share * crop.side - 0.5, 1])
        assert matrix @ at == pytest.approx([share * size - 0.5] * 2, abs=1e-6)


@given(crops)
def test_outside_the_picture_its_edge_goes_on(crop: Crop) -> None:
    cut = crop.cut(PARK, 64)
    assert cut.shape == (64, 64, 3)
    if crop.x + crop.side <= 0:
        assert np.ptp(cut, axis=1).max() <= 1


@given(crops)
def test_nothing_pasted_changes_nothing(crop: Crop) -> None:
    empty = np.zeros((64, 64, 4), np.uint8)
    assert np.array_equal(crop.paste(empty, PARK), PARK)


def test_what_was_cut_is_pasted_back_in_place() -> None:
    crop = Crop(100, 30, 128)
    opaque = np.full((128, 128, 1), 255, np.uint8)
    layer = np.concatenate([crop.cut(PARK, 128), opaque], axis=2)
    made = crop.paste(layer, np.zeros_like(PARK))
    inside = np.s_[30:158, 100:228]
    assert np.abs(made[inside].astype(int) - PARK[inside]).max() <= 1
    assert made[:30].max() == 0


def test_the_dancer_is_in_the_middle_at_one_scale() -> None:
    labels = np.zeros((180, 320), np.uint8)
    labels[40:140, 50:90] = 3
    assert usual_side([labels]) == 112
    assert crop_around(labels, 112) == Crop(14, 34, 112)
    spread = labels.copy()
    spread[60:70, 10:210] = 3
    crop = crop_around(spread, 112)
    assert crop is not None
    assert crop.side == 224
    assert crop_around(np.zeros_like(labels), 112) is None


def test_the_condition_lies_on_the_picture() -> None:
    """Parts and limbs drawn into a crop are where the crop of the picture shows them."""
    labels = np.zeros((480, 640), np.uint8)
    cv2.circle(labels, (320, 200), 40, 13, -1)
    keypoints = standing(320, 200, 200)
    crop = Crop(200, 100, 256)
    drawn = draw_condition(labels, keypoints, crop.matrix(128), 128)
    there = crop.cut(np.repeat(labels[..., None], 3, 2), 128)[..., 0] > 6
    assert (there == (drawn.parts == 13)).mean() > 0.99
    left, right = ((keypoints[n, :2] - (200, 100)) / 2 for n in (5, 6))
    x, y = np.rint((left + right) / 2).astype(int)
    assert drawn.limbs[y - 2 : y + 3, x - 2 : x + 3].max() > 100
    unseen = keypoints.copy()
    unseen[:, 2] = 0
    assert draw_condition(labels, unseen, crop.matrix(128), 128).limbs.max() == 0


def test_what_falls_out_of_the_targets_picture_does_not_make_the_rest_small() -> None:
    labels = np.zeros((180, 320), np.uint8)
    labels[40:140, 50:90] = 3
    still = Transform(1.0, 0.0, 0.0)
    assert crop_around_moved(labels, still, (320, 180), 100) == crop_around(labels, 100)
    # Twice as large: 200 pixels high, of which the upper 60 are in the picture.
    crop = crop_around_moved(labels, Transform(2.0, 0.0, 40.0), (320, 180), 100)
    assert crop == Crop(90, 100, 100)
    assert crop_around_moved(labels, Transform(1.0, 0.0, 200.0), (320, 180), 100) is None
    assert crop_around_moved(np.zeros_like(labels), still, (320, 180), 100) is None
