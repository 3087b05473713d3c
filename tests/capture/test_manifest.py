"""`dataset.json`: everything survives it, nothing hostile comes out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import DatasetError
from capture.manifest import (
    TITLE_LENGTH,
    Consent,
    Counts,
    FrameInfo,
    Manifest,
    ModelInfo,
    Source,
    clean_title,
    new_id,
    valid_id,
)

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_counts = st.integers(0, 10**9)
_manifests = st.builds(
    Manifest,
    id=st.builds(new_id),
    title=st.builds(clean_title, _texts),
    created=_texts,
    source=st.builds(
        Source,
        st.sampled_from(["webrtc", "recorder", "import"]),
        _texts,
        st.none() | st.just("0" * 64),
    ),
    model=st.builds(
        ModelInfo, _texts, _texts, st.tuples(_counts, _counts), _texts, st.floats(0, 1)
    ),
    state=st.sampled_from(["recording", "complete"]),
    frame=st.builds(
        FrameInfo, _counts, _counts, st.floats(0, 1000), st.sampled_from(["jpg", "png"])
    ),
    counts=st.builds(Counts, _counts, st.dictionaries(_texts, _counts, max_size=4), _counts),
    coverage=st.just({"fraction": 0.25, "missing": ["crouch"]}),
    held_out_from=st.none() | _counts,
    consent=st.builds(Consent, _texts, _texts),
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def _manifest() -> Manifest:
    return Manifest.new(Source("webrtc"), ModelInfo("m", "0" * 64, (481, 273), "cpu", 0.5), "A")


def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(_manifest().to_json()))
    return data


def _is_a_sentence(text: str) -> None:
    assert text.startswith("dataset.json")
    assert text.endswith(".")


@given(_manifests)
def test_everything_survives(manifest: Manifest) -> None:
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_what_the_next_test_damages_is_valid() -> None:
    Manifest.from_json(_data())


def test_saved_and_loaded(tmp_path: Path) -> None:
    manifest = _manifest()
    manifest.counts.dropped = {"no_person": 3}
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == manifest
    assert json.loads((tmp_path / "dataset.json").read_text())["counts"]["seen"] == 3


def test_a_name_that_is_no_unicode_can_be_saved(tmp_path: Path) -> None:
    manifest = _manifest()
    manifest.source.name = b"caf\xe9.mp4".decode(errors="surrogateescape")
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path).source.name == "caf?.mp4"


def _places(data: dict[str, Any]) -> list[tuple[str, ...]]:
    inner = [(name, key) for name, part in data.items() if isinstance(part, dict) for key in part]
    return [(name,) for name in data] + inner


@given(st.sampled_from(_places(_data())), _json)
def test_any_value_anywhere_is_taken_or_refused_in_a_sentence(
    place: tuple[str, ...], value: Any
) -> None:
    data = _data()
    part = data
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    try:
        manifest = Manifest.from_json(data)
    except DatasetError as error:
        return _is_a_sentence(str(error))
    assert valid_id(manifest.id)
    assert manifest.counts.seen >= 0
    assert manifest.frame.format in ("jpg", "png")


@pytest.mark.parametrize(
    "text", ["../../etc", "20261120-142233-7f3a9c/../x", "20261120-142233-7f3a9c\n", "", "."]
)
def test_an_id_that_leads_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="its id"):
        Manifest.from_json({**_data(), "id": text})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b" " * 5_000_000],
    ids=["empty", "half", "null", "no text", "deep", "long number", "huge"],
)
def test_files_that_are_no_manifest(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"damaged|too large"):
        Manifest.load(tmp_path)


def test_no_manifest_at_all(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no dataset"):
        Manifest.load(tmp_path)


@given(st.text(max_size=1000))
def test_titles_are_one_short_printable_line(text: str) -> None:
    title = clean_title(text)
    assert len(title) <= TITLE_LENGTH
    assert title.isprintable()
    assert title == title.strip() == clean_title(title)
