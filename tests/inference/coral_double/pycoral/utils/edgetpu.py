"""Stands for Coral's `pycoral.utils.edgetpu` on a machine without an Edge TPU.

An Edge TPU here is the CPU running the uncompiled version of the same network: what comes out is
what the real one gives, and it can be unplugged.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert.interpreter import Interpreter

CONNECTED: list[int] = [0]
"""Indices of the Edge TPUs that are plugged in; tests change it."""

COUNTED = 1
"""How many were there when the program started."""

CPU_VERSION: bytes = b""
"""What really runs, set by the test: the uncompiled network, decoder cut off."""

OPENED: list[tuple[bytes, str | None]] = []
"""The arguments of every `make_interpreter`."""


def list_edge_tpus() -> list[dict[str, str]]:
    return [{"type": "usb", "path": f"/sys/bus/usb/devices/1-{n}"} for n in range(COUNTED)]


def make_interpreter(model: bytes, device: str | None = None) -> _EdgeTpu:
    OPENED.append((model, device))
    index = int((device or ":0").removeprefix(":"))
    if index not in CONNECTED:
        raise ValueError("Failed to load delegate from libedgetpu.so.1\n")
    return _EdgeTpu(index)


class _EdgeTpu:
    def __init__(self, index: int) -> None:
        self._index = index
        self._cpu = Interpreter(model_content=CPU_VERSION, num_threads=1)

    def invoke(self) -> None:
        if self._index not in CONNECTED:
            raise RuntimeError("Failed to execute request. Could not map request parameters.")
        self._cpu.invoke()

    def resize_tensor_input(self, *_: Any) -> None:
        raise RuntimeError("An Edge TPU's input has one size.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cpu, name)
