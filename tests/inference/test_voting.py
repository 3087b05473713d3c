"""Key points settled by votes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.analysis import Head, Heads
from inference.geometry import Placement
from inference.voting import FINE, voted
from tests.machine import takes_at_most

ROWS, COLUMNS = 30, 40


def heads(true: np.ndarray, noise: float, seed: int, stride: int = FINE) -> Heads:
    """Cells near a key point see it, and point to it but for noise of so many input pixels."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    away = np.hypot(x[..., None] - true[:, 0], y[..., None] - true[:, 1])
    heat = np.where(away < 4, 3.0, -8.0).astype(np.float32)
    short = np.concatenate([true[:, 1] - y[..., None], true[:, 0] - x[..., None]], axis=-1)
    short = short * stride + np.random.default_rng(seed).normal(0, noise, short.shape)
    size = (COLUMNS * stride, ROWS * stride)
    placement = Placement.stretch(size, size, stride)
    none = Head(np.zeros((ROWS, COLUMNS, 64), np.float32))
    return Heads(Head(heat), Head(short.astype(np.float32)), none, None, None, None, placement)


@pytest.fixture
def true() -> np.ndarray:
    places = np.random.default_rng(1).uniform((5, 5), (34, 24), (17, 2))
    return np.column_stack([places, np.ones(17)])


def test_exact_offsets_are_believed_from_nearby(true: np.ndarray) -> None:
    start = true + np.array([0.6, -0.4, 0])
    np.testing.assert_allclose(voted(start, heads(true, 0, 0)), true, atol=1e-4)


def test_noise_of_single_cells_averages_out(true: np.ndarray) -> None:
    errors = [voted(true, heads(true, 2.0, seed))[:, :2] - true[:, :2] for seed in range(10)]
    # Nine cells count fully or nearly, of two pixels' noise each.
    assert float(np.std(errors)) * FINE < 2.0 / 3 * 1.3


def test_key_points_that_no_cell_sees_stay(true: np.ndarray) -> None:
    seen = heads(true, 0, 0)
    blind = replace(seen, heatmaps=Head(np.full_like(seen.heatmaps.values, -40.0)))
    start = true + np.array([1.0, 1.0, 0])
    np.testing.assert_array_equal(voted(start, blind), start)


def test_outside_of_the_grid_nobody_votes(true: np.ndarray) -> None:
    true[0, :2] = 0.2, 29.4
    np.testing.assert_allclose(voted(true, heads(true, 0, 0)), true, atol=1e-4)


def test_coarse_grids_are_left_alone(true: np.ndarray) -> None:
    start = true + np.array([0.6, -0.4, 0])
    np.testing.assert_array_equal(voted(start, heads(true, 0, 0, 16)), start)


def test_it_costs_little(true: np.ndarray) -> None:
    seen = heads(true, 1.0, 0)
    takes_at_most(0.5e-3, lambda: voted(true, seen))
