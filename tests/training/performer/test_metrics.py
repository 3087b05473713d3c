"""The figures of `run.py evaluate`, against references and against what must be so."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.video import read_frames
from inference.arrays import Rgb
from tests.training.people import at
from training.performer.measuring.evaluation_page import Part, write_page
from training.performer.measuring.haarpsi import haarpsi
from training.performer.measuring.motion_metrics import Flows, flow_distance, warping_error
from training.performer.measuring.pose_metrics import pose_difference

CLIP = Path(__file__).parents[2] / "data" / "juggler_320.mp4"


@pytest.fixture(scope="module")
def frames() -> list[Rgb]:
    found = []
    for rgb, _ in read_frames(CLIP):
        found.append(rgb)
        if len(found) > 20:
            break
    return found


def test_haarpsi_is_that_of_piq(frames: list[Rgb]) -> None:
    """Values of `piq.haarpsi` 0.8.0 for the same pictures."""
    first = frames[0]
    blurred = np.asarray(cv2.GaussianBlur(first, (0, 0), 2), np.uint8)
    dark = (first * 0.7).astype(np.uint8)
    assert haarpsi(first, frames[20]) == pytest.approx(0.60221, abs=1e-4)
    assert haarpsi(first, blurred) == pytest.approx(0.63368, abs=1e-4)
    assert haarpsi(first, dark) == pytest.approx(0.90740, abs=1e-4)
    assert haarpsi(first, first) == pytest.approx(1)
    black = np.zeros((32, 32, 3), np.uint8)
    assert haarpsi(black, black) == pytest.approx(1)


def test_a_pose_is_compared_wherever_it_stands() -> None:
    wanted = at(20, 20)
    same = pose_difference(wanted, at(200, 90, 2.5))
    assert same is not None
    assert same.distance == pytest.approx(0, abs=1e-5)
    assert (same.right, same.missed) == (1, 0)

    bent = at(20, 20)
    bent[9, :2] += (-60, 40)
    bent[16, 2] = 0
    other = pose_difference(wanted, bent)
    assert other is not None
    assert other.distance is not None
    assert other.distance > 0.02
    assert other.missed == 1
    assert other.right <= 15 / 17


def test_nobody_seen_is_all_missed_and_nobody_wanted_is_nothing() -> None:
    difference = pose_difference(at(0, 0), None)
    assert difference is not None
    assert (difference.distance, difference.right, difference.missed) == (None, 0, 17)
    unseen = at(0, 0)
    unseen[:, 2] = 0
    assert pose_difference(unseen, at(0, 0)) is None


def test_a_clip_that_moves_as_the_true_one_has_its_warping_error(frames: list[Rgb]) -> None:
    flows = Flows()
    earlier = cv2.GaussianBlur(frames[0], (0, 0), 1)
    shift = np.array([[1.0, 0, 3], [0, 1, 1]])
    size = earlier.shape[1::-1]
    later = np.asarray(cv2.warpAffine(earlier, shift, size, borderMode=cv2.BORDER_REPLICATE))
    labels = np.zeros(earlier.shape[:2], np.uint8)
    labels[40:140, 60:260] = 1
    flow = flows.between(later, earlier)
    np.testing.assert_allclose(np.median(flow[labels > 0], axis=0), (-3, -1), atol=0.3)
    moved = warping_error(later, earlier, flow, labels)
    flickering = np.asarray(cv2.convertScaleAbs(later, beta=40))
    assert warping_error(flickering, earlier, flow, labels) > moved + 20
    assert flow_distance(flow, flow, labels) == 0
    assert flow_distance(np.zeros_like(flow), flow, labels) == pytest.approx(10**0.5, abs=0.4)


def test_the_page_holds_all_and_marks_the_best_but_never_the_plate(tmp_path: Path) -> None:
    rows = {"plate": {"ssim": 0.9}, "knn": {"ssim": 0.5, "ms": 2.0}, "realtime": {"ssim": 0.7}}
    strip = np.full((30, 40, 3), 90, np.uint8)
    about = {"title": "<Ada>", "preset": "realtime", "size": 256, "sha256": "0" * 64,
             "measured_on": "Ada"}  # fmt: skip
    page = tmp_path / "page.html"
    write_page(page, about, [Part("Held out", rows, strip, b"film")], tmp_path / "no.png")
    text = page.read_text()
    assert "&lt;Ada&gt;" in text
    assert text.count('class="best"') == 2
    assert '<td class="best">0.700</td>' in text
    assert "data:image/jpeg;base64," in text
    assert "data:video/mp4;base64,ZmlsbQ==" in text
    assert "http" not in text
