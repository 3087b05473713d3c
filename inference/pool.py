"""Several networks behind one door: CPU interpreters, or one network per Edge TPU."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from inference.errors import DeviceError, ModelError, UnderstudyError
from inference.geometry import check_long_side
from inference.network import DEFAULT_LONG_SIDE, Network, NetworkInfo, read_model
from inference.runtime import CPU, HELP_PAGE, Device, is_edgetpu_model, parse_device
from inference.zoo import cpu_counterpart, find_model, name_of

T = TypeVar("T")
R = TypeVar("R")


class NetworkPool:
    """Networks that are lent to one user at a time, first come, first served. Thread-safe.

    A network whose Edge TPU fails is dropped. When the last is gone, the CPU version of the same
    file takes over if it is here, and `notice` says so.
    """

    def __init__(self, networks: list[Network], long_side: int, threads: int) -> None:
        """Use `open`. `networks` must not be empty."""
        self.long_side = long_side
        self.notice: str | None = None
        """One sentence for the person when something else runs than was asked for."""
        self.info: NetworkInfo = networks[0].info
        self._threads = threads
        self._networks = list(networks)
        self._free = deque(networks)
        self._waiting: deque[Future[Network]] = deque()
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        model: str,
        device: str = "auto",
        long_side: int = DEFAULT_LONG_SIDE,
        workers: int = 1,
        threads: int = 2,
    ) -> NetworkPool:
        """Open a network on the devices asked for.

        Args:
            model: a name in the zoo or a path to a `.tflite` file.
            device: "auto" (what the file was made for), "cpu", "edgetpu" or "edgetpu:0,1".
            long_side: longer side of the network's input in pixels, where it is free.
            workers: how many networks to hold on the CPU; Edge TPUs hold one each.
            threads: CPU threads for each network.

        Raises:
            ModelError: `long_side` is absurd, or the file is missing, damaged, not BodyPix-like, or
                for another device.
            DeviceError: a device that was asked for is not there or cannot be opened.
        """
        check_long_side(long_side)
        path = find_model(model)
        devices = parse_device(device)
        notice = None
        if device.strip().lower() == "auto":
            path, devices, notice = _best_for(path, devices)
        if devices == [CPU]:
            devices = [CPU] * workers
        networks = [Network.open(path, each, long_side, threads) for each in devices]
        pool = cls(networks, long_side, threads)
        pool.notice = notice
        return pool

    @property
    def devices(self) -> tuple[Device, ...]:
        """Where the networks run, one entry each."""
        with self._lock:
            return tuple(network.device for network in self._networks)

    @contextmanager
    def borrow(self) -> Iterator[Network]:
        """Wait for a free network and have it to oneself.

        A network that failed meanwhile (`network.failed`) is dropped when it is handed back; the
        DeviceError goes to the borrower. `call` is the same with retries.

        Raises:
            DeviceError: no network is left, or the pool was closed.
        """
        network = self._take()
        try:
            yield network
        finally:
            self._give_back(network)

    def call(self, function: Callable[[Network], R]) -> R:
        """Run `function` with a network; when its device fails, once more with another one.

        Raises:
            DeviceError: no network is left, or the pool was closed; and whatever `function` raises.
        """
        while True:
            with self.borrow() as network:
                try:
                    return function(network)
                except DeviceError:
                    if not network.failed:
                        raise

    def map(self, function: Callable[[Network, T], R], items: Iterable[T]) -> Iterator[R]:
        """Run `function` over `items` on all networks; results come in the order of the items.

        At most two items per network are taken ahead of the result being waited for. `items` is
        read in the caller's thread. An exception of `function` or `items` comes out here, and it,
        `close()` of the generator, or its end stop the workers before returning.
        """
        workers = max(1, len(self.devices))
        pending: deque[Future[R]] = deque()
        executor = ThreadPoolExecutor(workers, thread_name_prefix="network")

        def run(item: T) -> R:
            return self.call(lambda network: function(network, item))

        try:
            for item in items:
                pending.append(executor.submit(run, item))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Let go of the networks; those waiting for one get a DeviceError. May be called twice."""
        with self._lock:
            self._closed = True
            self._free.clear()
            self._networks.clear()
            self._refuse_waiting()

    def _take(self) -> Network:
        ticket: Future[Network] = Future()
        with self._lock:
            if self._closed or not self._networks:
                raise self._nothing_left()
            self._waiting.append(ticket)
            self._hand_out()
        return ticket.result()

    def _give_back(self, network: Network) -> None:
        """To the one who has waited longest, or into the dustbin when its device has failed."""
        with self._lock:
            if self._closed:
                return
            if network.failed:
                self._networks.remove(network)
                if not self._networks:
                    self._fall_back(network)
            else:
                self._free.append(network)
            self._hand_out()
            if not self._networks:
                self._refuse_waiting()

    def _hand_out(self) -> None:
        while self._free and self._waiting:
            self._waiting.popleft().set_result(self._free.popleft())

    def _refuse_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft().set_exception(self._nothing_left())

    def _nothing_left(self) -> DeviceError:
        if self._closed:
            return DeviceError("The network has been shut down.")
        return DeviceError(
            "No Edge TPU answers any more: plug it in again and restart, or choose the device cpu."
        )

    def _fall_back(self, failed: Network) -> None:
        """Put the CPU version of the same network in the place of the last Edge TPU."""
        path = cpu_counterpart(failed.info.path)
        if path is None:
            return
        try:
            network = Network.open(path, CPU, self.long_side, self._threads)
        except UnderstudyError:
            return
        self.notice = f"The Edge TPU stopped answering: {network.info.name} now runs on the CPU."
        self.info = network.info
        self._networks.append(network)
        self._free.append(network)


def _best_for(path: Path, devices: list[Device]) -> tuple[Path, list[Device], str | None]:
    """The file to run, those of the devices it was made for, and a notice when it is another file.

    Raises:
        ModelError: the file needs an Edge TPU, there is none, and no CPU version is here.
    """
    compiled = is_edgetpu_model(read_model(path))
    fitting = [each for each in devices if (each.kind == "edgetpu") == compiled]
    if fitting:
        return path, fitting, None
    counterpart = cpu_counterpart(path)
    if counterpart is None:
        raise ModelError(
            f"{name_of(path)} is compiled for an Edge TPU and none was found: plug one in "
            f"({HELP_PAGE}), or take a network for the CPU."
        )
    notice = (
        f"No Edge TPU was found: {name_of(counterpart)} runs on the CPU instead of {name_of(path)}."
    )
    return counterpart, [CPU], notice
