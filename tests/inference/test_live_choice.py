"""Which network a machine is quick enough for."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import zoo
from inference.errors import ModelError
from inference.live_choice import BUDGET_MS, LiveChoice, choose_live, frame_milliseconds


def candidates(*names: str) -> list[zoo.ZooModel]:
    return [zoo.ZooModel(name, f"{name}.tflite", name, "") for name in names]


def chosen(**milliseconds: float | None) -> LiveChoice:
    def measured(name: str) -> float:
        spent = milliseconds[name]
        if spent is None:
            raise ModelError("damaged")
        return spent

    return choose_live(candidates(*milliseconds), measured)


def test_the_most_accurate_that_keeps_up_is_taken() -> None:
    choice = chosen(large=2 * BUDGET_MS, middle=BUDGET_MS - 1, small=3)
    assert choice.name == "middle"
    assert "large in 40 ms: too slow" in choice.why
    assert chosen(large=BUDGET_MS, small=3).name == "large"


def test_where_none_keeps_up_the_quickest_is_taken() -> None:
    choice = chosen(large=900, small=60)
    assert choice.name == "small"
    assert "60 ms" in choice.why


def test_one_that_cannot_be_used_is_passed_over() -> None:
    assert chosen(large=None, small=3).name == "small"
    assert chosen(large=None).name == "large"


def test_a_real_network_is_measured(models: Path) -> None:
    small, large = (frame_milliseconds("bodypix-075", side, threads=1) for side in (257, 961))
    assert 0.2 < small < large


@pytest.mark.parametrize("name", ["understudy-tiny", "understudy-default"])
def test_the_built_in_ones_are_candidates(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_MODELS", "/nowhere")
    assert name in {model.name for model in zoo.accurate_first()}
