"""Subprocess jobs: progress, order, failure, cancelling, shutdown."""

import asyncio
import time

import psutil
import pytest

from server.errors import Refused
from server.work.jobs import Job, Jobs
from tests.server.waiting import until

COUNT = """
import json, sys, time
for n in range(1, 6):
    print(json.dumps({"done": n, "total": 5}), flush=True)
    time.sleep(%s)
"""
# It begins once it is bounded: its start and its bounds are two steps, on a busy machine far apart.
EATS_MEMORY = """
import resource, time
while resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
    time.sleep(0.01)
x = bytearray(8_000_000_000)
"""
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('x'); time.sleep(60)"
)


class Outcomes(list):
    async def __call__(self, job, state):
        self.append((job.id, state))


@pytest.fixture
async def jobs():
    jobs = Jobs(memory_bytes=4_000_000_000)
    yield jobs
    await jobs.close()


def job(code: str, finished, **more) -> Job:
    return Job("import", "clip.mp4", "20261120-142233-7f3a9c", ["-c", code], finished, **more)


async def over(job: Job) -> None:
    await until(lambda: job.over, 15, "the end of the job")


async def test_progress_time_left_and_the_end(jobs):
    outcomes = Outcomes()
    one = jobs.add(job(COUNT % 0.1, outcomes))
    assert one.as_json()["state"] == "waiting"
    await until(lambda: one.done >= 2)
    now = one.as_json()
    assert now["state"] == "running"
    assert now["total"] == 5
    assert 0 < now["seconds_left"] < 5
    await over(one)
    assert (one.state, one.done) == ("done", 5)
    assert outcomes == [(one.id, "done")]


async def test_what_was_odd_is_kept_when_it_is_done(jobs):
    code = """
import json
print(json.dumps({"note": "Damaged frames were left out: 3."}))
print(json.dumps({"done": 5, "total": 5}))
print(json.dumps({"note": ["no text"]}))
print('{"note": ' + "[" * 9000)
"""
    one = jobs.add(job(code, Outcomes()))
    await over(one)
    assert one.state == "done"
    assert one.as_json()["notes"] == ["Damaged frames were left out: 3.", "['no text']"]


async def test_one_at_a_time_in_order(jobs):
    outcomes = Outcomes()
    made = [jobs.add(job("import time; time.sleep(0.05)", outcomes)) for _ in range(3)]
    await asyncio.sleep(0.02)
    assert [one.state for one in made][1:] == ["waiting", "waiting"]
    await over(made[-1])
    assert [name for name, _ in outcomes] == [one.id for one in made]
    assert [one.id for one in jobs.all()] == [one.id for one in made][::-1]


async def test_a_failed_job_says_its_last_sentence(jobs):
    code = "import sys; print('Traceback', file=sys.stderr); sys.exit('This is not a video.')"
    one = jobs.add(job(code, Outcomes()))
    await over(one)
    assert (one.state, one.message) == ("failed", "This is not a video.")


async def test_what_is_no_progress_is_ignored(jobs):
    code = "print('hello'); print('[1]'); print('{}'); print('x' * 200000); print('{\"done\": 3}')"
    one = jobs.add(job(code, Outcomes()))
    await over(one)
    assert (one.state, one.done, one.total) == ("done", 3, None)


async def test_cancelling_stops_the_process_and_the_next_one_runs(jobs):
    first = jobs.add(job(COUNT % 30, Outcomes()))
    second = jobs.add(job("pass", Outcomes()))
    await until(lambda: first.done >= 1)
    pid = first.process.pid
    jobs.cancel(first)
    await over(first)
    await over(second)
    assert (first.state, second.state) == ("cancelled", "done")
    assert not psutil.pid_exists(pid)


async def test_a_waiting_job_can_be_cancelled_before_it_begins(jobs):
    first = jobs.add(job("import time; time.sleep(0.3)", Outcomes()))
    outcomes = Outcomes()
    second = jobs.add(job("raise SystemExit(1)", outcomes))
    jobs.cancel(second)
    await over(second)
    assert first.state == "done"
    assert outcomes == [(second.id, "cancelled")]


async def test_jobs_are_niced_and_bounded(jobs):
    one = jobs.add(job("import time; time.sleep(5)", Outcomes()))
    await until(lambda: one.process is not None)
    await asyncio.sleep(0.1)
    process = psutil.Process(one.process.pid)
    assert process.nice() >= 10
    assert process.rlimit(psutil.RLIMIT_AS) == (4_000_000_000, 4_000_000_000)


async def test_a_job_that_eats_memory_ends_itself_not_the_server(jobs):
    one = jobs.add(job(EATS_MEMORY, Outcomes()))
    await over(one)
    assert one.state == "failed"
    assert "MemoryError" in one.message


async def test_shutdown_kills_even_what_does_not_listen():
    jobs = Jobs(memory_bytes=4_000_000_000)
    one = jobs.add(job(IGNORES_SIGTERM, Outcomes()))
    await until(lambda: one.process is not None)
    pid = one.process.pid
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await jobs.close()
    assert time.monotonic() - began < 6
    assert not psutil.pid_exists(pid)


async def test_an_unknown_job_is_not_found(jobs):
    with pytest.raises(Refused):
        jobs.get("nothing")
