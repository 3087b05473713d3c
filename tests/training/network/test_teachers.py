"""Several teachers together: who is opened, what missing ones cost, what they agree on."""

import os
from pathlib import Path

import numpy as np
import pytest

from inference import teachers as published
from inference.errors import ModelError
from tests.training.people import at
from training.errors import TrainingError
from training.network.blazepose import where_they_agree
from training.network.labelled import UNKNOWN
from training.network.mask_teachers import agreed
from training.network.metrics import iou
from training.network.sources import read_mask, read_photo
from training.network.teachers import open_teachers

NAMES = [one.name for one in published.TEACHERS]


def test_missing_teachers_are_left_out_and_told(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in models.glob("bodypix*"):
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    notes: list[str] = []
    made = open_teachers(["bodypix-075", *NAMES], notes.append)
    assert made.finder is made.closer is made.doubter is None
    assert made.masks == ()
    assert len(notes) == len(NAMES)
    assert "Without u2net fewer masks are learnt." in notes[3]
    assert "models fetch u2net" in notes[3]
    rgb = np.zeros((32, 32, 3), np.uint8)
    assert made.people(rgb) is None
    assert made.mask(rgb) is None


def test_somebody_must_know_parts(models: Path) -> None:
    with pytest.raises(TrainingError, match="name bodypix-075 as well"):
        open_teachers(["selfie"], print)
    with pytest.raises(ModelError, match="There is no network called 'nobody'"):
        open_teachers(["nobody"], print)


def test_what_masks_disagree_on_is_not_known() -> None:
    one, other = np.array([[0.9, 0.9, 0.1, 0.5]], np.float32), np.array([[0.8, 0.1, 0.0, 0.5]])
    known = agreed([one, np.asarray(other, np.float32)])
    assert known.tolist() == [[1, UNKNOWN, 0, UNKNOWN]]


def test_key_points_that_a_second_look_has_elsewhere_are_not_known() -> None:
    one, other = at(10, 10), at(10, 10)
    other[[9, 16], 0] += 20  # A fifth of the person's height.
    other[3, 0] += 3
    agreeing = where_they_agree(one, other)
    assert np.flatnonzero(agreeing[:, 2] == 0).tolist() == [9, 16]
    np.testing.assert_array_equal(agreeing[:, :2], one[:, :2])


@pytest.mark.slow
def test_the_real_ones_know_a_street_photo(shared: Path) -> None:
    """Masks against a human's; everybody's opinion on key points."""
    missing = [one.name for one in published.TEACHERS if published.problem_with_files(one)]
    if missing:
        pytest.skip(f"{', '.join(missing)} are not in {os.environ.get('UNDERSTUDY_MODELS')}")
    made = open_teachers(["bodypix-075", *NAMES], print)
    folder = shared / "data" / "people"
    rgb = read_photo(folder / "photos" / "0002.jpg")
    mask = read_mask(folder / "person_masks" / "0002.png")
    found = made.mask(rgb)
    assert found is not None
    assert (found != UNKNOWN).mean() > 0.95
    assert iou(found == 1, mask == 1, (mask != 255) & (found != UNKNOWN)) > 0.97
    people = made.people(rgb)
    assert people is not None
    assert people.shape == (1, 17, 3)
    assert people[0, :, 2].sum() > 12
    x, y = np.rint(people[0, people[0, :, 2] > 0, :2]).astype(int).T
    assert (mask[y, x] != 0).mean() > 0.9
