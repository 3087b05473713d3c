"""Metrics against plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.network.metrics import MeanIou, boundary_f_score, box_iou, extent, hits, iou

MASKS = arrays(np.bool_, (9, 11))
CLASSES = arrays(np.int8, (40,), elements=st.integers(0, 3))


@given(MASKS, MASKS, MASKS)
def test_iou_is_that_of_the_sets_of_counted_pixels(
    found: np.ndarray, true: np.ndarray, counted: np.ndarray
) -> None:
    places = [set(zip(*np.nonzero(mask), strict=True)) for mask in (found, true, counted)]
    one, other = places[0] & places[2], places[1] & places[2]
    expected = len(one & other) / len(one | other) if one | other else 1.0
    assert iou(found, true, counted) == pytest.approx(expected)


@given(MASKS, MASKS)
def test_outlines_agree_as_counting_pixel_by_pixel_says(
    found: np.ndarray, true: np.ndarray
) -> None:
    def outline(mask: np.ndarray) -> set[tuple[int, int]]:
        rows, columns = mask.shape
        return {
            (y, x)
            for y, x in zip(*np.nonzero(mask), strict=True)
            if any(
                0 <= y + dy < rows and 0 <= x + dx < columns and not mask[y + dy, x + dx]
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            )
        }

    def share(these: set[tuple[int, int]], those: set[tuple[int, int]]) -> float:
        near = [any(np.hypot(y - v, x - u) <= 2 for v, u in those) for y, x in these]
        return float(np.mean(near))

    one, other = outline(found), outline(true)
    if not one or not other:
        expected = float(bool(one) == bool(other))
    else:
        precision, recall = share(one, other), share(other, one)
        total = precision + recall
        expected = 2 * precision * recall / total if total else 0.0
    # OpenCV's distances are within a few hundredths: 2.1 lies between two possible ones.
    found_score = boundary_f_score(found, true, np.ones_like(true), pixels=2.1)
    assert found_score == pytest.approx(expected, abs=1e-6)


def test_an_outline_along_the_border_of_the_picture_is_none() -> None:
    everything = np.ones((8, 8), np.bool_)
    assert boundary_f_score(everything, everything, everything) == 1.0
    half = everything.copy()
    half[:, 4:] = False
    assert boundary_f_score(everything, half, everything) == 0.0


@given(CLASSES, CLASSES)
def test_mean_iou_is_the_mean_over_classes_that_occur(found: np.ndarray, true: np.ndarray) -> None:
    whole = MeanIou(4)
    whole.add(found[:25], true[:25])
    whole.add(found[25:], true[25:])
    each = [iou(found == one, true == one) for one in np.unique(true)]
    assert whole.value() == pytest.approx(float(np.mean(each)))


def test_hits_count_known_points_within_the_radius() -> None:
    true = np.array([[0, 0, 1], [10, 0, 1], [20, 0, 0]], np.float32)
    found = np.array([[0, 3, 1], [10, 5, 1], [20, 0, 1]], np.float32)
    assert hits(found, true, 4.0).tolist() == [True, False]
    assert extent(true) == 20


BOXES = st.tuples(*(st.integers(0, 12) for _ in range(2)), *(st.integers(1, 9) for _ in range(2)))


@given(BOXES, BOXES)
def test_boxes_overlap_as_counting_their_pixels_says(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> None:
    masks = np.zeros((2, 24, 24), np.bool_)
    for mask, (x, y, width, height) in zip(masks, (one, other), strict=True):
        mask[y : y + height, x : x + width] = True
    assert box_iou(one, other) == pytest.approx(iou(masks[0], masks[1]))
