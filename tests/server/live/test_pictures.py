"""What a camera sends becomes the picture it means, whatever its colour tags and size."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from capture.colours import ColourConverter
from server.live.pictures import to_i420, to_rgb

PATCHES = [(0, 0, 0), (16, 16, 16), (128, 128, 128), (235, 235, 235), (255, 255, 255)]
PATCHES += [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
SIDE = 40
MATRICES = {5: Colorspace.ITU601, 6: Colorspace.ITU601, 1: Colorspace.ITU709, 9: Colorspace.BT2020}


def patched(width: int, height: int) -> np.ndarray:
    """Patches of known colours side by side."""
    rgb = np.full((height, width, 3), 90, np.uint8)
    for number, colour in enumerate(PATCHES):
        rgb[:, SIDE * number : SIDE * (number + 1)] = colour
    return rgb


def sent(rgb: np.ndarray, pixels: str, matrix: int, full: bool) -> av.VideoFrame:
    """As a decoder gives it, with its tags."""
    colours = ColorRange.JPEG if full else ColorRange.MPEG
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format=pixels, dst_colorspace=MATRICES[matrix], dst_color_range=colours
    )
    frame.colorspace, frame.color_range = matrix, int(colours)
    return frame


def off(i420: np.ndarray) -> int:
    """Levels that the worst patch is wrong by."""
    rgb = to_rgb(i420)
    middle = [rgb[rgb.shape[0] // 2, SIDE * number + SIDE // 2] for number in range(len(PATCHES))]
    return int(np.abs(np.array(middle, int) - PATCHES).max())


@pytest.mark.parametrize("size", [(320, 240), (321, 241), (321, 240), (320, 181)])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv422p", "nv12", "yuv420p10le"])
def test_colour_tags_are_heeded(
    pixels: str, matrix: int, full: bool, size: tuple[int, int]
) -> None:
    i420 = to_i420(sent(patched(*size), pixels, matrix, full), ColourConverter())
    assert i420.shape == ((size[1] + 1) // 2 * 3, (size[0] + 1) // 2 * 2)
    assert off(i420) <= 6


@pytest.mark.parametrize("matrix", [6, 1])
def test_the_full_range_formats_of_hardware_encoders(matrix: int) -> None:
    """H.264 in full range is decoded as `yuvj420p`."""
    assert off(to_i420(sent(patched(320, 240), "yuvj420p", matrix, True), ColourConverter())) <= 6


def test_what_is_not_tagged_is_passed_on_as_it_is() -> None:
    frame = sent(patched(320, 240), "yuv420p", 6, False)
    frame.colorspace, frame.color_range = 2, 0
    np.testing.assert_array_equal(to_i420(frame, ColourConverter()), frame.to_ndarray())


@pytest.mark.parametrize("matrix", [3, 8, 10, 14])
def test_matrices_that_cannot_be_converted_do_not_stop_the_picture(matrix: int) -> None:
    frame: Any = sent(patched(320, 240), "yuv420p", 6, False)
    frame.colorspace = matrix
    assert to_i420(frame, ColourConverter()).shape == (360, 320)
