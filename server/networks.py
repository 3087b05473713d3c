"""The pools of networks: opened off the loop, shared between sessions, closed when unused."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from functools import partial

from inference import zoo
from inference.live_choice import LiveChoice, choose_live, frame_milliseconds
from inference.network import DEFAULT_LONG_SIDE
from inference.pool import NetworkPool
from inference.runtime import list_devices
from server.background import Background
from server.settings import Settings

LONG_SIDES = (257, 321, 385, 481, 641, 961)
"""Long sides of the network's input that a page may choose, pixels (16 k + 1)."""


@dataclass(slots=True)
class _Shared:
    opening: asyncio.Task[NetworkPool]
    users: int = 0


@dataclass(slots=True)
class Lease:
    """One user's right to a pool; give it back with `Networks.release`."""

    pool: NetworkPool
    key: tuple[str, int]


class Networks:
    """One pool for each network and input size in use."""

    def __init__(self, settings: Settings, background: Background) -> None:
        self._settings = settings
        self._background = background
        self._pools: dict[tuple[str, int], _Shared] = {}
        self._choice: LiveChoice | None = None
        self._choosing = threading.Lock()

    @property
    def default_long_side(self) -> int:
        """Pixels, when a page chose none."""
        return self._settings.long_side or DEFAULT_LONG_SIDE

    @property
    def long_sides(self) -> tuple[int, ...]:
        """What a page may choose from, rising."""
        return tuple(sorted({*LONG_SIDES, self.default_long_side}))

    def models(self) -> tuple[str, ...]:
        """Names of the networks that can run here, the default first; reads files.

        Raises:
            ModelError: there is none; the sentence says how to get one.
        """
        edgetpu = any(device.kind == "edgetpu" for device in list_devices())
        first = self._settings.model or self.choice().name
        others = (one.name for one in zoo.available() if edgetpu or not one.edgetpu)
        return tuple(dict.fromkeys([first, *others]))

    def choice(self) -> LiveChoice:
        """The network to begin with where none was asked for, measured once; takes a second.

        Raises:
            ModelError: there is none; the sentence says how to get one.
        """
        with self._choosing:
            edgetpu = self._settings.device.startswith("edgetpu")
            candidates = zoo.accurate_first(edgetpu)
            known = self._choice
            if known is None or known.name not in {model.name for model in candidates}:
                known = self._choice = self._chosen(candidates, edgetpu)
            return known

    def _chosen(self, candidates: list[zoo.ZooModel], edgetpu: bool) -> LiveChoice:
        if edgetpu:  # They are quick enough, and opening one for a moment may take it from others.
            return LiveChoice(candidates[0].name, f"{candidates[0].name} runs on the Edge TPU.")
        measure = partial(
            frame_milliseconds, long_side=self.default_long_side, threads=self._settings.threads
        )
        return choose_live(candidates, measure)

    async def borrow(self, model: str, long_side: int) -> Lease:
        """A pool for this network and size, opened if need be; `UnderstudyError` if it cannot."""
        key = (model, long_side)
        shared = self._pools.get(key)
        if shared is None:
            opening = asyncio.create_task(self._background.run(self._open, model, long_side))
            shared = self._pools[key] = _Shared(opening)
        shared.users += 1
        try:
            return Lease(await asyncio.shield(shared.opening), key)
        except BaseException:
            await self._leave(key, shared)
            raise

    async def release(self, lease: Lease) -> None:
        """The last to leave closes the pool."""
        shared = self._pools.get(lease.key)
        if shared is not None:
            await self._leave(lease.key, shared)

    def _open(self, model: str, long_side: int) -> NetworkPool:
        return NetworkPool.open(
            model,
            device=self._settings.device,
            long_side=long_side,
            workers=self._settings.workers,
            threads=self._settings.threads,
        )

    async def _leave(self, key: tuple[str, int], shared: _Shared) -> None:
        shared.users -= 1
        if shared.users > 0 or self._pools.get(key) is not shared:
            return
        del self._pools[key]
        try:
            pool = await shared.opening
        except Exception:
            return
        await self._background.run(pool.close)
