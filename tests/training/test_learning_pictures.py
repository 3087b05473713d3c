"""Pictures of a run as it learns."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.learning_pictures import FOLDER, POSES, SIDE, LearningPictures, chosen


@pytest.mark.parametrize("count", [0, 1, 3, 5, 12, 1000])
def test_chosen_are_spread_over_all(count: int) -> None:
    places = chosen(count)
    assert len(places) == min(count, POSES)
    assert len(set(places)) == len(places)
    if count:
        assert places[0] == 0
        assert places[-1] == (count - 1 if count > 1 else 0)


def test_one_at_once_every_ten_seconds_at_first_and_a_bounded_number(tmp_path: Path) -> None:
    pictures = LearningPictures(tmp_path)
    frames = [np.full((256, 256, 3), 50 * number, np.uint8) for number in range(3)]
    written = []
    for second in [*range(7200), *range(7200, 200_000, 60)]:
        if pictures.due(second):
            written.append(second)
            pictures._last = second  # Thousands of pictures would only be written to be counted.
    assert written[0] == 0
    assert max(np.diff([one for one in written if one <= 60])) <= 10
    assert max(np.diff([one for one in written if 60 < one <= 3600])) <= 21
    assert len(written) < 1200
    pictures.write_true(frames)
    pictures.write(12.7, frames[::-1])
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["000012.jpg", "true.jpg"]
    for name, values in (("true", (0, 50, 100)), ("000012", (100, 50, 0))):
        sheet = cv2.imread(str(tmp_path / FOLDER / f"{name}.jpg"))
        assert sheet.shape == (SIDE, 3 * SIDE, 3)
        for number, value in enumerate(values):
            assert abs(int(sheet[90, number * SIDE + 90, 0]) - value) <= 2
