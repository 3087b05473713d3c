"""The views: what must change does, what must not does not, faces do not show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.analysis import Analysis
from inference.arrays import Labels
from inference.body import LABEL_NAMES, PALETTE, RAINBOW
from inference.drawing import Planes, yuv_of
from inference.errors import UnderstudyError
from inference.skeleton import body_scale
from inference.views import VIEWS, ViewOptions, compose
from tests.figures import number, person, standing
from tests.machine import takes_at_most

NAMES = [view.name for view in VIEWS]
HEAD = (320.0, 155.0)
"""Middle of the standing figure's face."""


def noise_picture(width: int = 640, height: int = 480, seed: int = 0) -> Planes:
    random = np.random.default_rng(seed)
    return Planes.from_i420(random.integers(16, 236, (height * 3 // 2, width), dtype=np.uint8))


def label_map(width: int = 640, height: int = 480) -> Labels:
    """Head, trunk and legs roughly where the standing figure has them."""
    labels = np.zeros((height, width), np.uint8)
    cv2.ellipse(labels, (320, 155), (28, 36), 0, 0, 360, 1, -1)
    cv2.rectangle(labels, (280, 195), (360, 300), LABEL_NAMES.index("torso_front"), -1)
    cv2.rectangle(labels, (285, 301), (315, 440), LABEL_NAMES.index("right_upper_leg_front"), -1)
    cv2.rectangle(labels, (325, 301), (355, 440), LABEL_NAMES.index("left_upper_leg_front"), -1)
    return labels


def analysis() -> Analysis:
    keypoints = standing()
    return Analysis(labels=label_map(), person=person(keypoints), smoothed=keypoints)


def nobody() -> Analysis:
    return Analysis(labels=np.zeros((480, 640), np.uint8), person=None)


def detail(plane: NDArray[np.uint8], centre: tuple[float, float], radius: int) -> float:
    """Spread of neighbouring pixels' differences around a place: 0 where it is smooth."""
    x, y = round(centre[0]), round(centre[1])
    patch = plane[y - radius : y + radius, x - radius : x + radius].astype(np.float32)
    return float(np.diff(patch, axis=1).std())


@pytest.mark.parametrize("size", [(2, 2), (640, 480), (692, 1108), (10, 6), (578, 434)])
def test_planes_are_views_on_one_buffer(size: tuple[int, int]) -> None:
    width, height = size
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    planes = Planes.from_rgb(rgb)
    assert planes.size == size
    assert [plane.shape for plane in planes.channels()] == [
        (height, width), (height // 2, width // 2), (height // 2, width // 2),
    ]  # fmt: skip
    for value, plane in zip((90, 60, 200), planes.channels(), strict=True):
        plane[:] = value
    flat = planes.i420.reshape(-1)
    area = width * height
    assert (flat[:area] == 90).all()
    assert (flat[area : area * 5 // 4] == 60).all()
    assert (flat[area * 5 // 4 :] == 200).all()
    assert planes.rgb().shape == rgb.shape


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((480, 641), np.uint8),
        np.zeros((481, 640), np.uint8),
        np.zeros((480, 640, 3), np.uint8),
        np.zeros((720, 640), np.float32),
        np.zeros((720, 1280), np.uint8)[:, ::2],
    ],
)
def test_refuses_what_is_no_i420_picture(array: NDArray[np.uint8]) -> None:
    with pytest.raises(UnderstudyError, match="no I420 picture"):
        Planes.from_i420(array)


def test_colours_are_those_that_opencv_converts_to() -> None:
    for colour, yuv in zip(RAINBOW, yuv_of(RAINBOW), strict=True):
        converted = Planes.from_rgb(np.full((4, 4, 3), colour, np.uint8))
        assert [int(plane[0, 0]) for plane in converted.channels()] == pytest.approx(
            [int(value) for value in yuv], abs=1
        )


@pytest.mark.parametrize("view", NAMES)
@settings(max_examples=5)
@given(seed=st.integers(0, 1000), opacity=st.floats(0, 1), odd=st.booleans())
def test_the_frame_is_never_changed(view: str, seed: int, opacity: float, odd: bool) -> None:
    random = np.random.default_rng(seed)
    planes = noise_picture(64, 50, seed)
    before = planes.i420.copy()
    shape = (49, 63) if odd else (50, 64)
    labels = random.integers(0, 25, shape, dtype=np.uint8) * (random.random(shape) > 0.5)
    keypoints = random.uniform(-80, 140, (17, 3)).astype(np.float32)
    keypoints[:, 2] = random.uniform(0, 1, 17)
    seen = Analysis(labels.astype(np.uint8), person(keypoints), keypoints, (person(keypoints),))
    result = compose(planes, seen, ViewOptions(view, opacity))
    np.testing.assert_array_equal(planes.i420, before)
    assert result.i420.shape == before.shape
    assert result.i420.dtype == np.uint8
    assert not np.shares_memory(result.i420, planes.i420)


@pytest.mark.parametrize("view", ["camera", "parts", "pixelate", "face_blur", "skeleton"])
def test_without_anybody_the_camera_is_shown(view: str) -> None:
    planes = noise_picture()
    result = compose(planes, nobody(), ViewOptions(view))
    np.testing.assert_array_equal(result.i420, planes.i420)


def test_parts_have_their_palette_colour_and_a_soft_edge() -> None:
    planes, seen = noise_picture(), analysis()
    result = compose(planes, seen, ViewOptions("parts", 1.0))
    inside = cv2.erode(seen.labels, np.ones((9, 9), np.uint8))
    for label in np.unique(inside[inside > 0]):
        # Away from other parts: chroma has half the resolution.
        same = cv2.erode((seen.labels == label).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        colours = result.rgb()[same]
        np.testing.assert_allclose(colours, np.broadcast_to(PALETTE[label], colours.shape), atol=4)
    near = cv2.dilate(seen.labels, np.ones((9, 9), np.uint8)) > 0
    np.testing.assert_array_equal(result.y[~near], planes.y[~near])
    edge = result.y[250, 270:285].astype(int)
    bright = compose(
        Planes.from_i420(np.full((720, 640), 16, np.uint8)), seen, ViewOptions("parts", 1.0)
    ).y[250, 270:290]
    assert (np.diff(bright.astype(int)) >= 0).all()
    assert len(np.unique(bright)) >= 4, f"the edge is hard: {bright} {edge}"


@settings(max_examples=20)
@given(opacity=st.floats(0, 1))
def test_opacity_mixes_frame_and_colour(opacity: float) -> None:
    planes, seen = noise_picture(), analysis()
    result = compose(planes, seen, ViewOptions("parts", opacity))
    trunk = np.s_[220:280, 300:340]
    colour = float(yuv_of(PALETTE)[LABEL_NAMES.index("torso_front"), 0])
    expected = planes.y[trunk] * (1 - opacity) + colour * opacity
    np.testing.assert_allclose(result.y[trunk].astype(float), expected, atol=2.0)


@pytest.mark.parametrize("view", ["cutout", "darken", "blur"])
def test_the_person_is_left_as_is_and_the_background_is_not(view: str) -> None:
    planes, seen = noise_picture(), analysis()
    result = compose(planes, seen, ViewOptions(view))
    inside = cv2.erode((seen.labels > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    np.testing.assert_array_equal(result.y[inside], planes.y[inside])
    changed = result.y[:100] != planes.y[:100]
    assert changed.mean() > 0.9


def test_cutout_puts_a_grey_backdrop_behind_the_person() -> None:
    result = compose(noise_picture(), nobody(), ViewOptions("cutout"))
    assert len(np.unique(result.y)) == 1
    assert (result.u == 128).all()
    assert (result.v == 128).all()


def test_the_person_does_not_leak_into_the_blurred_background() -> None:
    seen = analysis()
    rgb = np.full((480, 640, 3), 60, np.uint8)
    rgb[cv2.dilate(seen.labels, np.ones((5, 5), np.uint8)) > 0] = (250, 40, 40)
    result = compose(Planes.from_rgb(rgb), seen, ViewOptions("blur")).rgb().astype(int)
    away = cv2.dilate(seen.labels, np.ones((25, 25), np.uint8)) == 0
    assert np.abs(result[away] - 60).max() <= 12


def test_the_background_is_really_blurred() -> None:
    planes = noise_picture()
    result = compose(planes, analysis(), ViewOptions("blur"))
    assert detail(result.y, (100, 100), 60) < 0.05 * detail(planes.y, (100, 100), 60)


def test_nothing_of_a_pixelated_person_is_left() -> None:
    planes, seen = noise_picture(), analysis()
    result = compose(planes, seen, ViewOptions("pixelate"))
    assert (result.y != planes.y)[seen.labels > 0].mean() > 0.98
    values = np.unique(result.y[200:290, 290:350])
    assert len(values) < 60
    far = cv2.dilate(seen.labels, np.ones((41, 41), np.uint8)) == 0
    np.testing.assert_array_equal(result.y[far], planes.y[far])


def blur_faces(seen: Analysis) -> tuple[Planes, Planes]:
    planes = noise_picture()
    return planes, compose(planes, seen, ViewOptions("face_blur"))


def is_hidden(before: Planes, after: Planes, centre: tuple[float, float], radius: int) -> bool:
    half = centre[0] / 2, centre[1] / 2
    return all(
        detail(there, place, size) < 0.15 * detail(here, place, size)
        for here, there, place, size in zip(
            before.channels(),
            after.channels(),
            (centre, half, half),
            (radius, radius // 2, radius // 2),
            strict=True,
        )
    )


def test_a_labelled_face_is_hidden_without_any_key_point() -> None:
    keypoints = standing(score=0.0)
    before, after = blur_faces(Analysis(label_map(), person(keypoints)))
    assert is_hidden(before, after, HEAD, 24)
    np.testing.assert_array_equal(after.y[300:], before.y[300:])


@pytest.mark.parametrize("visible", [["nose"], ["left_ear"], ["left_eye", "right_eye"], []])
def test_a_head_is_hidden_where_no_face_is_labelled(visible: list[str]) -> None:
    """Its key points say where it is, or, without any, the shoulders below it."""
    keypoints = standing()
    for index in range(5):
        keypoints[index, 2] = 0.0
    for name in visible:
        keypoints[number(name), 2] = 0.15
    labels = label_map()
    labels[labels == 1] = 0
    before, after = blur_faces(Analysis(labels, person(keypoints)))
    assert is_hidden(before, after, HEAD, 20)


def test_other_peoples_faces_are_hidden_too() -> None:
    other = person(standing(x=120, y=150, height=200))
    before, after = blur_faces(replace(analysis(), others=(other,)))
    assert is_hidden(before, after, (120, 120), 14)
    assert is_hidden(before, after, HEAD, 24)


def test_a_head_that_only_the_smoothed_key_points_know_is_hidden() -> None:
    raw = standing()
    raw[:7, 2] = 0.0
    labels = label_map()
    labels[labels == 1] = 0
    before, after = blur_faces(Analysis(labels, person(raw), standing()))
    assert is_hidden(before, after, HEAD, 20)


def test_limbs_are_drawn_between_key_points_in_their_parts_colour() -> None:
    black = Planes.from_rgb(np.zeros((480, 640, 3), np.uint8))
    seen = analysis()
    rgb = compose(black, seen, ViewOptions("skeleton")).rgb()
    assert seen.smoothed is not None
    for first, second, part in [
        ("left_shoulder", "left_elbow", "left_upper_arm_front"),
        ("right_elbow", "right_wrist", "right_lower_arm_front"),
        ("right_hip", "right_knee", "right_upper_leg_front"),
        ("left_shoulder", "left_hip", "torso_front"),
    ]:
        x, y = (seen.smoothed[number(first), :2] + seen.smoothed[number(second), :2]) / 2
        colour = rgb[round(float(y)), round(float(x))].astype(int)
        assert np.abs(colour - PALETTE[LABEL_NAMES.index(part)]).max() <= 40, part


def test_what_was_not_seen_is_not_drawn() -> None:
    keypoints = standing()
    keypoints[number("left_wrist"), 2] = 0.2
    seen = Analysis(label_map(), person(standing()), keypoints)
    black = Planes.from_rgb(np.zeros((480, 640, 3), np.uint8))
    drawn = compose(black, seen, ViewOptions("skeleton"))
    x, y = keypoints[number("left_wrist"), :2]
    patch = drawn.y[round(float(y)) - 20 : round(float(y)) + 20, round(float(x)) - 8 :][:, :16]
    assert (patch == 16).all()


def test_limbs_grow_with_the_person() -> None:
    black = Planes.from_rgb(np.zeros((480, 640, 3), np.uint8))

    def area(height: float) -> float:
        keypoints = standing(y=80, height=height)
        seen = Analysis(label_map(), person(keypoints), keypoints)
        drawn = compose(black, seen, ViewOptions("skeleton"))
        return float((drawn.y > 60).sum()) / height**2

    assert area(440) == pytest.approx(area(220), rel=0.3)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_a_persons_size_is_about_their_height(factor: float) -> None:
    assert body_scale(standing(height=300 * factor)) == pytest.approx(300 * factor, rel=0.15)
    sitting = standing(height=300 * factor)
    sitting[13:, 2] = 0
    assert body_scale(sitting) == pytest.approx(300 * factor, rel=0.15)
    assert body_scale(standing(score=0.1)) == 1.0


def test_says_what_is_wrong() -> None:
    planes = noise_picture()
    with pytest.raises(UnderstudyError, match="no view 'x-ray'"):
        compose(planes, analysis(), ViewOptions("x-ray"))
    other = replace(analysis(), labels=np.zeros((240, 320), np.uint8))
    with pytest.raises(UnderstudyError, match="do not belong"):
        compose(planes, other, ViewOptions("parts"))


@pytest.mark.parametrize("view", NAMES)
def test_is_quick(view: str) -> None:
    planes, seen, options = noise_picture(), analysis(), ViewOptions(view)
    limit = 0.0006 if view == "parts" else 0.004
    takes_at_most(limit, lambda: compose(planes, seen, options), tries=20)
