"""Flags and sentences on real clips, undisturbed and spoilt on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from capture.quality import guide, measure
from inference.analysis import Analysis, Rgb
from inference.analyzer import Analyzer
from inference.pool import NetworkPool

CLIPS = ("dancer_a.mp4", "dancer_c.mp4", "dancer_d.mp4", "juggler.mp4")


@pytest.fixture(scope="module")
def pool(models: Path) -> Iterator[NetworkPool]:
    pool = NetworkPool.open("bodypix-075", "cpu")
    yield pool
    pool.close()


def _looked_at(
    pool: NetworkPool, path: Path, spoil: Callable[[Rgb], Rgb], every: int = 30
) -> Iterator[tuple[Rgb, Analysis]]:
    analyzer = Analyzer(pool)
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0 and number < 10 * every:
                rgb = spoil(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
                yield rgb, analyzer.analyse(np.ascontiguousarray(rgb), number / 30)


def _flags(pool: NetworkPool, path: Path, spoil: Callable[[Rgb], Rgb]) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    people = 0
    for rgb, analysis in _looked_at(pool, path, spoil):
        people += analysis.person is not None
        counts.update(measure(rgb, analysis).flags)
    return counts, people


def _as_it_is(rgb: Rgb) -> Rgb:
    return rgb


def _blurred(rgb: Rgb) -> Rgb:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[0] / 150), np.uint8)


def _shaken(rgb: Rgb) -> Rgb:
    return np.asarray(cv2.blur(rgb, (rgb.shape[1] // 35, 1)), np.uint8)


def _darkened(rgb: Rgb) -> Rgb:
    return np.asarray(rgb * 0.18, np.uint8)


def _without_legs(rgb: Rgb) -> Rgb:
    return rgb[: rgb.shape[0] * 11 // 20]


@pytest.mark.parametrize("clip", CLIPS)
def test_good_pictures_have_no_flags(pool: NetworkPool, videos: Path, clip: str) -> None:
    counts, people = _flags(pool, videos / clip, _as_it_is)
    assert people >= 4
    assert counts.total() <= 1


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize(
    ("spoil", "flag"),
    [(_blurred, "blur"), (_shaken, "blur"), (_darkened, "dark"), (_without_legs, "cropped")],
)
def test_spoilt_pictures_are_noticed(
    pool: NetworkPool, videos: Path, clip: str, spoil: Callable[[Rgb], Rgb], flag: str
) -> None:
    counts, people = _flags(pool, videos / clip, spoil)
    assert counts[flag] >= 0.9 * people


def test_several_people(pool: NetworkPool, videos: Path) -> None:
    counts, people = _flags(pool, videos / "three_people.avi", _as_it_is)
    assert counts["many_people"] >= 0.9 * people


def test_nobody(pool: NetworkPool, videos: Path) -> None:
    [(rgb, analysis), *_] = list(_looked_at(pool, videos / "empty_then_people.mp4", _as_it_is, 1))
    quality = measure(rgb, analysis)
    assert quality.flags == ["nobody"]
    items = guide(quality)
    assert [item["name"] for item in items] == [
        "person", "whole_body", "light", "sharpness", "alone", "distance",
    ]  # fmt: skip
    assert [item["ok"] for item in items] == [False, False, True, False, True, False]
    assert all(item["text"].endswith(".") for item in items)


def test_the_guide_says_where_to_go(pool: NetworkPool, videos: Path) -> None:
    def small(rgb: Rgb) -> Rgb:
        canvas = np.full_like(rgb, 128)
        tiny = cv2.resize(rgb, None, fx=0.38, fy=0.38, interpolation=cv2.INTER_AREA)
        canvas[200 : 200 + tiny.shape[0], 300 : 300 + tiny.shape[1]] = tiny
        return canvas

    texts = []
    for spoil in (small, _without_legs):
        rgb, analysis = next(_looked_at(pool, videos / "dancer_d.mp4", spoil))
        texts.append(" ".join(item["text"] for item in guide(measure(rgb, analysis))))
    assert "come nearer" in texts[0]
    assert "feet" in texts[1]
