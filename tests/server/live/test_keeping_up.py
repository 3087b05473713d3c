"""A machine that is too slow for the camera says so, and what would help."""

from __future__ import annotations

from typing import Any

import pytest

from server.live.keeping_up import SURE_SECONDS, KeepingUp


def figures(seen: float, model: str = "understudy-default", width: int = 1280) -> dict[str, Any]:
    return {
        "fps_in": 30.0,
        "fps_analysed": seen,
        "model": model,
        "size": [width, width * 9 // 16],
        "stages": {"invoke": 700 / max(seen, 1), "encode": 200 / max(seen, 1)},
    }


def said(stats: dict[str, Any]) -> str:
    watching = KeepingUp()
    assert watching.note(stats, 10.0) == ""
    return watching.note(stats, 10.0 + SURE_SECONDS)


def test_a_quicker_network_and_a_smaller_picture_are_named() -> None:
    assert said(figures(23.5)) == (
        "Too much for this machine: 24 of 30 pictures a second. "
        "Quicker, in the settings: the network understudy-fast or a smaller resolution."
    )


@pytest.mark.parametrize(
    ("model", "width", "words"),
    [
        ("understudy-fast", 640, "the network understudy-tiny."),
        ("understudy-tiny", 1280, "settings: a smaller resolution."),
        ("bodypix-075", 640, "the network understudy-fast."),
        ("mine", 640, "the network understudy-fast."),
        ("understudy-tiny", 640, "Other programs may need it just now."),
    ],
)
def test_what_does_not_help_is_not_named(model: str, width: int, words: str) -> None:
    assert said(figures(20.0, model, width)).endswith(words)


def test_pictures_that_come_at_once_are_no_slowness() -> None:
    """As over a line that loses: some are left out, and the machine rests meanwhile."""
    assert said({**figures(20.0), "stages": {"invoke": 7.0, "encode": 2.0}}) == ""


def test_a_moment_is_no_slowness() -> None:
    watching = KeepingUp()
    for second in range(20):
        seen = 10.0 if second % 4 else 30.0
        assert watching.note(figures(seen), float(second)) == ""
    assert said(figures(29.0)) == ""
    assert said({**figures(0.0), "fps_in": 0.0}) == ""
