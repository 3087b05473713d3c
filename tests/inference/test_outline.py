"""Outlines that follow the picture, against a slow float64 function, puppets and people's masks."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.analysis import Head, Heads
from inference.arrays import Rgb
from inference.geometry import Placement
from inference.network import Network
from inference.outline import NOISE, RADIUS, _guided, follow_outline
from inference.runtime import parse_device
from inference.zoo import find_model
from training.network.evaluation import Material, masks
from training.network.metrics import iou

SIZE = (160, 120)
"""Width and height."""


def _heads(cell: int, size: tuple[int, int] = SIZE) -> Heads:
    """Of a network that sees the frame as it is, one cell of its grid `cell` pixels wide."""
    nothing = Head(np.zeros((1, 1, 1), np.uint8), 1.0, 0)
    placement = Placement(size, size, size, cell)
    return Heads(nothing, nothing, nothing, None, None, None, placement)


def _slow(mask: NDArray[np.bool_], rgb: Rgb, radius: int) -> NDArray[np.float64]:
    """The paper's equations 14 to 16, place by place; windows that reach out repeat the border."""
    colours, wanted = rgb / 255.0, mask.astype(np.float64)

    def windows(values: NDArray[np.float64]) -> NDArray[np.float64]:
        around = ((radius, radius), (radius, radius)) + ((0, 0),) * (values.ndim - 2)
        padded = np.pad(values, around, mode="edge")
        side = 2 * radius + 1
        return np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))

    near = np.moveaxis(windows(colours), 2, -1).reshape(*mask.shape, -1, 3)
    theirs = windows(wanted).reshape(*mask.shape, -1)
    lines = np.zeros((*mask.shape, 4))
    for row, column in np.ndindex(*mask.shape):
        some, mine = near[row, column], theirs[row, column]
        spread = np.cov(some.T, bias=True) + NOISE * np.eye(3)
        joint = (some * mine[:, None]).mean(axis=0) - some.mean(axis=0) * mine.mean()
        slope = np.linalg.solve(spread, joint)
        lines[row, column] = [*slope, mine.mean() - slope @ some.mean(axis=0)]
    mean = windows(lines).mean(axis=(-1, -2))
    return np.asarray((mean[..., :3] * colours).sum(axis=2) + mean[..., 3])


def test_agrees_with_a_slow_float64_function() -> None:
    rng = np.random.default_rng(0)
    rgb = cv2.GaussianBlur(rng.integers(0, 256, (24, 30, 3), np.uint8), (5, 5), 0)
    mask = np.zeros((24, 30), np.bool_)
    mask[6:20, 9:22] = True
    fast = _guided(mask, np.asarray(rgb, np.uint8), 4.0, 1.0)
    slow = _slow(mask, np.asarray(rgb, np.uint8), 4)
    np.testing.assert_allclose(fast, slow, atol=2e-3)


@dataclass(frozen=True)
class Puppet:
    rgb: Rgb
    true: NDArray[np.bool_]


def _puppet() -> Puppet:
    """A red figure with a thin arm before green and blue leaves."""
    rng = np.random.default_rng(1)
    drawn = np.zeros(SIZE[::-1], np.uint8)
    cv2.ellipse(drawn, (80, 70), (18, 40), 0, 0, 360, 1, -1)
    cv2.circle(drawn, (80, 24), 12, 1, -1)
    cv2.line(drawn, (80, 50), (130, 30), 1, 9)
    true = drawn.astype(np.bool_)
    leaves = rng.integers(0, 90, (*true.shape, 3))
    leaves[..., 1] += 120
    person = np.array([190, 40, 50]) + rng.integers(-12, 13, (*true.shape, 3))
    return Puppet(np.where(true[..., None], person, leaves).astype(np.uint8), true)


@pytest.mark.parametrize("cell", [4, 8, 12])
def test_a_coarse_mask_becomes_the_figure(cell: int) -> None:
    puppet = _puppet()
    rows, columns = (-(-side // cell) for side in puppet.true.shape)
    coarse = cv2.resize(puppet.true.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST)
    known = np.ones(SIZE[::-1], np.bool_)
    before = iou(coarse > 0, puppet.true, known)
    after = iou(follow_outline(coarse, puppet.rgb, _heads(cell)) > 0, puppet.true, known)
    assert after > 0.94
    assert 1 - after < 0.6 * (1 - before)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([2, 5, 9, 20]))
def test_it_reaches_no_further_than_it_says(seed: int, cell: int) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (*SIZE[::-1], 3), np.uint8)
    labels = np.zeros(SIZE[::-1], np.uint8)
    for _ in range(int(rng.integers(0, 4))):
        at = rng.integers(0, 110, 2)
        labels[at[0] : at[0] + 30, at[1] : at[1] + 20] = rng.integers(1, 25)
    found = follow_outline(labels, rgb, _heads(cell))
    assert found.shape == labels.shape
    assert found.dtype == np.uint8
    assert set(np.unique(found)) <= {0, *np.unique(labels)}
    if not labels.any():
        assert not found.any()
        return
    to_person = cv2.distanceTransform((labels == 0).astype(np.uint8), cv2.DIST_L2, 5)
    to_nobody = cv2.distanceTransform((labels > 0).astype(np.uint8), cv2.DIST_L2, 5)
    reach = 3 * RADIUS * cell + 8
    assert (found[to_person > reach] == 0).all()
    deep = (to_nobody > reach) & (labels > 0)
    np.testing.assert_array_equal(found[deep], labels[deep])


def test_parts_stay_and_what_comes_gets_the_part_beside_it() -> None:
    puppet = _puppet()
    labels = np.where(cv2.erode(puppet.true.astype(np.uint8), np.ones((5, 5))) > 0, 3, 0)
    labels[(labels > 0) & (np.arange(SIZE[1])[:, None] < 36)] = 1
    labels = labels.astype(np.uint8)
    found = follow_outline(labels, puppet.rgb, _heads(8))
    both = (labels > 0) & (found > 0)
    np.testing.assert_array_equal(found[both], labels[both])
    came = (labels == 0) & (found > 0)
    assert came.sum() > 100
    rows = np.nonzero(came)[0]
    assert (found[came][rows < 30] == 1).all()
    assert (found[came][rows > 60] == 3).all()


def test_where_all_is_of_one_colour_the_mask_stays_nearly() -> None:
    rgb = np.full((*SIZE[::-1], 3), 90, np.uint8)
    labels = np.zeros(SIZE[::-1], np.uint8)
    labels[30:90, 50:110] = 5
    found = follow_outline(labels, rgb, _heads(4))
    assert iou(found > 0, labels > 0, np.ones(labels.shape, np.bool_)) > 0.95


def test_a_view_of_a_larger_picture_and_a_person_at_its_border() -> None:
    """As the second look and a dancer who walks out of the picture."""
    large = np.zeros((200, 300, 3), np.uint8)
    large[..., 1] = 150
    large[40:160, 100:140] = (200, 30, 30)
    part = large[20:180, 100:260]
    labels = np.zeros(part.shape[:2], np.uint8)
    labels[16:144, 0:44] = 7
    found = follow_outline(labels, part, _heads(8, (160, 160)))
    true = part[..., 0] == 200
    assert iou(found > 0, true, np.ones(true.shape, np.bool_)) > 0.95


@pytest.mark.parametrize(("name", "least"), [("understudy-default", 0.75), ("bodypix-075", 0.69)])
def test_outlines_of_people_come_nearer_to_what_humans_drew(
    name: str, least: float, shared: Path, models: Path
) -> None:
    """Boundary F-score of every tenth photo: 0.720 and 0.530 without."""
    network = Network.open(find_model(name), parse_device("cpu")[0], 481, 2)

    def predict(rgb: Rgb) -> Heads:
        return network.infer(rgb)[0]

    row = masks(predict, Material(shared / "data", predict, predict))
    assert row["boundary_f_score"] > least
    assert row["person_iou"] > 0.89
