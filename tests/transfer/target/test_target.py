"""A dataset as the one to be shown: which of its pairs, and what is kept beside it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from capture.dataset import Dataset
from capture.errors import DatasetError
from tests.transfer.turned import turned
from transfer.errors import TransferError
from transfer.target.target import PLATE_NAME, USABLE_NAME, Target


@pytest.mark.parametrize(("after", "size"), [(0.6, (640, 480)), (0.3, (480, 480))])
def test_of_two_picture_sizes_the_commoner_is_used_and_the_rest_said(
    juggler: Path, tmp_path: Path, after: float, size: tuple[int, int]
) -> None:
    counts = turned(juggler, tmp_path / "d", after)
    target = Target.open(tmp_path / "d")
    assert target.size == size
    assert len(target.pairs) == max(counts)
    assert f"{min(counts)} of {sum(counts)} pairs are left out" in target.left_out()
    assert f"{size[0]}x{size[1]}" in target.warning
    for number in (0, len(target.pairs) - 1):
        assert target.frame(number).shape[1::-1] == target.labels(number).shape[::-1] == size
    assert target.plate.shape[1::-1] == size
    assert set(target.usable.numbers) <= set(range(len(target.pairs)))


def test_pictures_of_one_size_are_all_used_and_nothing_is_said(target: Target) -> None:
    assert target.warning == ""


def test_too_few_pairs_is_not_nobody(juggler: Path, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    shutil.copytree(juggler, folder)
    lines = (folder / "poses.jsonl").read_text().splitlines(keepends=True)
    (folder / "poses.jsonl").write_text(lines[0])
    with pytest.raises(TransferError, match="too few pairs"):
        Target.open(folder)
    nobody = {**json.loads(lines[0]), "keypoints": None}
    (folder / "poses.jsonl").write_text(json.dumps(nobody) + "\n")
    with pytest.raises(TransferError, match="shows nobody"):
        Target.open(folder)


def test_a_label_map_that_is_no_picture_is_said(juggler: Path, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    shutil.copytree(juggler, folder)
    index = Target.open(folder).pairs[3].index
    for content in (b"", b"\x89PNG\r\n\x1a\n", b"no picture at all, but long enough"):
        (folder / "parts" / f"{index:06d}.png").write_bytes(content)
        with pytest.raises(DatasetError, match="damaged"):
            Target.open(folder)


def test_what_was_made_of_pairs_that_were_edited_meanwhile_is_not_kept(
    juggler: Path, tmp_path: Path
) -> None:
    """`usable.json` goes by the pairs' numbers: beside other pairs it would be wrong."""
    folder = tmp_path / "d"
    shutil.copytree(juggler, folder, ignore=shutil.ignore_patterns(PLATE_NAME, USABLE_NAME))
    target = Target.open(folder)
    os.utime(folder / "poses.jsonl")
    assert target.usable.numbers
    assert not (folder / PLATE_NAME).exists()
    assert not (folder / USABLE_NAME).exists()
    assert Target.open(folder).usable.numbers
    assert (folder / USABLE_NAME).exists()


def test_pairs_that_a_person_erased_or_left_out_show_nobody(juggler: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    dataset = Dataset.open(folder)
    before = Target.open(folder)
    wrist = before.keypoints[20, 9, :2] + 30
    edits = {2: {"erased": True}, 3: {"left_out": True}, 20: {"keypoints": {"9": wrist.tolist()}}}
    dataset.edit_pairs(edits, dataset.revision)
    target = Target.open(folder)
    assert {2, 3}.isdisjoint(pair.index for pair in target.pairs)
    assert len(target.pairs) == len(before.pairs) - 2
    [number] = [place for place, pair in enumerate(target.pairs) if pair.index == 20]
    moved = target.keypoints[number, 9, :2] - before.keypoints[20, 9, :2]
    assert (moved > 10).all()
    assert target.keypoints[number, 9, 2] == 1


def test_what_was_made_while_somebody_edited_is_not_kept(
    juggler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    target = Target.open(folder)

    def slow(path: Path, data: bytes) -> None:
        dataset = Dataset.open(folder)
        dataset.edit_pairs({2: {"erased": True}}, dataset.revision)
        path.write_bytes(data)

    monkeypatch.setattr("transfer.target.target.write_whole", slow)
    target.store(PLATE_NAME, b"of other pairs")
    assert not (folder / PLATE_NAME).exists()
    assert Target.open(folder).stored(PLATE_NAME) is None
