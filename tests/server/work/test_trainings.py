"""The queue of trainings: order, stop, continue, delete, what dies, what a restart finds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from server.background import Background
from server.errors import Refused
from server.settings import Settings
from server.work import trainings as trainings_module
from server.work.lasting_process import LastingProcess
from server.work.training_log import MOST_POINTS, TrainingLog
from server.work.training_record import TrainingRecord, load_records
from server.work.trainings import MOST_WAITING, Trainings
from tests.server.waiting import until

LEARNER = Path(__file__).parents[1] / "learner.py"
IDS = [f"20261120-14223{number}-7f3a9c" for number in range(4)]
Open = Callable[[], Awaitable[Trainings]]


@pytest.fixture
async def open_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """A server's trainings; called again: those of the next server."""
    monkeypatch.setattr(trainings_module, "RUN", LEARNER)
    opened: list[Trainings] = []
    background = Background(threads=2)

    async def open_trainings() -> Trainings:
        if opened:
            await opened[-1].close()
        opened.append(Trainings(Settings(data=tmp_path), background))
        return opened[-1]

    yield open_trainings
    for record in reversed(opened[-1].all() if opened else []):  # Those that wait first.
        with contextlib.suppress(Refused):
            await opened[-1].delete(record)
    if opened:
        await opened[-1].close()
    background.close()


def dataset(tmp_path: Path, title: str, number: int = 0) -> str:
    folder = tmp_path / "datasets" / IDS[number]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps({"title": title}))
    return IDS[number]


async def ask(trainings: Trainings, dataset: str, seconds: float = 0.6) -> TrainingRecord:
    return await trainings.add(TrainingRecord.new(dataset, "Dancer", seconds / 60))


async def reached(record: TrainingRecord, *states: str) -> None:
    await until(lambda: record.state in states, 20, f"{states}, is {record.state}")


async def test_one_learns_is_measured_and_the_next_begins(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    first = await ask(trainings, dataset(tmp_path, "one"))
    second = await ask(trainings, dataset(tmp_path, "two", 1))
    assert [one.id for one in trainings.all()] == [first.id, second.id]
    await reached(first, "learning")
    assert second.state == "waiting"
    await reached(second, "done")
    assert first.state == "done"
    assert (first.message, first.rate) == ("", 10.0)
    assert first.prepared is not None
    assert (trainings.run_folder(first) / "evaluation.json").is_file()
    assert [point["seconds"] for point in trainings.log(first).points] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    )
    assert trainings.measured("performer")["rate"] == 10.0


async def test_two_people_press_train(open_trainings: Open, tmp_path: Path) -> None:
    trainings = await open_trainings()
    name = dataset(tmp_path, "one")
    first, same = await asyncio.gather(ask(trainings, name, 5), ask(trainings, name, 5))
    assert first is same
    longer = await ask(trainings, name, 6)
    assert longer is not first
    assert trainings.reading(name) is first


async def test_the_queue_is_bounded(open_trainings: Open, tmp_path: Path) -> None:
    trainings = await open_trainings()
    name = dataset(tmp_path, "slow")
    first = await ask(trainings, name, 1)
    await reached(first, "preparing")
    for seconds in range(2, MOST_WAITING + 2):
        await ask(trainings, name, seconds)
    with pytest.raises(Refused, match="wait already"):
        await ask(trainings, name, 100)


async def test_stop_keeps_what_was_learnt_and_it_goes_on_from_there(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    record = await ask(trainings, dataset(tmp_path, "one"), 60)
    await reached(record, "learning")
    await until(lambda: trainings.log(record).points[-1]["seconds"] > 0.5)
    await trainings.stop(record)
    assert record.state == "stopping"
    await reached(record, "done")
    run = trainings.run_folder(record)
    assert (run / "generator.safetensors").is_file()
    assert (run / "evaluation.json").is_file()
    spent = trainings.log(record).points[-1]["seconds"]
    await trainings.go_on(record, 1 / 60)
    with pytest.raises(Refused, match="already"):
        await trainings.go_on(record, 1)
    await reached(record, "done")
    assert trainings.log(record).points[-1]["seconds"] == pytest.approx(spent + 1, abs=0.35)


async def test_stop_while_data_is_prepared_ends_all_its_processes_at_once(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    name = dataset(tmp_path, "slow child")
    record = await ask(trainings, name, 60)
    told = tmp_path / "datasets" / name / "child"
    await until(lambda: told.is_file() and told.read_text())
    child = psutil.Process(int(told.read_text()))
    parent = psutil.Process(record.pid)
    async with asyncio.timeout(3):
        await trainings.stop(record)
        await reached(record, "done")
    assert record.message == "Stopped before anything was learnt."
    assert not parent.is_running()
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    # The button is ready again.
    await trainings.go_on(record, 1)
    await reached(record, "preparing")


async def test_one_that_does_not_listen_is_ended(
    open_trainings: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings_module, "STOP_SECONDS", 0.5)
    trainings = await open_trainings()
    record = await ask(trainings, dataset(tmp_path, "stubborn"), 60)
    await reached(record, "learning")
    await trainings.stop(record)
    await reached(record, "done")
    assert (trainings.run_folder(record) / "generator.safetensors").is_file()


async def test_one_that_waits_is_stopped_without_having_begun(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    await ask(trainings, dataset(tmp_path, "slow"), 60)
    second = await ask(trainings, dataset(tmp_path, "two", 1), 60)
    await trainings.stop(second)
    assert (second.state, second.pid) == ("done", None)


async def test_a_training_that_fails_says_why_and_keeps_what_it_has(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    record = await ask(trainings, dataset(tmp_path, "dies"), 60)
    await reached(record, "failed")
    assert record.message.startswith("The disk is full.")
    assert "continue it" in record.message
    assert (trainings.run_folder(record) / "checkpoint.pt").is_file()


async def test_killed_from_outside(open_trainings: Open, tmp_path: Path) -> None:
    trainings = await open_trainings()
    record = await ask(trainings, dataset(tmp_path, "one"), 60)
    await reached(record, "learning")
    assert record.pid is not None
    os.kill(record.pid, signal.SIGKILL)
    await reached(record, "failed")
    assert "signal 9" in record.message


async def test_delete_while_it_learns(open_trainings: Open, tmp_path: Path) -> None:
    trainings = await open_trainings()
    record = await ask(trainings, dataset(tmp_path, "one"), 60)
    await reached(record, "learning")
    run = trainings.run_folder(record)
    async with asyncio.timeout(10):
        await trainings.delete(record)
    assert not run.exists()
    assert list((tmp_path / "trainings").iterdir()) == []
    with pytest.raises(Refused, match="no such training"):
        trainings.get(record.id)


async def test_a_restart_finds_what_goes_on(open_trainings: Open, tmp_path: Path) -> None:
    before = await open_trainings()
    name = dataset(tmp_path, "one")
    asked = await ask(before, name, 4)
    waiting = await ask(before, dataset(tmp_path, "two", 1), 0.3)
    await reached(asked, "learning")
    pid = asked.pid
    after = await open_trainings()
    record = after.get(asked.id)
    assert record is not asked
    await until(lambda: len(after.log(record).points) > 3)
    assert (record.state, record.pid) == ("learning", pid)
    assert psutil.pid_exists(pid)
    await reached(after.get(waiting.id), "done")
    assert record.state == "done"
    assert (after.run_folder(record) / "evaluation.json").is_file()


async def test_a_restart_finds_what_has_ended_meanwhile(
    open_trainings: Open, tmp_path: Path
) -> None:
    before = await open_trainings()
    asked = await ask(before, dataset(tmp_path, "one"), 60)
    await reached(asked, "learning")
    await before.close()
    process = LastingProcess.find(asked.pid, asked.id)
    assert process is not None
    process.end()
    await until(lambda: LastingProcess.find(asked.pid, asked.id) is None)
    after = await open_trainings()
    record = after.get(asked.id)
    await reached(record, "failed")
    assert record.message.startswith("It ended while the server was away.")
    await after.go_on(record, 0.2 / 60)
    await reached(record, "done")


async def test_another_process_of_the_same_number_is_left_alone() -> None:
    assert LastingProcess.find(psutil.Process().pid, IDS[0]) is None
    assert LastingProcess.find(2**22 + 1, IDS[0]) is None


async def test_whoever_waits_is_told(open_trainings: Open, tmp_path: Path) -> None:
    trainings = await open_trainings()
    version = trainings.version
    waiting = asyncio.create_task(trainings.wait(version))
    await asyncio.sleep(0)
    await ask(trainings, dataset(tmp_path, "slow"), 60)
    async with asyncio.timeout(1):
        assert await waiting > version
    assert await trainings.wait(trainings.version, 0.01) == trainings.version


def test_damaged_records_are_left_out(tmp_path: Path) -> None:
    good = TrainingRecord.new(IDS[0], "Dancer", 5.0)
    good.save(tmp_path)
    (tmp_path / "20261120-142233-000000.json").write_text('{"id": "20261120-1422')
    (tmp_path / "20261120-142233-000001.json").write_text("[1]")
    (tmp_path / "20261120-142233-000002.json").write_text(
        (tmp_path / f"{good.id}.json").read_text()
    )
    assert load_records(tmp_path) == [good]


def line(seconds: float, **more: object) -> str:
    return json.dumps({"seconds": seconds, "losses": {}, "held_out": {}, **more}) + "\n"


def test_a_log_is_read_as_it_grows(tmp_path: Path) -> None:
    output = tmp_path / "out"
    log = TrainingLog(output, tmp_path / "err")
    assert not log.read()
    assert log.complaint() == ""
    output.write_text("12 frames.\n" + line(1) + line(2)[:9])
    assert log.read()
    assert ([one["seconds"] for one in log.points], log.sentence) == ([1.0], "12 frames.")
    with output.open("a") as file:
        file.write(line(2)[9:] + '{"seconds": "x"}\n' + line(3, seconds_left=4) + line(1.5))
    assert log.read()
    assert [one["seconds"] for one in log.points] == [1.0, 1.5]
    assert log.latest["seconds"] == 1.5
    with output.open("a") as file:
        file.write('{"done": 3, "total": 9}\n')
    log.read()
    assert log.sentence == "3 of 9 pictures looked at."
    with output.open("a") as file:
        file.write('{"note": "One is broken."}\n[1]\n{"done": 1, "total": null}\n')
    log.read()
    assert log.sentence == '{"done": 1, "total": null}'
    (tmp_path / "err").write_text("Traceback\nThat is no dataset.\n\n")
    assert log.complaint() == "That is no dataset."


def test_a_long_log_stays_small(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.write_text("".join(line(number) for number in range(1, 5 * MOST_POINTS)))
    log = TrainingLog(output, tmp_path / "err")
    log.read()
    seconds = [one["seconds"] for one in log.points]
    assert MOST_POINTS / 4 < len(seconds) <= MOST_POINTS
    assert seconds == sorted(seconds)
    assert seconds[-1] >= 5 * MOST_POINTS - 3
