"""The training loop on drawn people: it learns, goes on after a kill, stops when it must."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.people import at, picture
from training.errors import TrainingError
from training.network.distill import Training
from training.network.held_out import held_out_accuracy
from training.network.labelled import Packed
from training.network.student import PRESETS, Preset, Student, multiplications, parameters
from training.network.student_network import StudentNetwork
from training.reporting import TrainingProgress
from training.run_folder import RunFolder

SMALL = Preset("tiny", (128, 128), (8, 12, 16, 24, 32), (0, 0, 0, 0), (16, 16, 12), 64, 8)


def pool(count: int = 12) -> list[Packed]:
    random = np.random.default_rng(3)
    people = [[at(*random.uniform(20, 90, 2), random.uniform(0.9, 1.3))] for _ in range(count)]
    return [Packed.of(picture(one, (192, 192)), "mask") for one in people]


def training(path: Path, minutes: float, **more: Any) -> Training:
    torch.manual_seed(0)
    return Training(Student(SMALL), RunFolder(path), minutes, **more)


@pytest.mark.slow
def test_a_student_learns_to_see_drawn_people(tmp_path: Path) -> None:
    items = pool()
    made = training(tmp_path, 0.2)
    before = held_out_accuracy(StudentNetwork(made.result()).heads, items[:4])
    progress: list[TrainingProgress] = []
    made.run(items[4:], items[:4], progress.append)
    assert made.accuracy["person_iou"] > before["person_iou"] + 0.25
    assert progress[-1].seconds >= 12
    assert progress[-1].seen == made.seen > 8
    assert [line["held_out"] for line in made._run.history()][-1] == made.accuracy


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    items = pool()
    first = training(tmp_path, 0.2)
    first.run(items, [], lambda progress: None, lambda: first.seen >= 24)
    second = training(tmp_path, 0.2)
    assert second.seen == first.seen >= 24
    assert second.seconds == pytest.approx(first.seconds)
    for name, value in first.student.state_dict().items():
        assert torch.equal(value, second.student.state_dict()[name]), name
    second.run(items, [], lambda progress: None, lambda: second.seen >= 48)
    assert second.seen >= 48


def test_a_run_of_another_version_is_not_gone_on_with(tmp_path: Path) -> None:
    first = training(tmp_path, 0.2)
    first.run(pool(), [], lambda progress: None, lambda: first.seen >= 8)
    old = torch.optim.AdamW(first.student.parameters()).state_dict()
    RunFolder(tmp_path).save(first._run.load() | {"optimiser": old})  # type: ignore[operator]
    with pytest.raises(TrainingError, match=r"another version.*--from"):
        training(tmp_path, 0.2)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_state(tmp_path: Path) -> None:
    items = pool()
    good = training(tmp_path, 0.2)
    good.run(items, [], lambda progress: None, lambda: good.seen >= 16)
    kept = (tmp_path / "checkpoint.pt").read_bytes()
    bad = training(tmp_path, 0.2)
    with torch.no_grad():
        next(bad.student.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"no number any more.*smaller --learning-rate"):
        bad.run(items, [], lambda progress: None)
    assert (tmp_path / "checkpoint.pt").read_bytes() == kept


def test_out_of_memory_it_goes_on_with_half_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = training(tmp_path, 0.2)
    sizes: list[int] = []
    learn = made._learn

    def short_of_memory(pictures: torch.Tensor, targets: dict[str, Any]) -> dict[str, float]:
        sizes.append(len(pictures))
        if len(pictures) > 4:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")
        return learn(pictures, targets)

    monkeypatch.setattr(made, "_learn", short_of_memory)
    notes: list[str] = []
    made.run(pool(), [], lambda progress: None, lambda: made.seen >= 12, notes.append)
    assert sizes[:2] == [8, 4]
    assert set(sizes[1:]) == {4}
    assert notes == ["Out of memory: training goes on with 4 pictures at a time."]


@pytest.mark.parametrize(
    ("name", "most_parameters", "most_multiplications"),
    [("tiny", 1.0e6, 0.3e9), ("fast", 3.2e6, 1.3e9)],
)
def test_presets_are_of_the_sizes_that_are_documented(
    name: str, most_parameters: float, most_multiplications: float
) -> None:
    student = Student(PRESETS[name])
    assert parameters(student) < most_parameters
    assert multiplications(student) < most_multiplications


def test_cells_lie_where_the_grid_says() -> None:
    """Input pixels that change the middle cell's output lie evenly around `stride * cell`."""
    torch.manual_seed(0)
    student = Student(SMALL).eval()
    with torch.no_grad():
        for weights in student.parameters():
            weights.abs_()
    x = torch.ones(1, 3, 256, 256, requires_grad=True)
    first = student.stem(x)
    second = student.stages[0](first)
    second[0, :, 32, 32].sum().backward()
    assert x.grad is not None
    touched = torch.nonzero(x.grad[0].abs().sum(0))
    low, high = touched.min(0).values, touched.max(0).values
    assert ((low + high) / 2).tolist() == [128.0, 128.0]


def test_what_is_to_be_kept_stays_in_the_result(tmp_path: Path) -> None:
    torch.manual_seed(0)
    student = Student(SMALL)
    first = {name: value.clone() for name, value in student.state_dict().items()}
    tuned = Training(student, RunFolder(tmp_path), 0.2, keep=0.5)
    tuned.run(pool(), [], lambda progress: None, lambda: tuned.seen >= 24)
    result, mean = tuned.result().state_dict(), tuned._mean.state_dict()
    for name, value in result.items():
        if value.is_floating_point():
            assert torch.allclose(value, (first[name] + mean[name]) / 2, atol=1e-6), name
        if "running" in name:
            assert torch.equal(value, first[name]), name
    assert not torch.equal(result["stem.0.weight"], first["stem.0.weight"])
