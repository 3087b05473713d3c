"""Which devices there are and how one gets an interpreter on them."""

import ctypes
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from inference import runtime
from inference.errors import DeviceError, ModelError
from inference.flatbuffer import cut_custom_decoder
from inference.runtime import CPU, Device, list_devices, make_interpreter, parse_device
from tests.inference import tiny_network
from tests.inference.conftest import CPU_FILE, EDGETPU_FILE


def edgetpu_model(models: Path) -> bytes:
    return cut_custom_decoder((models / EDGETPU_FILE).read_bytes())


def test_without_corals_libraries_there_is_only_the_cpu(no_edgetpu: None) -> None:
    assert list_devices() == [CPU]
    assert parse_device("auto") == [CPU]
    assert parse_device(" CPU ") == [CPU]


@pytest.mark.parametrize("text", ["edgetpu", "edgetpu:0", "edgetpu:0,1"])
def test_a_missing_library_is_named(no_edgetpu: None, text: str) -> None:
    with pytest.raises(DeviceError, match=r"libedgetpu.*not installed.*device cpu\.$"):
        parse_device(text)


def test_a_library_without_a_device_says_plug_it_in(libedgetpu: Any) -> None:
    libedgetpu(0)
    assert list_devices() == [CPU]
    with pytest.raises(DeviceError, match="No Edge TPU was found: plug it in"):
        parse_device("edgetpu")


def test_edge_tpus_are_counted_by_libedgetpu(libedgetpu: Any) -> None:
    library = libedgetpu(2)
    first, second = Device("edgetpu", 0), Device("edgetpu", 1)
    assert list_devices() == [first, second, CPU]
    assert library.freed == [4096]
    assert parse_device("edgetpu") == [first, second]
    assert parse_device("edgetpu:1") == [second]
    assert parse_device("EdgeTPU:1, 0,1") == [second, first]
    assert [str(device) for device in list_devices()] == ["edgetpu:0", "edgetpu:1", "cpu"]


def test_an_edge_tpu_too_many_is_refused(libedgetpu: Any) -> None:
    libedgetpu(2)
    with pytest.raises(DeviceError, match="no edgetpu:2: only edgetpu:0 to edgetpu:1 are"):
        parse_device("edgetpu:0,2")
    libedgetpu(1)
    with pytest.raises(DeviceError, match="no edgetpu:1: only edgetpu:0 is"):
        parse_device("edgetpu:1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu",
        "cpu:0",
        "auto:1",
        "edgetpu:",
        "edgetpu:a",
        "edgetpu:-1",
        "edgetpu:0,",
        "edgetpu:²",
    ],
)
def test_other_words_are_refused(no_edgetpu: None, text: str) -> None:
    with pytest.raises(DeviceError, match="use auto, cpu, edgetpu"):
        parse_device(text)


def test_the_coral_reef_package_is_not_taken_for_corals(coral_reefs: None) -> None:
    assert runtime._coral_edgetpu() is None
    assert "pycoral" not in sys.modules


def test_corals_package_is_recognised(coral: ModuleType) -> None:
    assert runtime._coral_edgetpu() is coral


def test_corals_package_without_its_native_library_is_passed_over(
    coral: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> ModuleType:
        raise ImportError("libedgetpu.so.1: cannot open shared object file")

    monkeypatch.setattr(runtime.importlib, "import_module", broken)
    assert runtime._coral_edgetpu() is None


def test_edge_tpus_are_counted_by_pycoral(two_edgetpus: ModuleType) -> None:
    assert parse_device("auto") == [Device("edgetpu", 0), Device("edgetpu", 1), CPU]


def test_pycoral_gets_the_cut_model_and_the_device(two_edgetpus: ModuleType, models: Path) -> None:
    model = edgetpu_model(models)
    make_interpreter(model, Device("edgetpu", 1), threads=1).allocate_tensors()
    assert two_edgetpus.OPENED[-1] == (model, ":1")


def test_an_edge_tpu_that_does_not_open_says_so(two_edgetpus: ModuleType, models: Path) -> None:
    two_edgetpus.CONNECTED.remove(1)
    with pytest.raises(DeviceError, match=r"edgetpu:1 could not be opened \(Failed to load.*plug"):
        make_interpreter(edgetpu_model(models), Device("edgetpu", 1), threads=1)


def test_without_pycoral_the_delegate_is_loaded(
    libedgetpu: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libedgetpu(2)
    litert = SimpleNamespace(
        load_delegate=lambda library, options: (library, options),
        Interpreter=lambda **arguments: arguments,
    )
    monkeypatch.setattr(runtime, "_runtime", lambda: litert)
    monkeypatch.setattr(sys, "platform", "linux")
    made = make_interpreter(edgetpu_model(models), Device("edgetpu", 1), threads=1)
    assert made["experimental_delegates"] == [("libedgetpu.so.1", {"device": ":1"})]
    assert made["model_content"] == edgetpu_model(models)


def test_a_delegate_that_fails_is_a_sentence(
    libedgetpu: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libedgetpu(1)

    def failing(library: str, options: dict[str, str]) -> None:
        raise ValueError(f"Failed to load delegate from {library}\n")

    monkeypatch.setattr(runtime, "_runtime", lambda: SimpleNamespace(load_delegate=failing))
    with pytest.raises(DeviceError, match=r"edgetpu:0 could not be opened"):
        make_interpreter(edgetpu_model(models), Device("edgetpu", 0), threads=1)


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("linux", "libedgetpu.so.1"),
        ("darwin", "libedgetpu.1.dylib"),
        ("win32", "edgetpu.dll"),
    ],
)
def test_the_library_has_a_name_on_every_system(
    monkeypatch: pytest.MonkeyPatch, platform: str, name: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", asked.append)
    runtime._libedgetpu()
    assert asked == [name]


def test_an_edgetpu_model_does_not_run_on_the_cpu(models: Path) -> None:
    with pytest.raises(ModelError, match="compiled for an Edge TPU and cannot run on the CPU"):
        make_interpreter(edgetpu_model(models), CPU, threads=1)


def test_a_cpu_model_works_on_the_cpu_only(two_edgetpus: ModuleType, models: Path) -> None:
    model = cut_custom_decoder((models / CPU_FILE).read_bytes())
    with pytest.raises(ModelError, match="works on the CPU only"):
        make_interpreter(model, Device("edgetpu", 0), threads=1)


def test_tflite_runtime_is_used_where_litert_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    older = ModuleType("tflite_runtime.interpreter")
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", older)
    assert runtime._runtime.__wrapped__() is older
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(DeviceError, match=r"pip install -r requirements\.txt"):
        runtime._runtime.__wrapped__()


def test_a_truncated_file_is_called_damaged() -> None:
    model = tiny_network.build()
    make_interpreter(model, CPU, threads=1).allocate_tensors()
    for length in range(8, len(model), 97):
        with pytest.raises(ModelError, match="damaged"):
            make_interpreter(model[:length], CPU, threads=1)
