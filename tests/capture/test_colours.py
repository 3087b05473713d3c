"""HDR and wide-gamut films become what their SDR twins are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from capture.colours import ColourConverter
from capture.video import read_frames

# BT.709 to BT.2020 in linear light: ITU-R BT.2087, equation 6.
TO_2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float64
)
PQ, HLG, BT2020 = 16, 18, 9
WHITE = 203.0
"""Nits (ITU-R BT.2408)."""


def scene() -> np.ndarray:
    """Colours of skin, clothes and rooms, dark and bright, in patches of 16 pixels."""
    levels = np.random.default_rng(3).integers(20, 236, (6, 8, 3))
    levels[0] = np.linspace(16, 250, 8)[:, None]
    return np.repeat(np.repeat(levels, 16, 0), 16, 1).astype(np.uint8)


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, inverse EOTF."""
    y = (nits / 10_000) ** (2610 / 16384)
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    return np.asarray(((c1 + c2 * y) / (1 + c3 * y)) ** (2523 / 32))


def hlg(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100, inverse OOTF of a display of 1000 nits, then OETF."""
    luminance = nits @ np.array([0.2627, 0.6780, 0.0593])
    light = nits / 1000 * np.maximum(luminance / 1000, 1e-9)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = a * np.log(np.maximum(12 * light - b, 1e-9)) + c
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)


def hdr_frame(transfer: int, pixels: str) -> av.VideoFrame:
    """The scene as an HDR camera records it."""
    linear = (scene() / 255.0) ** 2.4 * WHITE @ TO_2020.T
    signal = pq(linear) if transfer == PQ else hlg(linear)
    deep = np.round(np.clip(signal, 0, 1) * 65535).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(deep, format="rgb48le").reformat(
        format=pixels, dst_colorspace=Colorspace.BT2020, dst_color_range=ColorRange.MPEG
    )
    frame.colorspace, frame.color_range = BT2020, int(ColorRange.MPEG)
    frame.color_trc, frame.color_primaries = transfer, BT2020
    return frame


def off(rgb: np.ndarray) -> float:
    """Mean difference to the SDR scene in the middles of its patches."""
    middles = (slice(8, None, 16), slice(8, None, 16))
    return float(np.abs(rgb[middles].astype(int) - scene()[middles]).mean())


@pytest.fixture(scope="module")
def converter() -> ColourConverter:
    """One for all frames: what it makes for a pair of colours takes seconds."""
    return ColourConverter()


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "p010le"])
@pytest.mark.parametrize("transfer", [PQ, HLG], ids=["PQ", "HLG"])
def test_hdr_is_the_sdr_scene(transfer: int, pixels: str, converter: ColourConverter) -> None:
    assert off(converter.rgb(hdr_frame(transfer, pixels))) < 4


@pytest.mark.parametrize(("matrix", "primaries"), [(2, 2), (10, 9), (9, 2), (9, 99)])
def test_hdr_whose_other_tags_are_missing_or_odd(
    matrix: int, primaries: int, converter: ColourConverter
) -> None:
    frame = hdr_frame(PQ, "yuv420p10le")
    frame.colorspace, frame.color_primaries = matrix, primaries
    assert off(converter.rgb(frame)) < 4


def test_wide_gamut_sdr_is_not_pale() -> None:
    """A red of BT.709 in BT.2020's primaries, back again."""
    rgb = np.full((32, 32, 3), (200, 40, 40), np.uint8)
    wide = ((rgb / 255.0) ** 2.4 @ TO_2020.T) ** (1 / 2.4)
    frame: Any = av.VideoFrame.from_ndarray(
        np.round(wide * 65535).astype(np.uint16), format="rgb48le"
    ).reformat(format="yuv444p10le", dst_colorspace=Colorspace.BT2020, dst_color_range=1)
    frame.colorspace, frame.color_range, frame.color_primaries = BT2020, 1, BT2020
    frame.color_trc = 14
    assert np.abs(ColourConverter().rgb(frame)[16, 16].astype(int) - (200, 40, 40)).max() <= 3


@pytest.mark.parametrize(("transfer", "mastered"), [(HLG, False), (PQ, True)], ids=["HLG", "HDR10"])
def test_a_film_is_converted_and_it_is_said(tmp_path: Path, transfer: int, mastered: bool) -> None:
    """What a mastering display could do (HDR10) must not darken the dancer."""
    path = tmp_path / "hdr.mp4"
    tags = f"log-level=none:colorprim=9:transfer={transfer}:colormatrix=9:range=limited"
    if mastered:
        tags += ":hdr10=1:max-cll=1000,400:master-display=G(13250,34500)B(7500,3000)R(34000,16000)"
        tags += "WP(15635,16450)L(10000000,1)"
    with av.open(path, "w") as container:
        stream: Any = container.add_stream("libx265", rate=25, options={"crf": "8"})
        stream.options = {"x265-params": tags, "crf": "8", "preset": "ultrafast"}
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p10le"
        frame = hdr_frame(transfer, "yuv420p10le")
        for number in range(2):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    notes: list[str] = []
    frames = [rgb for rgb, _ in read_frames(path, note=notes.append)]
    assert len(frames) == 2
    assert off(frames[0]) < 4
    assert any("HDR" in note for note in notes)
