"""The decoder against Coral's own decoded poses, and against poses made up of exact offsets."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.analysis import Head, Heads
from inference.body import POSE_TREE
from inference.geometry import Placement
from inference.network import Network
from inference.personlab import NMS_RADIUS, _completed, box_of, decode_people
from inference.runtime import parse_device

NAME = "posenet_mobilenet_v1_075_353_481_16_quant_decoder"


def _reference(path: Path) -> dict[int, NDArray[np.float64]]:
    """Pose id -> `[17, 3]`: x, y in pixels of the 640x480 picture, score."""
    poses: dict[int, NDArray[np.float64]] = {}
    for row in csv.DictReader(path.open()):
        pose = poses.setdefault(int(row["pose_id"]), np.zeros((17, 3)))
        pose[int(row["keypoint_id"])] = (
            float(row["keypoint_x"]) * 640,
            float(row["keypoint_y"]) * 480,
            float(row["keypoint_score"]),
        )
    return poses


def test_agrees_with_corals_own_decoder(models: Path) -> None:
    """Both people of Coral's test picture, every point it scores 0.5 or more, within 2 px."""
    network = Network.open(models / f"{NAME}.tflite", parse_device("cpu")[0], 481, 1)
    picture = cv2.cvtColor(cv2.imread(str(models / "test_image.bmp")), cv2.COLOR_BGR2RGB)
    heads, _ = network.infer(picture)
    people = decode_people(heads)
    reference = _reference(models / f"{NAME}_reference.csv")
    assert len(people) == len(reference) == 2
    for person, pose in zip(people, reference.values(), strict=True):
        sure = pose[:, 2] >= 0.5
        distances = np.linalg.norm(person.keypoints[sure, :2] - pose[sure, :2], axis=1)
        assert sure.sum() >= 15
        assert distances.max() <= 2.0
        np.testing.assert_allclose(person.keypoints[sure, 2], pose[sure, 2], atol=0.06)


def _stick_figure(x: float, y: float, size: float) -> NDArray[np.float64]:
    """`[17, 2]`: a standing figure, head at (x, y), in input pixels."""
    shape = [
        (0, 0), (-0.3, -0.3), (0.3, -0.3), (-0.6, 0), (0.6, 0), (-1, 1.5), (1, 1.5),
        (-1.5, 3), (1.5, 3), (-1.6, 4.4), (1.6, 4.4), (-0.7, 4.5), (0.7, 4.5),
        (-0.8, 6.5), (0.8, 6.5), (-0.8, 8.5), (0.8, 8.5),
    ]  # fmt: skip
    return np.array(shape) * size + (x, y)


def _exact_heads(figures: list[NDArray[np.float64]], size: tuple[int, int]) -> Heads:
    """What a perfect network would say: every cell near a key point points to it exactly."""
    columns, rows = (size[0] - 1) // 16 + 1, (size[1] - 1) // 16 + 1
    heat = np.full((rows, columns, 17), -8.0, np.float32)
    short = np.zeros((rows, columns, 34), np.float32)
    mid = np.zeros((rows, columns, 64), np.float32)
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) * 16.0
    nearest = np.argmin([np.linalg.norm(cells - f.mean(axis=0), axis=-1) for f in figures], axis=0)
    for number, figure in enumerate(figures):
        mine = nearest == number
        for keypoint, point in enumerate(figure):
            away = point - cells
            distance = np.linalg.norm(away, axis=-1)
            heat[mine, keypoint] = np.maximum(heat[mine, keypoint], 5 - distance[mine] / 6)
            short[mine, keypoint], short[mine, 17 + keypoint] = away[mine, 1], away[mine, 0]
        for edge, (parent, child) in enumerate(POSE_TREE):
            limb = figure[child] - figure[parent]
            mid[mine, edge], mid[mine, 16 + edge] = limb[1], limb[0]
            mid[mine, 32 + edge], mid[mine, 48 + edge] = -limb[1], -limb[0]
    placement = Placement.stretch(size, size)
    return Heads(Head(heat), Head(short), Head(mid), None, None, None, placement)


@pytest.mark.parametrize(
    "places", [[(200, 60)], [(120, 60), (330, 90)], [(80, 40), (240, 60), (400, 50)]]
)
def test_finds_everybody_where_they_are(places: list[tuple[float, float]]) -> None:
    figures = [_stick_figure(x, y, 25) for x, y in places]
    people = decode_people(_exact_heads(figures, (513, 321)))
    assert len(people) == len(figures)
    for figure in figures:
        nearest = min(np.abs(person.keypoints[:, :2] - figure).max() for person in people)
        assert nearest < 1.0


def test_nobody_is_nobody() -> None:
    heads = _exact_heads([_stick_figure(200, 60, 25)], (513, 321))
    empty = Head(np.full_like(heads.heatmaps.values, -8.0))
    assert decode_people(Heads(empty, heads.short_offsets, heads.mid_offsets, None, None, None,
                               heads.placement)) == []  # fmt: skip


def test_scores_are_probabilities_and_sorted(models: Path) -> None:
    network = Network.open(models / f"{NAME}.tflite", parse_device("cpu")[0], 353, 1)
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    heads, _ = network.infer(noise)
    people = decode_people(heads, root_threshold=0.05, min_score=0.0)
    scores = [person.score for person in people]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 and math.isfinite(score) for score in scores)


def test_a_faint_pose_is_a_person_alone_but_not_beside_one_who_is_clearly_seen() -> None:
    figures = [_stick_figure(120, 60, 25), _stick_figure(330, 90, 25)]
    heads = _exact_heads(figures, (513, 321))
    heatmaps = heads.heatmaps.values.copy()
    right = np.arange(heatmaps.shape[1]) * 16 > 225
    # Nine key points are seen half, the rest are guessed.
    heatmaps[:, right] = np.minimum(heatmaps[:, right], np.where(np.arange(17) < 9, -0.2, -2.0))
    beside = decode_people(replace(heads, heatmaps=Head(heatmaps)))
    assert len(beside) == 1
    assert np.abs(beside[0].keypoints[:, :2] - figures[0]).max() < 1.0
    heatmaps[:, ~right] = -8.0
    [alone] = decode_people(replace(heads, heatmaps=Head(heatmaps)))
    assert np.abs(alone.keypoints[:, :2] - figures[1]).max() < 1.0
    assert 0.2 < alone.score < 0.4


def test_each_walk_gives_the_key_points_that_it_found_best() -> None:
    """Both elbows point past their wrists; each wrist points to its elbow."""
    figure = _stick_figure(200, 60, 25)
    exact = _exact_heads([figure], (513, 321))
    short, mid = exact.short_offsets.values.copy(), exact.mid_offsets.values.copy()
    for wrist, past in ((9, -100), (10, 100)):
        away = exact.heatmaps.values[..., wrist] < 0
        short[away, wrist] = short[away, 17 + wrist] = 0
        [edge] = [edge for edge, (_, child) in enumerate(POSE_TREE) if child == wrist]
        mid[..., 16 + edge] += past
    heads = replace(exact, short_offsets=Head(short), mid_offsets=Head(mid))
    [person] = decode_people(heads)
    assert np.abs(person.keypoints[:, :2] - figure).max() < 1.0
    heatmaps = exact.heatmaps.values.copy()
    heatmaps[..., [9, 10]] = -8.0  # No walk begins there.
    [guessed] = decode_people(replace(heads, heatmaps=Head(heatmaps)))
    assert np.abs(guessed.keypoints[[9, 10], 0] - figure[[9, 10], 0]).min() > 50


@pytest.mark.parametrize(("knee", "taken"), [(0.05, False), (0.4, True)])
def test_an_ankle_is_taken_in_where_its_knee_was_found(knee: float, taken: bool) -> None:
    """A badge on somebody's chest that looks like an ankle has none above it."""
    figure = _stick_figure(200, 60, 25)
    best = np.column_stack([figure, np.full(17, 0.9)])
    best[[13, 15], 2] = 0.02
    other = best.copy()
    other[15] = 200, 100, 0.5
    other[13, 2] = knee
    first, _ = _completed([best.copy(), other.copy()], NMS_RADIUS)
    assert np.array_equal(first[15], other[15] if taken else best[15])
    kept = np.arange(17) != 15
    assert np.array_equal(first[kept], best[kept])


def test_box_holds_what_is_seen() -> None:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[5] = 10, 20, 0.9
    keypoints[16] = 40, 100, 0.8
    keypoints[0] = 500, 500, 0.1
    assert box_of(keypoints) == (10, 20, 30, 80)
