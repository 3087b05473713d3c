"""Numbers burnt into pictures survive what a call does to them."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import barcode
from bench.clip import DEFAULT_CLIP, Clip
from server.live.encoder import H264Encoder


@given(st.integers(0, barcode.NUMBERS - 1), st.integers(0, 255))
def test_every_number_reads_back_from_any_ground(number: int, grey: int) -> None:
    luma = np.full((480, 640), grey, np.uint8)
    barcode.burn(luma, number)
    assert barcode.read(luma) == number


@given(st.integers(0, barcode.NUMBERS - 1), st.integers(0, 23))
def test_one_wrong_bit_is_noticed(number: int, bit: int) -> None:
    luma = np.zeros((480, 640), np.uint8)
    barcode.burn(luma, number)
    square = luma[:16, 16 * bit : 16 * bit + 16]
    square[:] = 251 - square
    assert barcode.read(luma) is None


def test_a_picture_without_a_number_has_none() -> None:
    assert barcode.read(np.full((480, 640), 128, np.uint8)) is None


@pytest.mark.parametrize("size", [(640, 480), (1280, 720)])
def test_numbers_survive_compression(size: tuple[int, int]) -> None:
    """H.264 at a starting call's rate, then a JPEG."""
    import av

    clip = Clip(DEFAULT_CLIP, size)
    encoder, decoder = H264Encoder(600), av.CodecContext.create("h264", "r")
    read = []
    for number in range(60, 100):
        packet = encoder.encode(clip.frame(number), number * 3000)
        assert packet is not None
        for picture in decoder.decode(packet):  # type: ignore[attr-defined]
            rgb = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
            _, jpeg = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 80])
            grey = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
            assert grey is not None
            read.append(barcode.read(np.asarray(grey, np.uint8)))
    assert len(read) >= 38
    assert read == list(range(60, 60 + len(read)))


def test_the_clip_turns_round_without_a_jump() -> None:
    clip = Clip(DEFAULT_CLIP, (640, 480))
    frames = [clip.frame(number)[32:480].astype(int) for number in range(480)]
    steps = [float(np.abs(a - b).mean()) for a, b in pairwise(frames)]
    assert max(steps) < 12
