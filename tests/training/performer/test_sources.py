"""What a performer is trained on, and what cannot be used."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from capture.dataset import Dataset
from capture.importer import ImportOptions, import_video
from inference.pool import NetworkPool
from tests.transfer.conftest import dancer  # noqa: F401  Fixture.
from training.errors import TrainingError
from training.performer.same_person import check_one_person
from training.performer.sources import check_enough, check_one_camera, split, target_of
from training.run_folder import RunFolder
from transfer.performers.condition import Ingredients
from transfer.performers.trained import Trained
from transfer.target.target import Target


def test_too_little_data_says_what_to_do(juggler: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    Dataset.open(folder).delete_pairs(range(80))
    target = Target.open(folder)
    with pytest.raises(TrainingError, match="usable frames, 50 are needed"):
        check_enough([target], [split(target)])


def test_a_run_knows_where_its_dataset_was(tmp_path: Path, target: Target) -> None:
    dataset = target.dataset
    about = Trained(
        "Juggler", dataset.manifest.id, "realtime", 64, 300, target.body_frame, Ingredients()
    )
    run = RunFolder(tmp_path / "run")
    run.open({"kind": "performer", "preset": "realtime", "sources": [str(dataset.path)]})
    assert target_of(run.path, about, None).dataset.path == dataset.path
    with pytest.raises(TrainingError, match="was trained on another dataset: Juggler"):
        target_of(run.path, replace(about, dataset="other"), None)
    moved = RunFolder(tmp_path / "moved")
    moved.open({"kind": "performer", "preset": "realtime", "sources": [str(tmp_path / "gone")]})
    with pytest.raises(TrainingError, match="with --dataset"):
        target_of(moved.path, about, None)
    assert target_of(moved.path, about, str(dataset.path)).size == target.size


@pytest.mark.slow
def test_two_people_are_not_learnt_as_one(
    videos: Path,
    models: Path,
    tmp_path: Path,
    dancer: Path,  # noqa: F811
) -> None:
    """The booth's grey shirt and its orange jumper, and the grey shirt twice."""
    pool = NetworkPool.open("bodypix-075", "cpu")
    for name in ("milk", "please", "book"):
        clip = videos / "booth" / f"{name}.mkv"
        import_video(clip, tmp_path / name, pool, ImportOptions())
    pool.close()
    milk, please, book = (Target.open(tmp_path / name) for name in ("milk", "please", "book"))
    check_one_person([milk, please])
    with pytest.raises(TrainingError, match="Two people, or two dresses"):
        check_one_person([milk, book])
    with pytest.raises(TrainingError, match="datasets of one camera"):
        check_one_camera([milk, Target.open(dancer)])
