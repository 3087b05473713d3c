"""Devices and interpreters: TFLite on the CPU or on Coral's Edge TPUs.

On the CPU `ai_edge_litert` runs the network (with XNNPACK), else `tflite_runtime`. On an Edge TPU
Coral's `pycoral.utils.edgetpu` does where it is installed, else the same runtime with the
`libedgetpu` delegate. The PyPI package called `pycoral` is about coral reefs and is left alone.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from inference.errors import DeviceError, ModelError
from inference.flatbuffer import EDGETPU_OPERATOR, custom_operators

HELP_PAGE = "docs/edge-tpu.md"


@dataclass(frozen=True, slots=True)
class Device:
    """Something a network can run on."""

    kind: Literal["cpu", "edgetpu"]
    index: int | None = None
    """Which Edge TPU, from 0, in the order the driver lists them; None for the CPU."""

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"


CPU = Device("cpu")


def list_devices() -> list[Device]:
    """Every device there is, the fastest first: Edge TPUs, then the CPU."""
    return [*(Device("edgetpu", index) for index in range(_edgetpu_count())), CPU]


def parse_device(text: str) -> list[Device]:
    """Devices for "auto" (all there are), "cpu", "edgetpu" (all of them) or "edgetpu:0,1".

    Raises:
        DeviceError: the text is none of these, or an Edge TPU it asks for is not there.
    """
    kind, colon, numbers = text.strip().lower().partition(":")
    if kind == "cpu" and not colon:
        return [CPU]
    if kind == "auto" and not colon:
        return list_devices()
    indices = numbers.split(",") if colon else []
    if kind != "edgetpu" or not all(n.strip().isascii() and n.strip().isdigit() for n in indices):
        raise DeviceError(
            f"There is no device called {text!r}: use auto, cpu, edgetpu, or edgetpu:0,1."
        )
    count = _edgetpu_count()
    if not count:
        raise DeviceError(_why_no_edgetpu())
    wanted = list(dict.fromkeys(int(number) for number in indices)) or list(range(count))
    missing = [index for index in wanted if index >= count]
    if missing:
        there = "only edgetpu:0 is" if count == 1 else f"only edgetpu:0 to edgetpu:{count - 1} are"
        raise DeviceError(f"There is no edgetpu:{missing[0]}: {there} connected.")
    return [Device("edgetpu", index) for index in wanted]


def is_edgetpu_model(model: bytes) -> bool:
    """Whether a TFLite file was compiled for the Edge TPU, and runs nowhere else."""
    return EDGETPU_OPERATOR in custom_operators(model)


def make_interpreter(model: bytes, device: Device, threads: int) -> Any:
    """Return a TFLite interpreter of `model`, tensors not yet allocated.

    Args:
        model: the TFLite file's bytes, known operators only (decoder cut off).
        device: where it is to run.
        threads: CPU threads it may use; an Edge TPU ignores it.

    Raises:
        ModelError: the file is damaged, or made for the other kind of device.
        DeviceError: the device or its library is missing.
    """
    compiled = is_edgetpu_model(model)
    if compiled and device.kind == "cpu":
        raise ModelError(
            "This network is compiled for an Edge TPU and cannot run on the CPU: "
            "take the file without _edgetpu in its name."
        )
    if device.kind == "edgetpu":
        if not compiled:
            raise ModelError(
                "This network works on the CPU only: for an Edge TPU take one whose file name "
                "ends in _edgetpu.tflite, or choose the device cpu."
            )
        return _make_edgetpu_interpreter(model, device)
    try:
        return _runtime().Interpreter(model_content=model, num_threads=threads)
    except (ValueError, RuntimeError) as error:
        raise ModelError("The TFLite file is damaged or cut short: fetch it again.") from error


def _make_edgetpu_interpreter(model: bytes, device: Device) -> Any:
    name = f":{device.index}"
    pycoral = _coral_edgetpu()
    try:
        if pycoral is not None:
            return pycoral.make_interpreter(model, device=name)
        if _libedgetpu() is None:
            raise DeviceError(_why_no_edgetpu())
        runtime = _runtime()
        delegate = runtime.load_delegate(_libedgetpu_name(), {"device": name})
        return runtime.Interpreter(model_content=model, experimental_delegates=[delegate])
    except (ValueError, RuntimeError, OSError) as error:
        raise DeviceError(
            f"The Edge TPU {device} could not be opened ({_first_line(error)}): plug it in again, "
            f"and see that no other program holds it."
        ) from error


@functools.cache
def _runtime() -> ModuleType:
    """The module with `Interpreter` and `load_delegate`."""
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise DeviceError(
        "No TFLite runtime is installed: run `pip install -r requirements.txt`, "
        "which brings ai-edge-litert."
    )


def _coral_edgetpu() -> ModuleType | None:
    """Coral's `pycoral.utils.edgetpu`; None when it, or its native library, is not there.

    Decided by looking at the package's files first, so that the coral-reef package of the same
    name is not even imported.
    """
    spec = importlib.util.find_spec("pycoral")
    folders: Sequence[str] = (spec and spec.submodule_search_locations) or ()
    if not any((Path(folder) / "utils" / "edgetpu.py").is_file() for folder in folders):
        return None
    try:
        return importlib.import_module("pycoral.utils.edgetpu")
    except (ImportError, OSError):
        return None


def _edgetpu_count() -> int:
    """How many Edge TPUs are connected, as Coral's library counts them."""
    pycoral = _coral_edgetpu()
    if pycoral is not None:
        return len(pycoral.list_edge_tpus())
    library = _libedgetpu()
    if library is None:
        return 0
    # edgetpu_c.h: struct edgetpu_device* edgetpu_list_devices(size_t* num_devices)
    library.edgetpu_list_devices.restype = ctypes.c_void_p
    library.edgetpu_free_devices.argtypes = [ctypes.c_void_p]
    count = ctypes.c_size_t(0)
    devices = library.edgetpu_list_devices(ctypes.byref(count))
    if devices:
        library.edgetpu_free_devices(devices)
    return count.value


def _libedgetpu_name() -> str:
    """File name of Coral's library on this operating system."""
    return {"darwin": "libedgetpu.1.dylib", "win32": "edgetpu.dll"}.get(
        sys.platform, "libedgetpu.so.1"
    )


def _libedgetpu() -> Any | None:
    """Coral's native library; None when it is not installed."""
    try:
        return ctypes.CDLL(_libedgetpu_name())
    except OSError:
        return None


def _why_no_edgetpu() -> str:
    if _coral_edgetpu() is None and _libedgetpu() is None:
        return (
            f"The Edge TPU's library ({_libedgetpu_name()}) is not installed: "
            f"{HELP_PAGE} says how, or choose the device cpu."
        )
    return (
        "No Edge TPU was found: plug it in (again), or choose the device cpu; "
        f"{HELP_PAGE} says what else to check."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
