"""A performer that is shown with another network's parts than it was made from says so."""

import json
from pathlib import Path

from capture.dataset import Dataset
from transfer.output.perform_command import another_network


def test_a_trained_run_remembers_the_networks_of_its_datasets(tmp_path: Path) -> None:
    about = {"title": "A", "networks": ["understudy-default", "mine"]}
    (tmp_path / "performer.json").write_text(json.dumps(about))
    assert another_network(tmp_path, "mine") == ""
    told = another_network(tmp_path, "bodypix-075")
    assert "understudy-default and mine saw, and bodypix-075, which looks now" in told
    assert "`--model understudy-default`" in told


def test_a_run_of_an_older_version_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "performer.json").write_text(json.dumps({"title": "A"}))
    assert another_network(tmp_path, "bodypix-075") == ""


def test_so_does_a_dataset(juggler: Path) -> None:
    seen_by = Dataset.open(juggler).manifest.model.name
    assert another_network(juggler, seen_by) == ""
    assert seen_by in another_network(juggler, "another")
