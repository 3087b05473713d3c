"""Imports of real clips: every frame accounted for, each pair from one frame, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import capture.writer
from capture.dataset import Dataset
from capture.errors import CaptureError, DatasetError, VideoError
from capture.files import write_whole
from capture.importer import ImportOptions, import_video, model_info
from capture.manifest import Manifest
from inference.analysis import Person
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.arrays import Keypoints, Rgb
from inference.pool import NetworkPool
from tests.capture.clips import CELL, barcode, pictures, write_video

COUNT = 40
OPTIONS = ImportOptions(frame_format="png")


@pytest.fixture(scope="module")
def pool(models: Path) -> Iterator[NetworkPool]:
    pool = NetworkPool.open("bodypix-075", "cpu", workers=2, threads=1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def clip() -> list[Any]:
    """The juggler, each frame with its number burnt in."""
    return pictures(COUNT)


def test_every_pair_is_one_frame_at_its_own_time(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    """A variable rate and B-frames, so that packets, frames and times come in different orders."""
    steps = np.random.default_rng(5).integers(10, 90, COUNT)
    times = (np.cumsum(steps) - steps[0]).tolist()
    options = {"bf": "3", "preset": "veryfast"}
    video = write_video(tmp_path / "rate.mp4", clip, times, options=options)
    dataset = import_video(video, tmp_path / "d", pool, OPTIONS)
    counts = dataset.manifest.counts
    assert counts.seen == COUNT
    assert len(dataset.pairs) == counts.written == COUNT - counts.dropped.get("no_person", 0)
    assert len(dataset.pairs) > 0.9 * COUNT
    assert [pair.index for pair in dataset.pairs] == list(range(len(dataset.pairs)))
    numbers = [barcode(dataset.frame(pair.index)) for pair in dataset.pairs]
    assert numbers == sorted(set(numbers))
    for pair, number in zip(dataset.pairs, numbers, strict=True):
        assert pair.time_s == pytest.approx(times[number] / 1000, abs=0.0011)


def test_masks_and_poses_are_those_of_their_frames(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    """However many networks and writers work side by side: bit for bit as one by one."""
    video = write_video(tmp_path / "dance.mp4", clip)
    dataset = import_video(video, tmp_path / "d", pool, OPTIONS)
    analyzer = Analyzer(pool, AnalyzerOptions(dataset.manifest.model.threshold, second_pass=True))
    for pair in dataset.pairs:
        again = analyzer.analyse(dataset.frame(pair.index), pair.time_s)
        assert np.array_equal(again.labels, dataset.labels(pair.index))
        assert again.labels.any()
        assert again.person is not None
        assert pair.keypoints is not None
        assert np.array_equal(again.person.keypoints, pair.keypoints)


def test_the_network_that_comes_with_the_program_captures_the_same_dancer(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    video = write_video(tmp_path / "dance.mp4", clip)
    theirs = import_video(video, tmp_path / "theirs", pool, OPTIONS)
    with closing(NetworkPool.open("understudy-default", "cpu", workers=2, threads=1)) as built_in:
        ours = import_video(video, tmp_path / "ours", built_in, OPTIONS)
    assert ours.manifest.model.name == "understudy-default"
    by_time = {pair.time_s: theirs.labels(pair.index) > 0 for pair in theirs.pairs}
    both = [
        (ours.labels(pair.index) > 0, by_time[pair.time_s])
        for pair in ours.pairs
        if pair.time_s in by_time
    ]
    assert len(both) > 0.9 * COUNT
    assert np.mean([(one & two).sum() / (one | two).sum() for one, two in both]) > 0.75


def test_smoothed_key_points_tremble_less_and_do_not_lag(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    dataset = import_video(write_video(tmp_path / "a.mp4", clip), tmp_path / "d", pool, OPTIONS)
    raw = np.stack([pair.keypoints for pair in dataset.pairs if pair.keypoints is not None])
    smoothed = np.stack([pair.smoothed for pair in dataset.pairs if pair.smoothed is not None])
    assert raw.shape == smoothed.shape
    seen = (raw[..., 2] > 0.5).all(axis=0)
    assert seen.sum() >= 8
    raw, smoothed = raw[:, seen, :2], smoothed[:, seen, :2]
    assert np.median(np.abs(np.diff(smoothed, 2, axis=0))) < 0.5 * np.median(
        np.abs(np.diff(raw, 2, axis=0))
    )
    # A lag would show: pushed by a frame either way, the smoothed points fit worse.
    now = np.abs(smoothed[1:-1] - raw[1:-1]).mean()
    assert now < np.abs(smoothed[1:-1] - raw[2:]).mean()
    assert now < np.abs(smoothed[1:-1] - raw[:-2]).mean()


def test_frames_without_anybody_are_counted(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    empty = np.full_like(clip[0], 127)
    frames = [empty.copy() for _ in range(12)] + clip[12:]
    dataset = import_video(write_video(tmp_path / "a.mp4", frames), tmp_path / "d", pool, OPTIONS)
    counts = dataset.manifest.counts
    assert counts.seen == COUNT
    assert counts.dropped == {"no_person": COUNT - counts.written}
    assert 12 <= counts.dropped["no_person"] < 16
    assert all(barcode(dataset.frame(pair.index)) >= 12 for pair in dataset.pairs)
    assert dataset.pairs[0].time_s >= 12 * 0.04


def test_a_cancelled_import_is_a_complete_dataset(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    video = write_video(tmp_path / "a.mp4", clip)
    seen: list[int] = []
    dataset = import_video(
        video,
        tmp_path / "d",
        pool,
        ImportOptions(),
        progress=lambda done, total: seen.append(done),
        cancelled=lambda: len(seen) == 10,
    )
    assert dataset.manifest.state == "complete"
    assert dataset.manifest.counts.seen == 10
    assert 8 <= len(dataset.pairs) <= 10
    assert all(pair.smoothed is not None for pair in dataset.pairs)
    assert len(list((tmp_path / "d" / "frames").iterdir())) == len(dataset.pairs)


def test_a_truncated_video_keeps_what_it_holds_and_says_so(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    video = write_video(
        tmp_path / "a.mp4",
        clip,
        options={"b": "2M"},  # Or nearly all bytes would be the first frame's.
        container_options={"movflags": "faststart"},
    )
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 6 // 10])
    notes: list[str] = []
    dataset = import_video(video, tmp_path / "d", pool, OPTIONS, note=notes.append)
    assert 5 < dataset.manifest.counts.seen < COUNT
    assert any("a.mp4 was cut off" in note for note in notes)
    assert dataset.manifest.notes == notes
    assert Manifest.load(tmp_path / "d").notes == notes
    numbers = [barcode(dataset.frame(pair.index)) for pair in dataset.pairs]
    assert numbers == sorted(set(numbers))


def test_a_full_disk_keeps_complete_pairs_only(
    tmp_path: Path, clip: list[Any], pool: NetworkPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_after_frame_15(path: Path, data: Any, durable: bool = False) -> None:
        if path.parent.name == "parts" and int(path.stem) >= 15:
            raise CaptureError("The disk is full.")
        write_whole(path, data, durable)

    monkeypatch.setattr(capture.writer, "write_whole", full_after_frame_15)
    with pytest.raises(CaptureError, match="The disk is full"):
        import_video(write_video(tmp_path / "a.mp4", clip), tmp_path / "d", pool, OPTIONS)
    dataset = Dataset.open(tmp_path / "d")
    assert [pair.index for pair in dataset.pairs] == list(range(15))
    for pair in dataset.pairs:
        assert dataset.frame(pair.index).shape[:2] == dataset.labels(pair.index).shape


def test_what_is_no_video_leaves_nothing_behind(tmp_path: Path, pool: NetworkPool) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"a\.mp4 is not a video"):
        import_video(tmp_path / "a.mp4", tmp_path / "d", pool, OPTIONS)
    assert not (tmp_path / "d").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path, clip: list[Any], pool: NetworkPool) -> None:
    video = write_video(tmp_path / "a.mp4", clip[:3])
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "diary.txt").write_text("mine")
    with pytest.raises(DatasetError, match="exists already"):
        import_video(video, tmp_path / "d", pool, OPTIONS)


def test_progress_grows_to_the_end(tmp_path: Path, clip: list[Any], pool: NetworkPool) -> None:
    told: list[tuple[int, int | None]] = []
    import_video(
        write_video(tmp_path / "a.mkv", clip),
        tmp_path / "d",
        pool,
        ImportOptions(),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, COUNT) for done in range(1, COUNT + 1)]


def test_the_manifest_says_where_it_came_from(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    video = write_video(tmp_path / "upload-7.mp4", clip)
    options = ImportOptions("A dance", "recorder", "camera.mp4", "20260102-030405-a1b2c3")
    import_video(video, tmp_path / "d", pool, options)
    data = json.loads((tmp_path / "d" / "dataset.json").read_text())
    assert (data["title"], data["id"]) == ("A dance", "20260102-030405-a1b2c3")
    assert (data["source"]["kind"], data["source"]["name"]) == ("recorder", "camera.mp4")
    assert (data["frame"]["width"], data["frame"]["height"]) == clip[0].shape[1::-1]
    assert data["frame"]["fps"] == pytest.approx(25, rel=0.02)
    assert 0 < data["coverage"]["fraction"] < 1
    assert data["split"]["held_out_from"] == round(0.9 * data["counts"]["written"])


def test_the_networks_input_is_the_one_that_ran(pool: NetworkPool, clip: list[Any]) -> None:
    height, width = clip[0].shape[:2]
    said = model_info(pool, (width, height), 0.6)
    heads, _ = pool.call(lambda network: network.infer(clip[0]))
    rows, columns = heads.heatmaps.values.shape[:2]
    assert said.input == ((columns - 1) * 16 + 1, (rows - 1) * 16 + 1)
    assert len(said.sha256) == 64


def test_the_barcode_survives(clip: list[Any]) -> None:
    assert [barcode(picture) for picture in clip] == list(range(COUNT))
    assert clip[0].shape[0] > 4 * CELL


def test_whoever_looks_again_gives_the_key_points(
    tmp_path: Path, clip: list[Any], pool: NetworkPool
) -> None:
    """Masks stay the network's; the dataset says who it was."""
    video = write_video(tmp_path / "dance.mp4", clip[:8])
    plain = import_video(video, tmp_path / "plain", pool, OPTIONS)

    def moved(rgb: Rgb, person: Person) -> Keypoints:
        assert rgb.shape == clip[0].shape
        return person.keypoints + np.float32([7, 0, 0])

    analysed = AnalyzerOptions(second_pass=True, look_again=moved)
    options = ImportOptions(frame_format="png", analyzer=analysed, pose_by="a teacher")
    dataset = import_video(video, tmp_path / "again", pool, options)
    assert dataset.manifest.notes == ["Key points by a teacher, parts by bodypix-075."]
    for one, other in zip(plain.pairs, dataset.pairs, strict=True):
        assert one.keypoints is not None
        assert other.keypoints is not None
        np.testing.assert_allclose(other.keypoints, one.keypoints + np.array([7, 0, 0]), atol=1e-3)
        assert np.array_equal(plain.labels(one.index), dataset.labels(other.index))
