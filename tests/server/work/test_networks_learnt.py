"""Trainings of networks: they end with a file, under a name, or say why not."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from inference import zoo
from server.work import trainings as trainings_module
from server.work.learnt import network_name
from server.work.training_record import TrainingRecord
from server.work.trainings import Trainings
from tests.server.waiting import until
from tests.server.work.test_trainings import Open, dataset, open_trainings, reached

__all__ = ["open_trainings"]


async def teach(
    trainings: Trainings, dataset: str, seconds: float = 0.6, title: str = "Ada, dancing!"
) -> TrainingRecord:
    more = {"kind": "network", "preset": "fast"}
    return await trainings.add(TrainingRecord.new(dataset, title, seconds / 60, **more))


def usable(record: TrainingRecord) -> bool:
    return record.network in zoo.own_names()


async def test_a_network_can_be_chosen_as_soon_as_it_is_done(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    name = dataset(tmp_path, "one")
    record, double = await asyncio.gather(
        teach(trainings, name),
        trainings.add(TrainingRecord.new(name, "Ada", 0.01, preset="realtime")),
    )
    assert record.network == "ada-dancing-fast"
    assert await teach(trainings, name) is record
    assert double is not record
    await reached(record, "judging")
    assert not usable(record)
    await trainings.stop(record)  # Its file is written all the same.
    await reached(record, "done")
    assert usable(record)
    assert record.message == ""
    assert trainings.measured("network")["rate"] == 10.0
    second = await teach(trainings, name)
    assert second.network == "ada-dancing-fast-2"
    for one in (record, second):
        await trainings.delete(one)
    assert zoo.own_names() == []


async def test_stopped_it_writes_what_it_has_and_goes_on_later(
    open_trainings: Open, tmp_path: Path
) -> None:
    trainings = await open_trainings()
    record = await teach(trainings, dataset(tmp_path, "one"), 60)
    await reached(record, "learning")
    await trainings.stop(record)
    assert record.state == "stopping"
    await reached(record, "done")
    assert usable(record)
    spent = trainings.log(record).points[-1]["seconds"]
    await trainings.go_on(record, 0.5 / 60)
    await reached(record, "done")
    assert trainings.log(record).points[-1]["seconds"] == pytest.approx(spent + 0.5, abs=0.35)


@pytest.mark.parametrize("title", ["breaks", "lingers", "stubborn"])
async def test_without_its_file_it_is_not_done(
    open_trainings: Open, tmp_path: Path, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings_module, "NETWORK_STOP_SECONDS", 0.5)
    trainings = await open_trainings()
    record = await teach(trainings, dataset(tmp_path, title), 60 if title == "stubborn" else 0.6)
    if title == "stubborn":
        await reached(record, "learning")
        await trainings.stop(record)
    if title == "lingers":
        await reached(record, "judging")
        assert record.pid is not None
        os.kill(record.pid, signal.SIGKILL)
    await reached(record, "failed")
    said = {"breaks": "the rules.", "lingers": "signal 9", "stubborn": "before its file"}
    assert said[title] in record.message
    assert "continue it" in record.message
    assert not usable(record)


async def test_deleted_while_its_file_is_written(open_trainings: Open, tmp_path: Path) -> None:
    trainings = await open_trainings()
    record = await teach(trainings, dataset(tmp_path, "lingers"))
    await reached(record, "judging")
    async with asyncio.timeout(5):
        await trainings.delete(record)
    assert not trainings.run_folder(record).exists()


async def test_a_restart_while_its_file_is_written(open_trainings: Open, tmp_path: Path) -> None:
    before = await open_trainings()
    asked = await teach(before, dataset(tmp_path, "one"), 2)
    await until(lambda: bool(before.log(asked).points))
    after = await open_trainings()
    record = after.get(asked.id)
    await reached(record, "done")
    assert (record.message, record.kind) == ("", "network")
    assert usable(record)
    await after.close()
    again = await open_trainings()
    assert again.get(asked.id).state == "done"


def test_names_are_recognised_and_nobody_elses() -> None:
    assert network_name("Juggling in the park", "fast", set()) == "juggling-in-the-park-fast"
    assert network_name("舞者 ../..", "tiny", set()) == "舞者-tiny"
    assert network_name("../", "fast", {"scene-fast", "scene-fast-2"}) == "scene-fast-3"
    assert len(network_name("x" * 120, "fast", set())) == 45
