"""The reference bank: what it holds, keeps and refuses."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.puppet import GREY, Puppet, pose
from transfer.errors import TransferError
from transfer.target import references
from transfer.target.matte import HIDDEN, cut_out, without_arms
from transfer.target.pieces import Piece
from transfer.target.references import FILE_NAME, MOST, ReferenceBank, first_number
from transfer.target.target import Target


def puppet_bank(count: int = 3) -> ReferenceBank:
    poses = [pose(p9=(262 + 3 * number, 245)) for number in range(count)]
    return ReferenceBank.of(Puppet(poses), range(count))  # type: ignore[arg-type]


def test_a_bank_written_is_the_same_when_read(tmp_path: Path) -> None:
    bank = puppet_bank()
    bank.save(tmp_path / "r.npz")
    again = ReferenceBank.load(tmp_path / "r.npz")
    assert again.size == bank.size
    assert again.ready.all()
    np.testing.assert_array_equal(again.numbers, bank.numbers)
    np.testing.assert_allclose(again.features.bone, bank.features.bone)
    for place in (0, 4):
        mine, theirs = bank.reference(place), again.reference(place)
        np.testing.assert_array_equal(mine.rgb, theirs.rgb)
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        assert (mine.x, mine.y) == (theirs.x, theirs.y)


@pytest.mark.parametrize("spoilt", [b"", b"PK\x03\x04 nothing", None])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, spoilt: bytes | None) -> None:
    path = tmp_path / "r.npz"
    content = puppet_bank().content() if spoilt is None else spoilt
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TransferError, match="holds no references"):
        ReferenceBank.load(path)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    puppet_bank().save(tmp_path / "r.npz")
    monkeypatch.setattr(references, "READABLE", (999,))
    with pytest.raises(TransferError, match="version"):
        ReferenceBank.load(tmp_path / "r.npz")


def test_mirrored_references_are_mirrored() -> None:
    bank = puppet_bank()
    plain, mirrored = bank.reference(0), bank.reference(bank.plain)
    np.testing.assert_array_equal(mirrored.rgb[:, ::-1], plain.rgb)
    width = plain.rgb.shape[1] / bank.factor
    assert mirrored.x == pytest.approx(bank.size[0] - plain.x - width)
    left, right = plain.layer(Piece.LEFT_SHIN), mirrored.layer(Piece.RIGHT_SHIN)
    assert left is not None
    assert right is not None
    assert abs(int(left.rgba[..., 3].sum()) - int(right.rgba[..., 3].sum())) < 3000


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = puppet_bank(6)
    one = bank.reference(0).bytes
    monkeypatch.setattr(references, "MEMORY", 3 * one)
    for place in range(6):
        bank.reference(place)
    assert len(bank._decoded) <= 3
    assert bank._held <= 3.2 * one


def test_of_a_long_dataset_some_frames_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MOST", 5)
    bank = puppet_bank(14)
    assert bank.plain <= 7
    assert np.diff(bank.numbers[: bank.plain]).max() <= 3
    assert MOST >= 100


def test_the_first_references_are_spread_over_the_time() -> None:
    bank = puppet_bank(9)
    order = bank.coarse_to_fine()
    assert sorted(order) == list(range(9))
    assert np.ptp(order[:2]) >= 4


def test_joined_banks_offer_both() -> None:
    both = ReferenceBank.joined([puppet_bank(3), puppet_bank(2)])
    assert both.plain == 5
    assert both.numbers[3] == first_number(1)
    assert both.reference(4).rgb.any()


def test_a_bank_is_kept_beside_its_dataset_and_made_anew_after_edits(
    juggler: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    target = Target.open(folder)
    bank = ReferenceBank.of(target)
    assert not bank.ready.any()
    target.store(FILE_NAME, bank.content())
    assert ReferenceBank.of(Target.open(folder)).ready.all()
    poses = folder / "poses.jsonl"
    later = (folder / FILE_NAME).stat().st_mtime_ns + 10**9
    os.utime(poses, ns=(later, later))
    assert not ReferenceBank.of(Target.open(folder)).ready.any()
    # So a broken one, and one of another size.
    (folder / FILE_NAME).write_bytes(b"broken")
    os.utime(folder / FILE_NAME, ns=(later + 10**9, later + 10**9))
    assert not ReferenceBank.of(Target.open(folder)).ready.any()


def test_an_arm_before_the_trunk_is_hidden_there() -> None:
    across = pose(p7=(225, 185), p9=(185, 200))
    puppet = Puppet([across])
    labels = np.where(np.isin(puppet.labels(0), (7, 11)), 13, puppet.labels(0)).astype(np.uint8)
    seen = without_arms(labels, across, 400)
    assert seen[198, 195] == HIDDEN
    assert seen[150, 200] == 13


def test_the_wall_does_not_come_along_and_the_dancer_stays() -> None:
    puppet = Puppet([pose()])
    rgb, labels = puppet.frame(0), puppet.labels(0)
    wide = (np.asarray(cv2.dilate(labels, np.ones((9, 9), np.uint8)))).astype(np.uint8)
    cleaned, alpha = cut_out(rgb, puppet.plate, wide, pose(), 400)
    wall = (wide > 0) & (np.abs(rgb.astype(int) - GREY).max(axis=2) == 0)
    body = cv2.erode(labels, np.ones((7, 7), np.uint8)) > 0
    assert alpha[wall].mean() < 60
    assert (alpha[body] > 200).mean() > 0.995
    assert (np.abs(cleaned[body].astype(int) - rgb[body]).max(axis=1) == 0).mean() > 0.99


def test_clothes_of_the_walls_colour_are_not_eaten() -> None:
    puppet = Puppet([pose()])
    labels = puppet.labels(0)
    _, alpha = cut_out(puppet.plate.copy(), puppet.plate, labels, pose(), 400)
    inner = cv2.erode((labels > 0).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert alpha[inner].min() == 255


@pytest.mark.parametrize("wall", [(235, 230, 240), (40, 60, 50)])
def test_the_rim_has_the_dancers_colour_and_not_the_walls(wall: tuple[int, int, int]) -> None:
    """Edges are mixed by optics and compression: white wall, dark trousers."""
    puppet = Puppet([pose()])
    labels = puppet.labels(0)
    plate = np.full_like(puppet.plate, wall)
    inside = (labels > 0)[..., None]
    true = np.where(inside, np.uint8(255) - np.array(wall, np.uint8), plate)
    rgb = np.asarray(cv2.GaussianBlur(true, (0, 0), 1.5), np.uint8)
    wide = np.asarray(cv2.dilate(labels, np.ones((5, 5), np.uint8)), np.uint8)
    colours, alpha = cut_out(rgb, plate, wide, pose(), 400)
    shown = alpha > 10
    off = np.abs(colours.astype(int) - (255 - np.array(wall))).max(axis=2)
    assert np.quantile(off[shown], 0.99) < 40
    assert (alpha[labels > 0] > 128).mean() > 0.95


def test_wall_in_the_shade_between_arm_and_body_goes_and_clothes_like_it_stay() -> None:
    puppet = Puppet([pose()])
    rgb, labels = puppet.frame(0), puppet.labels(0)
    filled = np.asarray(
        cv2.morphologyEx(labels, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)), np.uint8
    )
    gap = (filled > 0) & (labels == 0)
    between = cv2.erode(gap.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    shaded = np.where(gap[..., None], (puppet.plate * 0.92).astype(np.uint8), rgb)
    _, alpha = cut_out(shaded, puppet.plate, filled, pose(), 400)
    hips = np.s_[180:260]
    assert between[hips].sum() > 50
    assert (alpha[hips][between[hips]] < 60).mean() > 0.9
    # All in that colour: none of it is taken for wall.
    alike = np.where((filled > 0)[..., None], (puppet.plate * 0.92).astype(np.uint8), puppet.plate)
    _, alpha = cut_out(alike, puppet.plate, filled, pose(), 400)
    within = cv2.erode((filled > 0).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert (alpha[within] > 200).mean() > 0.99
