"""A second, closer look at a dancer who is small in the frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.analysis import Person
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Rgb
from inference.pool import NetworkPool
from inference.second_pass import Square

FRAME = (1920, 1080)


@pytest.fixture(scope="module")
def people(shared: Path) -> Path:
    return shared / "data" / "people"


def read_rgb(path: Path) -> Rgb:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def somebody(x: float, y: float, width: float, height: float) -> Person:
    return Person(np.zeros((17, 3), np.float32), 1.0, (x, y, width, height))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((900, 300, 150, 500), True),
        ((0, 700, 100, 380), True),  # In a corner: the square stays within the frame.
        ((900, 50, 200, 1000), True),  # Hardly any room, yet seen almost twice as large.
        ((300, 0, 1300, 1080), False),  # Larger than any square.
    ],
)
def test_the_square_holds_the_dancer_and_lies_in_the_frame(
    box: tuple[float, float, float, float], expected: bool
) -> None:
    square = Square.around(somebody(*box), FRAME)
    assert (square is not None) == expected
    if square is None:
        return
    x, y, width, height = box
    assert 0 <= square.x <= min(x, FRAME[0] - square.side)
    assert 0 <= square.y <= min(y, FRAME[1] - square.side)
    assert square.x + square.side >= x + width
    assert square.y + square.side >= y + height


def test_it_is_not_worth_it_where_the_dancer_fills_the_frame() -> None:
    assert Square.around(somebody(200, 40, 200, 400), (640, 480)) is None


@pytest.mark.parametrize("model", ["bodypix-075", "understudy-default"])
def test_a_small_dancer_is_outlined_better(people: Path, models: Path, model: str) -> None:
    """Street photos with human masks, in the middle of a frame three times as large."""
    pool = NetworkPool.open(model, "cpu")
    plain, second_pass = (AnalyzerOptions(second_pass=wanted) for wanted in (False, True))
    scores: dict[bool, list[float]] = {False: [], True: []}
    for mask_path in sorted((people / "person_masks").glob("*.png"))[::10][:10]:
        mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        rgb = read_rgb(people / "photos" / f"{mask_path.stem}.jpg")
        height, width = mask.shape
        frame = np.full((2 * height, 4 * height, 3), 128, np.uint8)
        top, left = height // 2, 2 * height - width // 2
        place = np.s_[top : top + height, left : left + width]
        frame[place] = rgb
        for options in (plain, second_pass):
            analysis = Analyzer(pool, options).analyse(frame, 0.0)
            assert analysis.labels.shape == frame.shape[:2]
            assert ("second_pass" in analysis.timings) == options.second_pass
            found, known = analysis.labels[place] > 0, mask != 255
            both = (found & (mask == 1))[known].sum()
            either = (found | (mask == 1))[known].sum()
            scores[options.second_pass].append(both / either)
    pool.close()
    assert np.mean(scores[True]) > np.mean(scores[False]) + 0.05
    assert np.mean(scores[True]) > 0.75


def test_key_points_lie_in_the_frame_as_seen_from_afar(people: Path, models: Path) -> None:
    pool = NetworkPool.open("bodypix-075", "cpu")
    photo = read_rgb(sorted((people / "photos").glob("*.jpg"))[10])
    frame = np.full((2 * photo.shape[0], 4 * photo.shape[0], 3), 128, np.uint8)
    frame[100 : 100 + photo.shape[0], 300 : 300 + photo.shape[1]] = photo
    first = Analyzer(pool).analyse(frame, 0.0).person
    second = Analyzer(pool, AnalyzerOptions(second_pass=True)).analyse(frame, 0.0).person
    pool.close()
    assert first is not None
    assert second is not None
    away = np.linalg.norm(first.keypoints[:, :2] - second.keypoints[:, :2], axis=1)
    assert np.median(away) < 0.05 * first.box[3]
