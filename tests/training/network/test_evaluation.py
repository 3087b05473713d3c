"""The measuring command: what it measures, and what it refuses to."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.analysis import Person
from run import main
from tests.training.people import at
from training.network.evaluation import CLIPS, FRAME_LISTS, Material, nearest, photos, upper
from training.network.model_card import BEGIN, END
from training.network.sources import checksum

BODYPIX = "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite"


def person(x: float) -> Person:
    points = at(x, 10)
    return Person(points, 1.0, (x, 10, 50, 110))


def test_the_nearest_person_is_measured() -> None:
    people = [person(10), person(200), person(400)]
    true = at(210, 12)
    true[:8, 2] = 0
    np.testing.assert_array_equal(nearest(people, true), people[1].keypoints)
    assert (nearest([], true) < -1000).all()


def test_measured_photos_are_every_tenth(shared: Path) -> None:
    material = Material(shared / "data", lambda rgb: None, lambda rgb: None)  # type: ignore[arg-type,return-value]
    names = sorted(path.name for path in (shared / "data" / "people" / "photos").iterdir())
    assert [photo.name for photo, _ in photos(material)] == names[::10]
    assert all(mask.is_file() for _, mask in photos(material))
    assert all((shared / "data" / "videos" / clip).is_file() for clip in CLIPS)


def test_head_and_shoulders_are_cut_out_in_four_to_three() -> None:
    mask = np.zeros((576, 384), np.uint8)
    mask[80:120, 230:260] = 1  # head
    mask[120:560, 200:290] = 1
    rows, columns = upper(mask)
    assert (rows.start, rows.stop) == (56, 186)
    assert columns.stop - columns.start == pytest.approx((186 - 56) * 4 / 3, abs=2)
    assert (columns.start + columns.stop) / 2 == pytest.approx(245, abs=2)


def test_the_lists_of_frames_are_in_order_and_apart() -> None:
    lists = json.loads(FRAME_LISTS.read_bytes())
    for name in ("empty", "three"):
        assert lists[name] == sorted(set(lists[name]))
    still = [range(*stretch["frames"]) for stretch in lists["still"]]
    assert all(len(frames) >= 30 for frames in still)
    assert not any(set(frames) & set(lists["empty"]) for frames in still)
    assert set(lists["scenery"]) <= {f"{number:04d}.jpg" for number in range(10_000)}


def test_three_people_are_counted_and_speed_is_measured(shared: Path, tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    arguments = ["evaluate-model", "--model", "bodypix-075", "--json", str(report)]
    data = ["--data", str(shared / "data"), "--only", "three", "speed"]
    assert main([*arguments, *data]) == 0
    found = json.loads(report.read_bytes())["models"]["bodypix-075"]
    assert len(found["sha256"]) == 64
    assert found["rows"]["three"] == {"frames": 99, "right_count": pytest.approx(1.0, abs=0.05)}
    assert found["rows"]["speed"]["analysis_ms"] > found["rows"]["speed"]["invoke_ms"] > 1


def test_rows_on_files_that_were_learnt_from_are_refused(
    shared: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "cheat.tflite"
    shutil.copyfile(models / BODYPIX, model)
    learnt = checksum(shared / "data" / "videos" / "three_people.avi")
    model.with_suffix(".json").write_text(json.dumps({"training": {"files": [learnt]}}))
    report = tmp_path / "figures.json"
    arguments = ["evaluate-model", "--model", str(model), "--json", str(report)]
    assert main([*arguments, "--data", str(shared / "data"), "--only", "three"]) == 0
    (found,) = json.loads(report.read_bytes())["models"].values()
    assert found["rows"] == {}
    assert "was trained on files of the row three" in capsys.readouterr().err


def test_without_data_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], models: Path
) -> None:
    assert main(["evaluate-model", "--model", "bodypix-075", "--data", str(tmp_path)]) == 1
    assert "lacks people/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("page", "beside", "sentence"),
    [
        (None, ["--beside", "bodypix-075"], "is not there"),
        ("no marks", ["--beside", "bodypix-075"], "has no lines"),
        (f"{BEGIN}\n{END}", [], "name the other one with --beside"),
    ],
)
def test_a_card_that_cannot_be_filled_is_refused_before_minutes_of_measuring(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    shared: Path,
    page: str | None,
    beside: list[str],
    sentence: str,
) -> None:
    card = tmp_path / "card.md"
    if page is not None:
        card.write_text(page)
    arguments = ["--data", str(shared / "data"), "--card", str(card), *beside]
    assert main(["evaluate-model", "--model", "bodypix-075", *arguments]) == 1
    said = capsys.readouterr()
    assert sentence in said.err
    assert "person_iou" not in said.out
    assert (card.read_text() if page is not None else None) == page
