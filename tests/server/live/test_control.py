"""Messages of the control channel."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live import control
from server.live.control import Choices, ControlError, LiveSettings

FIRST = LiveSettings("parts", 0.7, 0.5, "bodypix", 641)
CHOICES = Choices(("parts", "camera"), ("bodypix", "posenet"), (321, 641))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"stop"}', control.Stop()),
        ('{"type":"ping","t":12.5}', control.Ping(12.5)),
        ('{"type":"gesture","enabled":true}', control.Gesture(True)),
        ('{"type":"source","kind":"file"}', control.Source("file")),
        ('{"type":"record"}', control.Record(None, "", False, False)),
        (
            '{"type":"record","seconds":15,"title":" Ada ","high_quality":true,"heads":true}',
            control.Record(15.0, "Ada", True, True),
        ),
        (
            '{"type":"record","for":"20261120-142233-7f3a9c"}',
            control.Record(None, "", False, False, "20261120-142233-7f3a9c"),
        ),
        (
            '{"type":"settings","view":"blur","opacity":1}',
            control.ChangeSettings({"view": "blur", "opacity": 1}),
        ),
    ],
)
def test_every_message_of_the_contract_is_understood(text, expected):
    assert control.parse(text) == expected
    assert control.parse(text.encode()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"type":"record","for":"../x"}',
        '{"type":"record","for":7}',
        "[]",
        "null",
        "{}",
        '{"type":"launch"}',
        '{"type":"ping"}',
        '{"type":"ping","t":NaN}',
        '{"type":"ping","t":1e400}',
        '{"type":"ping","t":true}',
        '{"type":"record","seconds":0}',
        '{"type":"record","seconds":"15"}',
        '{"type":"record","heads":1}',
        '{"type":"gesture","enabled":"yes"}',
        '{"type":"source","kind":"screen"}',
        '{"type":"record","title":"' + "x" * 5000 + '"}',
        '{"type":"record","title":["a"]}',
        '{"type":"record","title":' + "[" * 1000 + "]" * 1000 + "}",
        b"\xff\xfe",
        "[" * 1500,
        b"[" * 4000,
        '{"a":' * 700,
    ],
)
def test_what_is_no_message_is_refused_with_a_sentence(text):
    with pytest.raises(ControlError, match=r"^[A-Z].*\.$"):
        control.parse(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(ANYTHING)
def test_nothing_but_a_control_error_ever_comes_out(value):
    for body in (value, {"type": "record", "seconds": value}, {"type": "ping", "t": value}):
        with contextlib.suppress(ControlError):
            control.parse(json.dumps(body))
    with contextlib.suppress(ControlError):
        CHOICES.change(FIRST, {"view": value, "opacity": value, "long_side": value})


def test_settings_change_only_what_was_named():
    changed = CHOICES.change(FIRST, {"view": "camera", "opacity": 0, "long_side": 321})
    assert changed == LiveSettings("camera", 0.0, 0.5, "bodypix", 321)


@pytest.mark.parametrize(
    ("wanted", "in_force"), [(0, 0.01), (1, 0.99), (0.995, 0.99), (0.01, 0.01), (0.5, 0.5)]
)
def test_a_threshold_at_which_everything_or_nothing_is_a_person_is_moved(wanted, in_force):
    assert CHOICES.change(FIRST, {"threshold": wanted}).threshold == in_force


def test_what_is_chosen_is_what_was_offered():
    """321.0 equals 321 and `True` equals 1; neither is a number of pixels."""
    assert type(CHOICES.change(FIRST, {"long_side": 321.0}).long_side) is int


@pytest.mark.parametrize(
    "wanted",
    [
        {"view": "xray"},
        {"model": "../../etc/passwd"},
        {"model": ["bodypix"]},
        {"long_side": 640},
        {"long_side": True},
        {"opacity": 1.5},
        {"threshold": -0.1},
        {"threshold": None},
    ],
)
def test_what_cannot_be_chosen_is_refused(wanted):
    with pytest.raises(ControlError):
        CHOICES.change(FIRST, wanted)
