"""Doubles of Coral's libraries: this project had no Edge TPU to test on."""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from inference import runtime
from inference.flatbuffer import cut_custom_decoder

HERE = Path(__file__).parent
EDGETPU_FILE = "bodypix_mobilenet_v1_075_640_480_16_quant_decoder_edgetpu.tflite"
CPU_FILE = "bodypix_mobilenet_v1_075_640_480_16_quant_decoder.tflite"


class FakeLibedgetpu:
    """`libedgetpu.so.1` with as many Edge TPUs as the test wants."""

    class _Function:
        restype: Any = None
        argtypes: Any = None

        def __init__(self, run: Any) -> None:
            self._run = run

        def __call__(self, *arguments: Any) -> Any:
            return self._run(*arguments)

    def __init__(self, count: int) -> None:
        self.freed: list[int] = []
        self.edgetpu_list_devices = self._Function(self._list)
        self.edgetpu_free_devices = self._Function(self.freed.append)
        self._count = count

    def _list(self, count: Any) -> int | None:
        count._obj.value = self._count
        return 4096 if self._count else None


def _forget_pycoral() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pycoral"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def no_edgetpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Coral's libraries."""

    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.setattr(runtime, "_coral_edgetpu", lambda: None)


@pytest.fixture
def libedgetpu(monkeypatch: pytest.MonkeyPatch, no_edgetpu: None) -> Any:
    """`libedgetpu(count)` installs the native library with so many Edge TPUs, and no pycoral."""

    def install(count: int) -> FakeLibedgetpu:
        library = FakeLibedgetpu(count)
        monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
        return library

    return install


@pytest.fixture
def coral_reefs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine where somebody ran `pip install pycoral`."""
    _forget_pycoral()
    monkeypatch.syspath_prepend(str(HERE / "reef_double"))
    yield
    _forget_pycoral()


@pytest.fixture
def coral(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A machine with Coral's pycoral; the module says what is plugged in."""
    _forget_pycoral()
    monkeypatch.syspath_prepend(str(HERE / "coral_double"))
    yield importlib.import_module("pycoral.utils.edgetpu")
    _forget_pycoral()


@pytest.fixture
def two_edgetpus(coral: ModuleType, models: Path) -> ModuleType:
    """Two Edge TPUs that run `EDGETPU_FILE`."""
    coral.CPU_VERSION = cut_custom_decoder((models / CPU_FILE).read_bytes())
    coral.CONNECTED[:] = [0, 1]
    coral.COUNTED = 2
    return coral
