"""A puppet that wears a skirt or a robe, and real dancers."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.video import read_frames
from inference.analyzer import Analyzer
from inference.arrays import Keypoints, Labels, Rgb
from inference.pool import NetworkPool
from tests.puppet import COLOURS, SIZE, Puppet, draw, pose
from transfer.performers.warp.choice import choose
from transfer.performers.warp.composition import compose
from transfer.target.garment import Garment, drawn, outline_widths, worn
from transfer.target.pieces import BodyPose, Piece
from transfer.target.references import ReferenceBank

CLOTH = (200, 30, 40)
STANDING = [
    pose(),
    pose(p13=(230, 335), p15=(236, 425)),
    pose(p14=(170, 335)),
    pose(p13=(226, 335)),
    pose(p7=(290, 150)),
    pose(p8=(120, 80)),
]
ASTRIDE = pose(p13=(246, 332), p15=(275, 418), p14=(154, 332), p16=(125, 418))
HEMS = {Garment.SKIRT: (13, 14), Garment.ROBE: (15, 16)}


def dressed(keypoints: Keypoints, garment: Garment) -> tuple[Rgb, Labels]:
    """The puppet in a skirt to above the knees, in a robe to above the feet, or in neither."""
    rgb, labels = draw(keypoints, marked=False)
    # Wider hips than the puppet's usual ones: its shins are as thick as its thighs.
    left, right = np.rint(keypoints[[11, 12], :2]).astype(int)
    for picture, value in ((rgb, COLOURS[Piece.TRUNK]), (labels, 13)):
        cv2.rectangle(picture, (right - 14).tolist(), (left + 14).tolist(), value, -1)
    if garment == Garment.TROUSERS:
        return rgb, labels
    hips, hem = keypoints[[11, 12], :2], keypoints[list(HEMS[garment]), :2]
    flare = {Garment.SKIRT: 22, Garment.ROBE: 45}[garment]
    ends = hips + 0.85 * (hem - hips) + np.array([[flare, 0], [-flare, 0]], np.float32)
    tops = hips + np.array([[14, 0], [-14, 0]], np.float32)
    middle = [tops.mean(0), ends.mean(0)]
    for side, label in ((0, 15), (1, 17)):
        half = np.rint([tops[side], ends[side], middle[1], middle[0]]).astype(np.int32)
        cv2.fillPoly(rgb, [half], CLOTH)
        cv2.fillPoly(labels, [half], label)
    if garment == Garment.ROBE:  # Below the knees it counts as shins.
        below = np.arange(SIZE[1])[:, None] > keypoints[[13, 14], 1].mean()
        labels[below & (labels == 15)] = 19
        labels[below & (labels == 17)] = 21
    return rgb, labels


class Dressed(Puppet):
    """As a `Target`."""

    def __init__(self, garment: Garment) -> None:
        super().__init__(STANDING)
        self._garment = garment

    def frame(self, number: int) -> Rgb:
        return dressed(self.keypoints[number], self._garment)[0]

    def labels(self, number: int) -> Labels:
        return dressed(self.keypoints[number], self._garment)[1]


def bank_of(garment: Garment) -> ReferenceBank:
    return ReferenceBank.of(Dressed(garment), range(len(STANDING)))  # type: ignore[arg-type]


@pytest.mark.parametrize("garment", Garment)
def test_what_is_worn_is_seen(garment: Garment) -> None:
    assert bank_of(garment).garment == garment


def test_who_never_stands_tells_nothing() -> None:
    squatting = [pose(p13=(300, 270), p14=(100, 270))] * 8
    seen = [outline_widths(dressed(one, Garment.SKIRT)[1], one) for one in squatting]
    assert worn(seen) == Garment.TROUSERS


def test_a_skirt_hangs_between_legs_that_are_apart() -> None:
    """The driver wears trousers and stands astride: no gap between the legs down to the hem, and
    nothing of the cloth farther down."""
    bank, labels = bank_of(Garment.SKIRT), draw(ASTRIDE, marked=False)[1]
    canvas, side = np.array([[1.0, 0, 50], [0, 1, 0]]), SIZE[1]
    parts = np.asarray(
        cv2.warpAffine(labels, canvas, (side, side), flags=cv2.INTER_NEAREST), np.uint8
    )
    wanted = BodyPose.of(ASTRIDE, parts, -50)
    hung = bank.garment.hung(parts)
    made = compose(bank, choose(bank, wanted), wanted, canvas, hung, side)
    middle = 50 + round(float(ASTRIDE[[11, 12], 0].mean()))
    between = slice(270, 305)
    assert not labels[305, middle - 50]
    assert (made.alpha[between, middle] > 230).all()
    red = made.colour[between, middle].astype(int) - CLOTH
    assert np.abs(red).max() < 40
    told = drawn(hung, parts, made.alpha)
    assert (told[between, middle] > 0).all()
    assert not told[325:, middle].any()
    # Without a garment the same legs are apart.
    two = bank_of(Garment.TROUSERS)
    bare = compose(two, choose(two, wanted), wanted, canvas, parts, side)
    assert bare.alpha[300:305, middle].max() < 60


def test_only_the_background_between_the_legs_is_filled() -> None:
    labels = draw(ASTRIDE)[1]
    hung = Garment.SKIRT.hung(labels)
    changed = hung != labels
    assert changed.any()
    assert (labels[changed] == 0).all()
    assert set(np.unique(hung[changed])) == {15}
    rows, columns = np.nonzero(changed)
    thighs = np.isin(labels, [15, 17])
    ys, xs = np.nonzero(thighs)
    assert rows.min() >= ys.min()
    assert rows.max() <= ys.max()
    assert columns.min() >= xs.min()
    assert columns.max() <= xs.max()
    assert Garment.TROUSERS.hung(labels) is labels
    nobody = np.zeros_like(labels)
    assert Garment.SKIRT.hung(nobody) is nobody


def test_a_file_remembers_it(tmp_path: Path) -> None:
    bank_of(Garment.SKIRT).save(tmp_path / "references.npz")
    assert ReferenceBank.load(tmp_path / "references.npz").garment == Garment.SKIRT


@pytest.mark.parametrize(
    ("clip", "garment"),
    [("dancer_b.mp4", Garment.SKIRT), ("dancer_d.mp4", Garment.TROUSERS)],
)
def test_real_dancers(videos: Path, clip: str, garment: Garment) -> None:
    pool = NetworkPool.open("understudy-default", "cpu")
    analyzer = Analyzer(pool)
    widths = []
    for rgb, time_s in itertools.islice(read_frames(videos / clip), 0, None, 12):
        seen = analyzer.analyse(rgb, time_s)
        if seen.person is not None:
            widths.append(outline_widths(seen.labels, seen.person.keypoints))
    pool.close()
    assert len(widths) > 15
    assert worn(widths) == garment
