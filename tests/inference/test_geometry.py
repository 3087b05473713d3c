"""Frame, input and grid coordinates agree with what the resampling really does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.geometry import Placement, input_size_for

sizes = st.tuples(st.integers(16, 1500), st.integers(16, 1500))


@given(frame=sizes, long_side=st.integers(129, 1281), stride=st.sampled_from([4, 8, 16]))
def test_input_sizes_fit_the_grid_and_keep_the_aspect(
    frame: tuple[int, int], long_side: int, stride: int
) -> None:
    size = input_size_for(frame, long_side, stride)
    assert all(side % stride == 1 and side > stride for side in size)
    assert abs(max(size) - long_side) <= stride / 2
    shorter = min(size) - 1
    exact = min(frame) / max(frame) * (max(size) - 1)
    assert abs(shorter - exact) <= stride / 2 or shorter == stride


@given(frame=sizes, size=sizes, kind=st.sampled_from(["stretch", "letterbox"]))
def test_there_and_back_is_where_one_began(
    frame: tuple[int, int], size: tuple[int, int], kind: str
) -> None:
    placement = getattr(Placement, kind)(frame, size)
    points = np.float32([[0, 0], [frame[0] - 1, frame[1] - 1], [3.25, 7.5]])
    np.testing.assert_allclose(placement.to_frame(placement.to_input(points)), points, atol=0.01)


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        ((640, 480), (641, 481)),
        ((640, 480), (321, 241)),
        ((1280, 720), (641, 353)),
        ((1080, 1920), (353, 641)),
        ((353, 287), (641, 513)),
        ((101, 77), (513, 513)),
    ],
)
@pytest.mark.parametrize("kind", ["stretch", "letterbox"])
def test_a_ramp_lands_where_the_placement_says(
    frame: tuple[int, int], size: tuple[int, int], kind: str
) -> None:
    """The value of a linear ramp tells, at each input pixel, which frame pixel it came from."""
    placement = getattr(Placement, kind)(frame, size)
    width, height = frame
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.round(np.linspace(0, 255, width))[None, :]
    ramp[..., 1] = np.round(np.linspace(0, 255, height))[:, None]
    picture = placement.resize(ramp)
    assert picture.shape == (size[1], size[0], 3)
    for x, y in [(0.3, 0.4), (0.5, 0.5), (0.8, 0.7)]:
        column = int(x * (placement.content_size[0] - 1))
        row = int(y * (placement.content_size[1] - 1))
        expected = placement.to_frame(np.float32([column, row])) / (width - 1, height - 1) * 255
        assert abs(int(picture[row, column, 0]) - expected[0]) <= 2
        assert abs(int(picture[row, column, 1]) - expected[1]) <= 2


def test_a_letterbox_is_black_outside_the_frame() -> None:
    placement = Placement.letterbox((100, 200), (320, 320))
    picture = placement.resize(np.full((200, 100, 3), 200, np.uint8))
    assert placement.content_size == (160, 320)
    assert picture[:, :160].min() == 200
    assert picture[:, 160:].max() == 0


@given(frame=sizes, step=st.sampled_from([8, 16, 32]))
def test_trimmed_it_holds_the_frame_and_hardly_any_padding(
    frame: tuple[int, int], step: int
) -> None:
    whole = Placement.letterbox(frame, (320, 320), 8)
    trimmed = whole.trimmed(step)
    assert trimmed.content_size == whole.content_size
    for side, used in zip(trimmed.input_size, whole.content_size, strict=True):
        assert side % step == 0
        assert 0 <= side - used < step
    points = np.float32([[0, 0], [7, 3]])
    np.testing.assert_array_equal(trimmed.to_input(points), whole.to_input(points))
