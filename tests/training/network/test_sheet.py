"""Pictures of what a student sees as it learns."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.people import at, picture
from training.learning_pictures import FOLDER, SIDE
from training.network.distill_command import weights_of
from training.network.labelled import Packed
from training.network.sheet import SeenPictures
from training.network.student_files import load_student


@pytest.mark.parametrize("size", [(192, 192), (128, 256), (256, 128)])
def test_the_people_are_in_them_whatever_the_frames_shape(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    width, height = size
    corner = [at(width - 50, height - 65, 0.5)]
    items = [Packed.of(picture(corner, size), "mask") for _ in range(3)]
    seen = SeenPictures(tmp_path, items)
    assert seen.due(0.0)
    seen.show(12.3, load_student(weights_of("built-in", "tiny")))
    assert not seen.due(13.0)
    names = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert names == ["000012.jpg", "true.jpg"]
    sheets = [cv2.imread(str(tmp_path / FOLDER / name)) for name in names]
    assert {sheet.shape for sheet in sheets} == {(SIDE, 3 * SIDE, 3)}
    labelled = items[0].labelled().people > 0
    people = sheets[1][:, :SIDE].max(axis=2) > 120
    assert people.sum() > 0.5 * labelled.sum() * (SIDE / min(size)) ** 2
    assert np.abs(sheets[0].astype(int) - sheets[1]).max() > 30
