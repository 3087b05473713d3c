"""Every format: streamed, bounded, reproducible, without what was deleted; zip and folder agree."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from capture.dataset import Dataset
from capture.errors import CaptureError, DatasetBusy, DatasetError
from capture.export import FORMATS, export_folder, export_zip
from capture.export.entries import Entry
from capture.export.zipping import BLOCK, zipped
from capture.files import locked
from capture.pairs import POSES_NAME

from .conftest import Recorded
from .unpacking import exported

NAMES = [one.name for one in FORMATS]
CREATED = datetime(2026, 11, 20, 14, 22, 34, tzinfo=UTC)


@pytest.mark.parametrize("name", NAMES)
def test_a_zip_and_a_folder_hold_the_same(recorded: Recorded, name: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export_folder(recorded.dataset, name, tmp_path / "out", lambda *done: seen.append(done))
    archive = exported(recorded.dataset, name)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path / "out")) for path in files} == set(archive.namelist())
    assert all(
        path.read_bytes() == archive.read(str(path.relative_to(tmp_path / "out"))) for path in files
    )
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert {total for _, total in seen} == {len(seen)}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_each_time(recorded: Recorded, name: str) -> None:
    first = b"".join(export_zip(recorded.dataset, name))
    assert first == b"".join(export_zip(Dataset.open(recorded.dataset.path), name))


@pytest.mark.parametrize("name", NAMES)
def test_names_come_from_ids_and_nothing_deleted_is_there(recorded: Recorded, name: str) -> None:
    archive = exported(recorded.dataset, name)
    for path in archive.namelist():
        assert path.isascii()
        assert ".." not in path
        assert not path.startswith("/")
        assert f"{recorded.deleted:06d}" not in path or name == "webdataset"
    assert len(archive.namelist()) == len(set(archive.namelist()))


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_info_zip_unpacks_it(recorded: Recorded, name: str, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"".join(export_zip(recorded.dataset, name)))
    result = subprocess.run(["unzip", "-tq", tmp_path / "a.zip"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "No errors" in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_dataset_still_exports(recorded: Recorded, name: str, tmp_path: Path) -> None:
    dataset = _copied(recorded, tmp_path)
    dataset.delete_pairs([pair.index for pair in dataset.pairs])
    archive = exported(dataset, name)
    assert not [path for path in archive.namelist() if path.endswith((".jpg", ".tar"))]


def test_memory_does_not_grow_with_the_dataset(recorded: Recorded, tmp_path: Path) -> None:
    large = _repeated(recorded, tmp_path, 400)
    assert len(large.pairs) == 400
    folder_bytes = sum(path.stat().st_size for path in large.path.rglob("*") if path.is_file())
    for name in NAMES:
        chunks = export_zip(large, name)
        next(chunks)
        tracemalloc.start()
        try:
            sizes = [len(chunk) for chunk in chunks]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000 < folder_bytes / 2, f"{name}: {peak / 1e6:.1f} MB"
        assert max(sizes) < 8 * BLOCK


def test_it_cannot_be_changed_while_it_is_exported(recorded: Recorded, tmp_path: Path) -> None:
    dataset = _copied(recorded, tmp_path)
    chunks = export_zip(dataset, "native")
    with pytest.raises(DatasetBusy), locked(dataset.path):
        pass
    del chunks  # As when the browser goes away.
    with locked(dataset.path), pytest.raises(DatasetBusy):
        export_zip(dataset, "native")


def test_pairs_deleted_since_it_was_opened_are_left_out(recorded: Recorded, tmp_path: Path) -> None:
    stale = _copied(recorded, tmp_path)
    assert len(stale.pairs) == recorded.count
    Dataset.open(stale.path).delete_pairs([0])
    assert "frames/000000.jpg" not in exported(stale, "native").namelist()


def test_what_cannot_be_exported_is_said(recorded: Recorded, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no format 'gif': use one of native, pix2pix"):
        export_zip(recorded.dataset, "gif")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(CaptureError, match="not an empty folder"):
        export_folder(recorded.dataset, "coco", tmp_path / "full")
    gone = _copied(recorded, tmp_path)
    shutil.rmtree(gone.path)
    with pytest.raises(DatasetError, match="no dataset"):
        export_zip(gone, "native")


def test_a_failed_export_leaves_nothing(recorded: Recorded, tmp_path: Path) -> None:
    dataset = _copied(recorded, tmp_path)
    dataset.labels_path(3).write_bytes(b"not a PNG")
    with pytest.raises(DatasetError, match="damaged"):
        export_folder(dataset, "pix2pix", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_pictures_are_stored_and_text_is_deflated(recorded: Recorded) -> None:
    for info in exported(recorded.dataset, "coco").infolist():
        stored = info.filename.endswith((".jpg", ".png"))
        assert info.compress_type == (zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
        assert info.external_attr >> 16 == 0o644


def test_an_entry_of_unknown_length_is_not_collected() -> None:
    """128 MiB go through; what waits at any time is a block or two."""
    piece = bytes(1024 * 1024)

    def content() -> Iterator[bytes]:
        for _ in range(128):
            yield piece

    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in zipped([Entry("large.tar", content())], CREATED))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 128 * len(piece)
    assert peak < 5_000_000


def _copied(recorded: Recorded, tmp_path: Path) -> Dataset:
    shutil.copytree(recorded.dataset.path, tmp_path / "copy")
    return Dataset.open(tmp_path / "copy")


def _repeated(recorded: Recorded, tmp_path: Path, count: int) -> Dataset:
    """The recording over and over, by hard links."""
    source, path = recorded.dataset, tmp_path / "large"
    lines = []
    for name in ("frames", "parts"):
        (path / name).mkdir(parents=True)
    for index in range(count):
        record = source.pairs[index % len(source.pairs)]
        (path / "frames" / f"{index:06d}.jpg").hardlink_to(source.frame_path(record.index))
        (path / "parts" / f"{index:06d}.png").hardlink_to(source.labels_path(record.index))
        data = record.to_json() | {"index": index, "time_s": index / 24}
        lines.append(type(record).from_json(data).to_line())
    (path / POSES_NAME).write_bytes(b"".join(lines))
    shutil.copy(source.path / "dataset.json", path)
    return Dataset.open(path)
