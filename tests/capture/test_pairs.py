"""Lines of `poses.jsonl`: exact, and safe to read whatever they hold."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capture.errors import DatasetError
from capture.pairs import PairRecord, held_out_from, read_records

_keypoints = arrays(
    np.float32, (17, 3), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)
)
_records = st.builds(
    PairRecord,
    index=st.integers(0, 99_999_999),
    time_s=st.floats(0, 1e6),
    keypoints=st.none() | _keypoints,
    smoothed=st.none() | _keypoints,
    score=st.none() | st.floats(0, 1),
    box=st.none() | st.tuples(*[st.floats(-1e4, 1e4)] * 4),
    others=st.integers(0, 99),
    flags=st.lists(st.sampled_from(["blur", "dark", "near"]), unique=True),
    edits=st.just({}) | st.just({"keypoints": {"9": [1.5, 2.5]}}),
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


def _line(index: int = 0) -> dict[str, Any]:
    return PairRecord(index, index / 30, np.ones((17, 3), np.float32)).to_json()


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return bool(one.tobytes() == other.tobytes())


@given(_records)
def test_a_line_gives_back_the_very_same_numbers(record: PairRecord) -> None:
    line = record.to_line()
    assert line.count(b"\n") == 1
    again = PairRecord.from_json(json.loads(line))
    assert _same(again.keypoints, record.keypoints)
    assert _same(again.smoothed, record.smoothed)
    assert (again.index, again.time_s, again.others) == (record.index, record.time_s, record.others)
    assert (again.flags, again.edits) == (record.flags, record.edits)
    assert again.score == (None if record.score is None else pytest.approx(record.score, abs=1e-4))
    assert again.box == (None if record.box is None else pytest.approx(record.box, abs=0.01))


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@given(st.sampled_from(sorted(_line())), _json)
@example("edits", {"": float("nan")})
@example("edits", {"Infinity": None})
def test_any_value_in_any_field_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        record = PairRecord.from_json({**_line(), name: value})
    except DatasetError:
        return
    json.loads(record.to_line(), parse_constant=_refuse)
    record.mended()


@given(_json)
def test_any_json_is_taken_or_refused(value: Any) -> None:
    with pytest.raises(DatasetError):
        PairRecord.from_json(value)


@given(st.integers(0, 3000))
def test_a_file_cut_anywhere_gives_every_whole_line(cut: int) -> None:
    lines = [PairRecord(index, index / 30, None).to_line() for index in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "poses.jsonl"
        data = b"".join(lines)[:cut]
        path.write_bytes(data)
        records, damaged = read_records(path)
    assert len(records) == data.count(b"\n")
    assert damaged == (not data.endswith(b"\n") and data != b"")


def test_zeros_of_a_power_loss_and_lines_out_of_order_end_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "poses.jsonl"
    first, second = (PairRecord(index, 0.0, None).to_line() for index in (3, 2))
    path.write_bytes(first + bytes(5000))
    assert [len(read_records(path)[0]), read_records(path)[1]] == [1, True]
    path.write_bytes(first + second)
    assert [len(read_records(path)[0]), read_records(path)[1]] == [1, True]


@pytest.mark.parametrize(("pairs", "index"), [(0, None), (1, None), (2, 1), (10, 9), (300, 270)])
def test_the_last_tenth_is_held_out(pairs: int, index: int | None) -> None:
    assert held_out_from([PairRecord(number, 0.0, None) for number in range(pairs)]) == index
