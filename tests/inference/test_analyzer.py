"""Frames of real clips through the whole of inference."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Rgb
from inference.pool import NetworkPool

NAME = "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite"


@pytest.fixture(scope="module")
def pool(models: Path) -> Iterator[NetworkPool]:
    """Two networks side by side."""
    pool = NetworkPool.open(str(models / NAME), "cpu", workers=2, threads=1)
    yield pool
    pool.close()


def _frames(path: Path, limit: int, every: int = 1) -> list[tuple[Rgb, float]]:
    with av.open(str(path)) as container:
        frames = [
            (np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), float(frame.time or 0))
            for number, frame in enumerate(container.decode(video=0))
            if number % every == 0 and number < limit * every
        ]
    return frames


@pytest.mark.parametrize("clip", ["juggler.mp4", "dancer_c.mp4", "three_people.avi"])
def test_a_saved_frame_gives_the_same_analysis_again(
    pool: NetworkPool, videos: Path, clip: str
) -> None:
    """Bit for bit, with the dancer given, whatever came before it when it was live."""
    live = Analyzer(pool)
    for rgb, time_s in _frames(videos / clip, 25):
        analysis = live.analyse(rgb, time_s)
        if analysis.person is None:
            continue
        again = Analyzer(pool).analyse(rgb.copy(), 0.0, dancer=analysis.person)
        assert again.person is not None
        assert again.person.keypoints.tobytes() == analysis.person.keypoints.tobytes()
        assert again.labels.tobytes() == analysis.labels.tobytes()


def test_every_frame_of_a_file_in_order_and_as_if_live(pool: NetworkPool, videos: Path) -> None:
    """Working in parallel changes nothing."""
    frames = _frames(videos / "juggler.mp4", 20)
    live = Analyzer(pool)
    one_by_one = [live.analyse(rgb, time_s) for rgb, time_s in frames]
    together = list(Analyzer(pool).analyse_all(iter(frames)))
    assert [time_s for _, time_s, _ in together] == [time_s for _, time_s in frames]
    for (rgb, _, analysis), (frame, _), alone in zip(together, frames, one_by_one, strict=True):
        assert rgb is frame
        assert np.array_equal(analysis.labels, alone.labels)
        assert analysis.smoothed is not None
        assert np.array_equal(analysis.smoothed, alone.smoothed)  # type: ignore[arg-type]


def test_labels_and_key_points_belong_together(pool: NetworkPool, videos: Path) -> None:
    """Confident noses lie on faces, confident ankles on lower legs or feet."""
    analyzer, right, looked_at = Analyzer(pool), 0, 0
    for rgb, time_s in _frames(videos / "dancer_d.mp4", 20, every=10):
        analysis = analyzer.analyse(rgb, time_s)
        assert analysis.labels.shape == rgb.shape[:2]
        assert analysis.person is not None
        for point, parts in ((0, {1, 2}), (15, {21, 22, 23, 24}), (16, {21, 22, 23, 24})):
            x, y, score = analysis.person.keypoints[point]
            if score > 0.6:
                looked_at += 1
                patch = analysis.labels[int(y) - 12 : int(y) + 13, int(x) - 12 : int(x) + 13]
                right += bool(parts & set(np.unique(patch).tolist()))
    assert looked_at > 30
    assert right / looked_at > 0.9


def test_nobody_is_nobody(pool: NetworkPool, videos: Path) -> None:
    """An empty room has no dancer, no labels, and nothing made up for long."""
    frames = _frames(videos / "empty_then_people.mp4", 10)
    for rgb, time_s, analysis in Analyzer(pool).analyse_all(iter(frames)):
        assert analysis.person is None, time_s
        assert not analysis.labels.any()
        assert analysis.labels.shape == rgb.shape[:2]
        assert analysis.others == ()


def test_options_change_between_frames(pool: NetworkPool, videos: Path) -> None:
    """A higher threshold takes pixels away; heads come when asked for."""
    [(rgb, _)] = _frames(videos / "juggler.mp4", 1)
    analyzer = Analyzer(pool)
    analysis = analyzer.analyse(rgb, 0.0)
    assert analysis.heads is None
    analyzer.options = AnalyzerOptions(threshold=0.9, keep_heads=True)
    stricter = analyzer.analyse(rgb, 0.1)
    assert stricter.heads is not None
    assert 0 < (stricter.labels > 0).sum() < (analysis.labels > 0).sum()
    assert set(analysis.timings) == {"resize", "invoke", "decode", "follow", "labels"}


def test_a_pose_only_network_finds_people_without_labels(models: Path, videos: Path) -> None:
    """The skeleton works; the mask is empty."""
    path = models / "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"
    pool = NetworkPool.open(str(path), "cpu")
    [(rgb, _)] = _frames(videos / "juggler.mp4", 1)
    analysis = Analyzer(pool).analyse(rgb, 0.0)
    assert analysis.person is not None
    assert not analysis.labels.any()
    pool.close()
