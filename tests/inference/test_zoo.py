"""The zoo on Coral's real files, and downloads from a server of our own that misbehaves."""

import errno
import hashlib
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inference import published, zoo
from inference.errors import ModelError
from tests.inference import tiny_network

NAME = "bodypix-075"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(folder))
    return folder


def test_the_pinned_checksums_are_those_of_corals_files(models: Path) -> None:
    for model in zoo.MODELS:
        content = (models / model.file_name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == model.sha256
        assert len(content) == model.size
        assert model.edgetpu == model.file_name.endswith("_edgetpu.tflite")
        assert model.published.url.endswith(f"/{model.file_name}")
        assert model.published.url.startswith("https://")


def test_names_are_unique_and_described() -> None:
    assert len({model.name for model in zoo.MODELS}) == len(zoo.MODELS)
    assert len({model.file_name for model in zoo.MODELS}) == len(zoo.MODELS)
    assert all(model.title and "\n" not in model.description for model in zoo.MODELS)
    assert all(("Edge TPU" in model.description) == model.edgetpu for model in zoo.MODELS)


def test_networks_that_are_here_are_found_by_name(models: Path) -> None:
    assert {model.name for model in zoo.available()} >= {model.name for model in zoo.MODELS}
    for model in zoo.MODELS:
        assert zoo.find_model(model.name) == models / model.file_name
        assert zoo.name_of(models / model.file_name) == model.name


def test_the_most_accurate_is_the_default(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert zoo.default_model().name == "understudy-default"
    assert set(zoo.ACCURATE_FIRST) <= {state.model.name for state in zoo.list_models()}
    monkeypatch.setattr(zoo, "BUILT_IN_FOLDER", models / "nowhere")
    assert zoo.default_model().name == NAME
    assert zoo.default_model(edgetpu=True).name == "bodypix-075-640-edgetpu"


def test_ours_serves_until_bodypix_is_fetched(
    folder: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "BUILT_IN_FOLDER", tmp_path)
    (tmp_path / "student.tflite").write_bytes(tiny_network.build())
    (tmp_path / "student_edgetpu.tflite").write_bytes(tiny_network.build())
    assert zoo.default_model().name == "student"
    assert zoo.default_model(edgetpu=True).name == "student_edgetpu"
    folder.mkdir(exist_ok=True)
    shutil.copy(models / zoo.MODELS[0].file_name, folder)
    assert zoo.default_model().name == zoo.MODELS[0].name
    assert zoo.available()[0].name == "student"
    assert zoo.find_known("student") == tmp_path / "student.tflite"
    assert zoo.fetch("student") == tmp_path / "student.tflite"
    edgetpu = tmp_path / "student_edgetpu.tflite"
    assert zoo.cpu_counterpart(edgetpu) == tmp_path / "student.tflite"


def test_without_networks_one_is_told_how_to_get_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "BUILT_IN_FOLDER", tmp_path / "nowhere")
    assert zoo.available() == []
    assert [state.path for state in zoo.list_models()] == [None] * len(zoo.MODELS)
    fetch = rf"run `python run\.py models fetch {NAME}`"
    with pytest.raises(
        ModelError, match=rf"no network with parts here yet: {fetch}.*UNDERSTUDY_MODELS"
    ):
        zoo.default_model()
    with pytest.raises(ModelError, match=rf"{NAME} is not here yet: {fetch}"):
        zoo.find_model(NAME)


def test_a_pose_network_is_no_default(
    folder: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "BUILT_IN_FOLDER", tmp_path / "nowhere")
    folder.mkdir()
    shutil.copy(models / zoo.MODELS[-1].file_name, folder)
    assert [model.name for model in zoo.available()] == ["posenet-075"]
    with pytest.raises(ModelError, match="no network with parts here yet"):
        zoo.default_model()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../kept/secret.tflite",
        "/etc/passwd",
        "secret.tflite",
        "bodypix-075/../secret.tflite",
        "BODYPIX-075",
        "bodypix_mobilenet_v1_075_720_1280_16_quant.tflite",
        "bodypix-075\x00.tflite",
    ],
)
def test_names_from_outside_are_names_and_never_paths(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / "secret.tflite").write_bytes(tiny_network.build())
    with pytest.raises(ModelError, match="There is no network called"):
        zoo.find_known(name)
    with pytest.raises(ModelError, match="There is no network called"):
        zoo.fetch(name)


def test_a_path_finds_any_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    with pytest.raises(ModelError, match=r"no network file .*mine\.tflite"):
        zoo.find_model(str(path))
    path.write_bytes(tiny_network.build())
    assert zoo.find_model(str(path)) == path
    assert zoo.name_of(path) == "mine"


def test_a_damaged_file_is_reported_and_not_used(folder: Path, models: Path) -> None:
    folder.mkdir()
    path = folder / zoo.MODELS[0].file_name
    shutil.copyfile(models / path.name, path)
    assert zoo.find_known(NAME) == path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert NAME not in [model.name for model in zoo.available()]
    (state,) = [state for state in zoo.list_models() if state.model.name == NAME]
    assert state.problem is not None
    for find in (zoo.find_known, zoo.find_model):
        with pytest.raises(ModelError, match=r"is damaged.*`python run\.py models fetch body"):
            find(NAME)


def test_the_cpu_counterpart_is_the_name_without_edgetpu(folder: Path, models: Path) -> None:
    compiled = {model.name: models / model.file_name for model in zoo.MODELS if model.edgetpu}
    assert all(zoo.cpu_counterpart(path) is None for path in compiled.values())
    assert zoo.cpu_counterpart(models / zoo.MODELS[0].file_name) is None


def test_counterparts_of_the_zoo_are_in_the_zoo(models: Path) -> None:
    for model in zoo.MODELS:
        if model.edgetpu:
            counterpart = zoo.cpu_counterpart(models / model.file_name)
            assert counterpart == models / model.file_name.replace("_edgetpu", "")


def test_the_counterpart_of_an_unknown_file_lies_beside_it(folder: Path, tmp_path: Path) -> None:
    compiled = tmp_path / "mine_edgetpu.tflite"
    assert zoo.cpu_counterpart(compiled) is None
    (tmp_path / "mine.tflite").write_bytes(b"")
    assert zoo.cpu_counterpart(compiled) == tmp_path / "mine.tflite"


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "{0}/understudy/models"),
        ("linux", None, "{home}/.cache/understudy/models"),
        ("darwin", None, "{home}/Library/Caches/understudy/models"),
        ("win32", "LOCALAPPDATA", "{0}/understudy/models"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    platform: str,
    variable: str | None,
    expected: str,
) -> None:
    for name in ("UNDERSTUDY_MODELS", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    wanted = expected.format(tmp_path, home=tmp_path / "home")
    assert published.models_folder() == Path(wanted)


# Downloads


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes, int | None, int], None]]:
    """`home(body, announced_length, status)`: what the public home of the file answers."""
    answer: dict[str, object] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer["body"]
            assert isinstance(body, bytes)
            self.send_response(answer["status"])  # type: ignore[arg-type]
            self.send_header("Content-Length", str(answer["length"] or len(body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(zoo, "MODELS", tuple(replace(m, home=address) for m in zoo.MODELS))

    def serve(body: bytes, length: int | None = None, status: int = 200) -> None:
        answer.update(body=body, length=length, status=status)

    yield serve
    server.shutdown()
    thread.join()
    server.server_close()


Home = Callable[..., None]


@pytest.fixture
def content(models: Path) -> bytes:
    return (models / zoo.MODELS[0].file_name).read_bytes()


def test_a_network_is_fetched_with_progress(home: Home, folder: Path, content: bytes) -> None:
    home(content)
    seen: list[tuple[int, int]] = []
    path = zoo.fetch(NAME, lambda received, total: seen.append((received, total)))
    assert path == folder / zoo.MODELS[0].file_name
    assert path.read_bytes() == content
    assert list(folder.iterdir()) == [path]
    assert seen == sorted(seen)
    assert seen[-1] == (len(content), len(content))
    assert zoo.find_known(NAME) == path
    home(b"", status=500)
    assert zoo.fetch(NAME) == path, "what is here and sound is not fetched again"


def test_a_damaged_file_is_replaced(home: Home, folder: Path, content: bytes) -> None:
    folder.mkdir()
    path = folder / zoo.MODELS[0].file_name
    path.write_bytes(content[:1000])
    home(content)
    assert zoo.fetch(NAME) == path
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda content: b"\x00" + content[1:], "not the file we know"),
        (lambda content: content + b"\x00" * 10_000_000, "not the file we know"),
        (lambda content: b"<html>Please log in to the hotel's Wi-Fi</html>", "broke off"),
    ],
)
def test_a_wrong_file_is_thrown_away(
    home: Home, folder: Path, content: bytes, change: Callable[[bytes], bytes], sentence: str
) -> None:
    home(change(content))
    seen: list[int] = []
    with pytest.raises(ModelError, match=sentence):
        zoo.fetch(NAME, lambda received, total: seen.append(received))
    assert list(folder.iterdir()) == []
    assert max(seen) <= len(content)


def test_a_connection_that_breaks_off_is_told(home: Home, folder: Path, content: bytes) -> None:
    home(content[:500_000], length=len(content))
    with pytest.raises(ModelError, match=r"cannot be reached \(the connection broke off\)"):
        zoo.fetch(NAME)
    assert list(folder.iterdir()) == []


def test_a_home_that_has_lost_the_file_is_told(home: Home, folder: Path) -> None:
    home(b"", status=404)
    with pytest.raises(ModelError, match=r"cannot be reached \(Not Found\): check the connection"):
        zoo.fetch(NAME)
    assert list(folder.iterdir()) == []


def test_no_way_to_the_internet_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr(zoo, "MODELS", (replace(zoo.MODELS[0], home=address),))
        with pytest.raises(ModelError, match=r"cannot be reached .*put the file into .*kept"):
            zoo.fetch(NAME)


def test_a_full_disk_is_told(
    home: Home, folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    home(content)
    opened = Path.open

    class FullDisk:
        def __init__(self, path: Path) -> None:
            self._file = opened(path, "xb")

        def __enter__(self) -> "FullDisk":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk(path))
    with pytest.raises(ModelError, match=r"cannot be written to .*kept \(the disk is full\)"):
        zoo.fetch(NAME)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(ModelError, match=r"cannot be written to .*set UNDERSTUDY_MODELS"):
        zoo.fetch(NAME)


def test_a_network_of_ones_own_is_forgotten_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_NETWORKS", str(tmp_path))
    for name in ("mine.tflite", "mine.json", "mine_edgetpu.tflite", "mine-2.tflite"):
        (tmp_path / name).write_bytes(b"network")
    (tmp_path / "understudy-fast.tflite").write_bytes(b"shadowed")
    assert zoo.own_names() == ["mine-2", "mine", "mine_edgetpu"]
    zoo.forget("mine")
    zoo.forget("never-there")
    assert zoo.own_names() == ["mine-2"]
    assert "understudy-fast" in zoo.reserved_names()
