"""What datasets of real clips lack, and that edits count."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from capture.coverage import BINS
from capture.dataset import Dataset
from capture.importer import ImportOptions, import_video
from inference.pool import NetworkPool
from transfer.target.lacking import POSES, Lacking, lacking, wanted


def names(found: Lacking) -> list[str]:
    return [one.name for one in found.lacks]


def test_who_stands_before_the_camera_lacks_back_sides_face_and_poses(juggler: Path) -> None:
    found = lacking([Dataset.open(juggler)])
    first = ["facing back", "facing left", "facing right", "face near", "arms up up"]
    assert names(found)[:5] == first
    assert len(found.lacks) == 4 + POSES
    assert set(names(found)) <= set(BINS)
    assert "pixels high" in found.lacks[3].text
    for one in found.lacks:
        assert one.text.endswith(".")
        assert one.do[0].isupper()
    assert found.never_seen == ""
    assert 0 < found.fraction < 0.5


def test_a_booth_shows_the_face_and_no_feet(videos: Path, tmp_path: Path) -> None:
    pool = NetworkPool.open("bodypix-075", "cpu")
    clip = sorted((videos / "booth").glob("*.mkv"))[0]
    import_video(clip, tmp_path / "booth", pool, ImportOptions())
    pool.close()
    found = lacking([Dataset.open(tmp_path / "booth")])
    assert "face near" not in names(found)
    assert "facing front" not in names(found)
    assert "feet" in found.never_seen


def test_what_was_erased_or_left_out_is_lacking(juggler: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    dataset = Dataset.open(folder)
    assert "facing front" not in names(lacking([dataset]))
    edits = {
        pair.index: {"erased": True} if pair.index % 2 else {"left_out": True}
        for pair in dataset.pairs[:-10]
    }
    dataset.edit_pairs(edits, dataset.revision)
    assert "facing front" in names(lacking([Dataset.open(folder)]))
    rest = {pair.index: {"erased": True} for pair in dataset.pairs}
    dataset.edit_pairs(rest, dataset.revision)
    assert lacking([Dataset.open(folder)]) == Lacking((), "", 0.0)


def test_what_one_lacks_another_has(juggler: Path, dancer: Path) -> None:
    one, other = Dataset.open(juggler), Dataset.open(dancer)
    alone, together = lacking([one]), lacking([one, other])
    assert set(names(together)[:4]) <= set(names(alone)[:4])
    assert together.fraction >= alone.fraction
    assert lacking([]) == Lacking((), "", 0.0)


@pytest.mark.parametrize("asked", [[], ["<script>"], ["facing"]])
def test_what_is_not_known_is_not_asked_for(asked: list[str]) -> None:
    assert wanted(asked) == []


def test_the_face_comes_last_since_one_must_walk_up_for_it() -> None:
    asked = wanted(["face near", "facing back", "facing back", "arms up up"])
    assert [one["name"] for one in asked] == ["arms up up", "facing back", "face near"]
    assert asked[1]["do"] == "Turn your back to the camera"
