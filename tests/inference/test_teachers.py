"""Published networks by name: pinned, found, missing, damaged, fetched."""

import hashlib
import io
import os
import urllib.request
from pathlib import Path

import pytest

from inference import teachers
from inference.errors import ModelError
from inference.published import PublishedFile

TWO = (b"first " * 4000, b"second" * 9000)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> teachers.TeacherModel:
    """A teacher of two files, at home in this test."""
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path / "kept"))
    contents = dict(zip(("wise.json", "wise.bin"), TWO, strict=True))
    files = tuple(
        PublishedFile(name, f"https://home/{name}", hashlib.sha256(data).hexdigest(), len(data))
        for name, data in contents.items()
    )
    made = teachers.TeacherModel("wise", "Wise", teachers.MASK, "MIT", files)
    monkeypatch.setattr(teachers, "TEACHERS", (made,))

    def opened(url: str, timeout: float) -> io.BytesIO:
        return io.BytesIO(contents[url.rpartition("/")[2]])

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    return made


def test_every_teacher_is_pinned_and_free() -> None:
    names = [one.name for one in teachers.TEACHERS]
    assert len(set(names)) == len(names) == 5
    for one in teachers.TEACHERS:
        assert one.licence in ("Apache-2.0", "MIT", "BSD-3-Clause")
        assert one.knows in (teachers.KEY_POINTS, teachers.MASK)
        for file in one.files:
            assert len(file.sha256) == 64
            assert file.url.startswith("https://")
            assert file.url.endswith(file.file_name)


def test_all_files_of_a_teacher_are_fetched_with_one_progress(
    model: teachers.TeacherModel,
) -> None:
    seen: list[tuple[int, int]] = []
    path = teachers.fetch_teacher(model, lambda done, whole: seen.append((done, whole)))
    assert teachers.find_teacher("wise") == path
    assert [file.path.read_bytes() for file in model.files] == list(TWO)
    assert seen == sorted(seen)
    assert seen[-1] == (sum(map(len, TWO)),) * 2


def test_a_missing_file_is_told_with_the_way_to_get_it(model: teachers.TeacherModel) -> None:
    with pytest.raises(ModelError, match=r"wise\.json is not here yet: run .*fetch wise`"):
        teachers.find_teacher("wise")
    teachers.fetch_teacher(model)
    os.unlink(model.files[1].path)
    with pytest.raises(ModelError, match=r"wise\.bin is not here yet"):
        teachers.find_teacher("wise")


def test_another_version_is_told_and_replaced(model: teachers.TeacherModel) -> None:
    teachers.fetch_teacher(model)
    model.files[0].path.write_bytes(b"another")
    with pytest.raises(ModelError, match=r"wise\.json is damaged or another version"):
        teachers.find_teacher("wise")
    teachers.fetch_teacher(model)
    assert teachers.find_teacher("wise") == model.files[0].path


def test_an_unknown_teacher_is_told() -> None:
    with pytest.raises(ModelError, match="no teacher called 'fool': the known ones are movenet"):
        teachers.find_teacher("fool")
