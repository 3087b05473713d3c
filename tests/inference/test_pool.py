"""Lending networks: fairness, order, bounds, and devices that go away."""

import shutil
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from inference.arrays import Rgb
from inference.errors import DeviceError, ModelError
from inference.network import Network
from inference.pool import NetworkPool
from inference.runtime import CPU, Device
from tests.inference import tiny_network
from tests.inference.conftest import CPU_FILE, EDGETPU_FILE


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_network.build())
    return path


@pytest.fixture
def pool(tiny_file: Path) -> Iterator[NetworkPool]:
    pool = NetworkPool.open(str(tiny_file), "cpu", long_side=65, workers=2, threads=1)
    yield pool
    pool.close()


@pytest.fixture
def alone(tiny_file: Path) -> Iterator[NetworkPool]:
    """A pool of one network."""
    pool = NetworkPool.open(str(tiny_file), "cpu", long_side=65, workers=1, threads=1)
    yield pool
    pool.close()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def clip(frames: int) -> Iterator[Rgb]:
    random = np.random.default_rng(0)
    for _ in range(frames):
        yield random.integers(0, 256, (49, 65, 3), dtype=np.uint8)


def started(target: object, *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
    thread.start()
    return thread


def wait_for_waiters(pool: NetworkPool, count: int) -> None:
    deadline = time.monotonic() + 5
    while len(pool._waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_results_come_in_the_order_of_the_frames(pool: NetworkPool) -> None:
    random = np.random.default_rng(1)

    def look(network: Network, frame: Rgb) -> np.ndarray:
        time.sleep(float(random.uniform(0, 0.003)))
        return network.infer(frame)[0].heatmaps.values

    found = list(pool.map(look, clip(60)))
    assert len(found) == 60
    for values, frame in zip(found, clip(60), strict=True):
        np.testing.assert_allclose(values, tiny_network.expected(frame, 0, 17, 8), atol=1e-4)


def test_both_networks_work_at_the_same_time(pool: NetworkPool) -> None:
    together = threading.Barrier(2, timeout=5)
    used = set()

    def meet(network: Network, item: int) -> int:
        together.wait()
        used.add(id(network))
        return item

    assert list(pool.map(meet, range(6))) == list(range(6))
    assert len(used) == 2


def test_no_more_frames_are_read_than_are_needed_soon(pool: NetworkPool) -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = pool.map(lambda network, item: item, endless())
    for expected in range(1, 40):
        assert next(results) == expected
        assert taken - expected <= 4
    results.close()
    assert taken <= 44


def test_nothing_runs_before_the_first_result_is_asked_for(pool: NetworkPool) -> None:
    def never() -> Iterator[int]:
        raise AssertionError("read too early")
        yield 0

    pool.map(lambda network, item: item, never())


@pytest.mark.parametrize("bad", [0, 3, 9])
def test_an_exception_comes_out_in_its_place_and_stops_the_workers(
    pool: NetworkPool, bad: int
) -> None:
    def fail(network: Network, item: int) -> int:
        if item == bad:
            raise ZeroDivisionError(item)
        return item

    results = pool.map(fail, range(10))
    assert [next(results) for _ in range(bad)] == list(range(bad))
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(pool._free) == 2


def test_an_exception_of_the_source_comes_out(pool: NetworkPool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the video ends here")

    with pytest.raises(OSError, match="ends here"):
        list(pool.map(lambda network, item: item, broken()))
    assert len(pool._free) == 2


def test_who_waits_longest_is_served_first(alone: NetworkPool) -> None:
    served: list[int] = []

    def one(name: int) -> None:
        with alone.borrow():
            served.append(name)

    with alone.borrow():
        threads = []
        for name in range(6):
            threads.append(started(one, name))
            wait_for_waiters(alone, name + 1)
    for thread in threads:
        thread.join()
    assert served == list(range(6))


def test_two_live_sessions_take_turns(alone: NetworkPool) -> None:
    """Though one of them asks again at once, neither gets two frames in a row."""
    served: list[str] = []
    stop = threading.Event()

    def session(name: str) -> None:
        while not stop.is_set():
            with alone.borrow():
                served.append(name)
                time.sleep(0.002)

    threads = [started(session, name) for name in "ab"]
    while len(served) < 60:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    turns = served[served.index("b") : 60]
    repeats = sum(first == second for first, second in pairwise(turns))
    assert repeats <= 2
    assert abs(turns.count("a") - turns.count("b")) <= 3


def test_closing_sends_everybody_home(alone: NetworkPool) -> None:
    errors: list[str] = []

    def wait() -> None:
        try:
            with alone.borrow():
                errors.append("got a network")
        except DeviceError as error:
            errors.append(str(error))

    with alone.borrow():
        thread = started(wait)
        wait_for_waiters(alone, 1)
        alone.close()
        thread.join(5)
    assert errors == ["The network has been shut down."]
    alone.close()
    with pytest.raises(DeviceError, match="shut down"):
        alone.call(lambda network: None)


def test_the_pool_says_what_it_runs(pool: NetworkPool, tiny_file: Path) -> None:
    assert pool.info.name == "tiny"
    assert pool.info.path == tiny_file
    assert pool.devices == (CPU, CPU)
    assert pool.long_side == 65
    assert pool.notice is None


def test_a_device_error_of_somebody_else_is_not_retried(alone: NetworkPool) -> None:
    calls = 0

    def fail(network: Network) -> None:
        nonlocal calls
        calls += 1
        raise DeviceError("The camera went away.")

    with pytest.raises(DeviceError, match="camera"):
        alone.call(fail)
    assert calls == 1
    assert alone.devices == (CPU,)


# Edge TPUs


@pytest.fixture
def photo(models: Path) -> Rgb:
    return np.ascontiguousarray(cv2.imread(str(models / "test_image.bmp"))[:, :, ::-1])


@pytest.fixture
def edgetpu_folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with one network for the Edge TPU and no CPU version of it."""
    shutil.copy(models / EDGETPU_FILE, tmp_path)
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    return tmp_path


def pose(network: Network, rgb: Rgb) -> np.ndarray:
    return network.infer(rgb)[0].heatmaps.values


def test_every_edge_tpu_gets_a_network(two_edgetpus: ModuleType, edgetpu_folder: Path) -> None:
    pool = NetworkPool.open("bodypix-075-640-edgetpu", "auto", workers=5)
    assert pool.devices == (Device("edgetpu", 0), Device("edgetpu", 1))
    assert pool.notice is None
    one = NetworkPool.open("bodypix-075-640-edgetpu", "edgetpu:1")
    assert one.devices == (Device("edgetpu", 1),)


def test_when_one_edge_tpu_is_unplugged_no_frame_is_lost(
    two_edgetpus: ModuleType, edgetpu_folder: Path, photo: Rgb
) -> None:
    pool = NetworkPool.open("bodypix-075-640-edgetpu", "edgetpu")

    def frames() -> Iterator[Rgb]:
        for index in range(8):
            if index == 3:
                two_edgetpus.CONNECTED.remove(0)
            yield photo

    found = list(pool.map(pose, frames()))
    assert len(found) == 8
    assert all(np.array_equal(values, found[0]) for values in found)
    assert pool.devices == (Device("edgetpu", 1),)
    assert pool.notice is None


def test_when_the_last_is_unplugged_the_cpu_takes_over_and_says_so(
    two_edgetpus: ModuleType, edgetpu_folder: Path, models: Path, photo: Rgb
) -> None:
    shutil.copy(models / CPU_FILE, edgetpu_folder)
    pool = NetworkPool.open("bodypix-075-640-edgetpu", "edgetpu", long_side=257)
    assert pool.info.edgetpu
    two_edgetpus.CONNECTED.clear()
    found = list(pool.map(pose, [photo] * 4))
    assert [values.shape for values in found] == [(13, 17, 17)] * 4
    assert pool.devices == (CPU,)
    assert not pool.info.edgetpu
    expected = "The Edge TPU stopped answering: bodypix-075-640 now runs on the CPU."
    assert pool.notice == expected


def test_when_the_last_is_unplugged_and_nothing_takes_over_everybody_is_told(
    two_edgetpus: ModuleType, edgetpu_folder: Path, photo: Rgb
) -> None:
    pool = NetworkPool.open("bodypix-075-640-edgetpu", "edgetpu:0")
    told: list[str] = []

    def session() -> None:
        try:
            pool.call(lambda network: pose(network, photo))
        except DeviceError as error:
            told.append(str(error))

    with pool.borrow() as network:
        threads = [started(session) for _ in range(3)]
        wait_for_waiters(pool, 3)
        two_edgetpus.CONNECTED.clear()
        with pytest.raises(DeviceError, match="edgetpu:0 stopped answering"):
            network.infer(photo)
    for thread in threads:
        thread.join(5)
    assert len(told) == 3
    assert all(text.startswith("No Edge TPU answers any more: plug it in") for text in told)
    with pytest.raises(DeviceError, match="No Edge TPU answers"):
        list(pool.map(pose, [photo]))
    assert pool.devices == ()


def test_auto_without_an_edge_tpu_takes_the_cpu_version_and_says_so(
    no_edgetpu: None, edgetpu_folder: Path, models: Path
) -> None:
    with pytest.raises(ModelError, match="compiled for an Edge TPU and none was found: plug one"):
        NetworkPool.open("bodypix-075-640-edgetpu")
    shutil.copy(models / CPU_FILE, edgetpu_folder)
    pool = NetworkPool.open("bodypix-075-640-edgetpu", workers=2)
    assert pool.devices == (CPU, CPU)
    assert pool.info.name == "bodypix-075-640"
    assert pool.notice is not None
    assert "bodypix-075-640 runs on the CPU instead of bodypix-075-640-edgetpu" in pool.notice


def test_auto_runs_a_cpu_network_on_the_cpu_though_there_are_edge_tpus(
    two_edgetpus: ModuleType, tiny_file: Path
) -> None:
    pool = NetworkPool.open(str(tiny_file), "auto", workers=2, threads=1)
    assert pool.devices == (CPU, CPU)
    assert pool.notice is None


def test_a_device_that_was_asked_for_is_never_swapped_silently(
    no_edgetpu: None, edgetpu_folder: Path, models: Path, tiny_file: Path
) -> None:
    shutil.copy(models / CPU_FILE, edgetpu_folder)
    with pytest.raises(DeviceError, match=r"libedgetpu.* is not installed"):
        NetworkPool.open("bodypix-075-640-edgetpu", "edgetpu")
    with pytest.raises(ModelError, match="cannot run on the CPU"):
        NetworkPool.open("bodypix-075-640-edgetpu", "cpu")


def test_a_cpu_network_on_an_edge_tpu_is_told_it_works_on_the_cpu_only(
    two_edgetpus: ModuleType, tiny_file: Path
) -> None:
    with pytest.raises(ModelError, match=r"^tiny\.tflite: .* works on the CPU only"):
        NetworkPool.open(str(tiny_file), "edgetpu")
