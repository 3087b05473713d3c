"""Some frames of a performance as one picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from transfer.output.filmstrip import HEIGHT, KEPT, SHOWN, Filmstrip


@pytest.mark.parametrize(
    ("size", "count", "shape"),
    [((120, 90), 3, (1, 3)), ((90, 160), 40, (1, 6)), ((640, 160), 300, (3, 2))],
)
def test_frames_are_evenly_spaced_and_laid_out(
    size: tuple[int, int], count: int, shape: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "new" / "strip.png"
    with Filmstrip(path) as strip:
        for number in range(count):
            level = round(250 * number / (count - 1))
            strip.write(np.full((size[1], size[0], 3), level, np.uint8), number / 30)
        assert len(strip._kept) <= KEPT
    picture = cv2.imread(str(path))
    assert picture is not None
    rows, columns = shape
    width = round(size[0] * HEIGHT / size[1])
    assert picture.shape[:2] == (rows * HEIGHT, columns * width)
    levels = picture[HEIGHT // 2 :: HEIGHT, width // 2 :: width, 0].ravel()
    shown = min(SHOWN, count)
    np.testing.assert_allclose(levels, (np.arange(shown) + 0.5) * 250 / shown, atol=60)
    assert (np.diff(levels.astype(int)) > 0).all()


def test_nothing_is_written_when_it_fails(tmp_path: Path) -> None:
    strip = Filmstrip(tmp_path / "strip.jpg")
    strip.write(np.zeros((90, 120, 3), np.uint8), 0.0)
    strip.__exit__(ValueError, ValueError("stop"), None)
    assert not list(tmp_path.iterdir())
