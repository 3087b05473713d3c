"""The networks we know: names, checksums, where to fetch them, where they are kept.

Coral's files are fetched on request from their public home, checked against a pinned SHA-256 and
kept in a folder of the user's; they are never part of this repository. Networks of our own lie in
`inference/models/`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelError
from inference.published import PublishedFile, cache_folder, fetch_file, problem_with

BUILT_IN_FOLDER = Path(__file__).parent / "models"
"""Networks that come with the program."""

_BODYPIX_HOME = "https://raw.githubusercontent.com/google-coral/project-bodypix/master/models"
_POSENET_HOME = "https://raw.githubusercontent.com/google-coral/test_data/master/posenet"
RUN_FILE = "student.tflite"
"""What `run.py distill` writes into a run's folder."""


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A network that has a name."""

    name: str
    file_name: str
    title: str
    description: str
    edgetpu: bool = False
    """Runs on an Edge TPU, and only there."""
    parts: bool = True
    """Knows body parts; False for a pose-only network."""
    any_size: bool = True
    """Takes pictures of any size; False when its input has one size."""
    sha256: str | None = None
    """Pinned checksum; None for a network that comes with the program."""
    size: int | None = None
    """Bytes; None for a network that comes with the program."""
    home: str | None = None
    """Address of the public folder that holds the file; None when it comes with the program."""

    @property
    def published(self) -> PublishedFile:
        """The file at its public home."""
        assert self.sha256 is not None
        assert self.size is not None
        return PublishedFile(
            self.file_name, f"{self.home}/{self.file_name}", self.sha256, self.size
        )


@dataclass(frozen=True, slots=True)
class ModelState:
    """A known network and whether it can be used here."""

    model: ZooModel
    path: Path | None
    """Its file; None when it has to be fetched first."""
    problem: str | None = None
    """Why the file that is there must not be used."""


MODELS: tuple[ZooModel, ...] = (
    ZooModel(
        name="bodypix-075",
        file_name="bodypix_mobilenet_v1_075_720_1280_16_quant.tflite",
        title="BodyPix 0.75",
        description="24 parts; any input size; CPU; the most accurate of Coral's",
        sha256="6abaed4ad9080cafd327d0f03fd23f0c46d4409b75b6e23abde9a35582067696",
        size=1500824,
        home=_BODYPIX_HOME,
    ),
    ZooModel(
        name="bodypix-075-per-tensor",
        file_name="bodypix_mobilenet_v1_075_1280_720_16_per_tensor_quant.tflite",
        title="BodyPix 0.75, per-tensor",
        description="24 parts; any input size; CPU; as fast as bodypix-075, less accurate",
        sha256="bcf69959093769a0ba694c189da14f46fd0fb5b22a59c7797a4be05bcc703010",
        size=1327968,
        home=_BODYPIX_HOME,
    ),
    ZooModel(
        name="bodypix-075-512",
        file_name="bodypix_mobilenet_v1_075_512_512_16_quant_decoder.tflite",
        title="BodyPix 0.75, from 512x512",
        description="24 parts; any input size; CPU; quantised for square pictures",
        sha256="34088972832456de787c4f6913be717827a5685b91d9fd492b4aea2992add6de",
        size=1501376,
        home=_BODYPIX_HOME,
    ),
    ZooModel(
        name="bodypix-075-640",
        file_name="bodypix_mobilenet_v1_075_640_480_16_quant_decoder.tflite",
        title="BodyPix 0.75, from 640x480",
        description="24 parts; any input size; CPU; what bodypix-075-640-edgetpu was made from",
        sha256="0665ce6cee6e726bc9e9b2f2b4114c0749e005967f52546b9c5c68ab4aec71fe",
        size=1501376,
        home=_BODYPIX_HOME,
    ),
    ZooModel(
        name="bodypix-075-640-edgetpu",
        file_name="bodypix_mobilenet_v1_075_640_480_16_quant_decoder_edgetpu.tflite",
        title="BodyPix 0.75 for the Edge TPU, 640x480",
        description="24 parts; input 640x480; needs an Edge TPU; the faster of the two there",
        edgetpu=True,
        any_size=False,
        sha256="8f4cec1c41d849e446faf523caa8c0c014a51ae7f02ac9d2783cf5904657ed59",
        size=1775352,
        home=_BODYPIX_HOME,
    ),
    ZooModel(
        name="bodypix-075-720-edgetpu",
        file_name="bodypix_mobilenet_v1_075_1280_720_16_per_tensor_quant_edgetpu.tflite",
        title="BodyPix 0.75 for the Edge TPU, 1280x720",
        description="24 parts; input 1280x720; needs an Edge TPU; about three times the work",
        edgetpu=True,
        any_size=False,
        sha256="a19f20f6fa8367fdd7b8f8fc509b69971b9c68a052bcbe41245419eca5dfc156",
        size=2262184,
        home=_BODYPIX_HOME,
    ),
    ZooModel(
        name="posenet-075",
        file_name="posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite",
        title="PoseNet 0.75",
        description="key points only, no parts; any input size; CPU",
        parts=False,
        sha256="db1b5e8d7d6a5030bf1880346b81a52ac3a95682db8bff5d5d7b2f97712c93e2",
        size=1475200,
        home=_POSENET_HOME,
    ),
)
"""Coral's networks (Apache-2.0), the preferred one first."""
ACCURATE_FIRST = (
    "understudy-default", *(model.name for model in MODELS), "understudy-fast", "understudy-tiny",
)  # fmt: skip
"""By `run.py evaluate-model` (docs/model-card.md); those distilled here come after them."""


def own_folder() -> Path:
    """Where networks are kept that were distilled here: `UNDERSTUDY_NETWORKS`, else beside the
    fetched ones in the user's cache folder."""
    chosen = os.environ.get("UNDERSTUDY_NETWORKS")
    return Path(chosen).expanduser() if chosen else cache_folder() / "networks"


def reserved_names() -> set[str]:
    """Names that no network distilled here may have."""
    built_in = {path.stem for path in _files_in(BUILT_IN_FOLDER)}
    return built_in | {model.name for model in MODELS}


def own_names() -> list[str]:
    """Names of the networks that were distilled here."""
    taken = reserved_names()
    return [path.stem for path in _files_in(own_folder()) if path.stem not in taken]


def forget(name: str) -> None:
    """Delete a network that was distilled here; who has it open goes on with it.

    Raises:
        OSError: the disk refuses.
    """
    for ending in (".tflite", ".json", "_edgetpu.tflite"):
        (own_folder() / f"{name}{ending}").unlink(missing_ok=True)


def list_models() -> list[ModelState]:
    """Every known network, ours first, then those distilled here, and whether each can be used."""
    built_in = [ModelState(_built_in(path), path) for path in _files_in(BUILT_IN_FOLDER)]
    own = [own_folder() / f"{name}.tflite" for name in own_names()]
    return (
        built_in
        + [ModelState(_distilled(path), path) for path in own]
        + [_state(model) for model in MODELS]
    )


def available() -> list[ZooModel]:
    """The known networks whose files are here and undamaged, ours first."""
    return [state.model for state in list_models() if state.path and not state.problem]


def find_known(name: str) -> Path:
    """File of the network with this name, and nothing else: for names that come from outside.

    Raises:
        ModelError: there is no such network, or its file is missing or damaged.
    """
    for state in list_models():
        if state.model.name != name:
            continue
        if state.problem:
            raise ModelError(state.problem)
        if state.path is None:
            raise ModelError(
                f"The network {name} is not here yet: run `python run.py models fetch {name}`, "
                f"or set UNDERSTUDY_MODELS to the folder that holds {state.model.file_name}."
            )
        return state.path
    names = ", ".join(state.model.name for state in list_models())
    raise ModelError(f"There is no network called {name!r}: the known ones are {names}.")


def find_model(name_or_path: str) -> Path:
    """File of a network, by its name, by a path to any BodyPix-like `.tflite`, or by a run.

    Only for what the person at the command line wrote; `find_known` is for everybody else.

    Raises:
        ModelError: there is no such network or file, or a known file is damaged.
    """
    path = Path(name_or_path).expanduser()
    if (path / RUN_FILE).is_file():
        return path / RUN_FILE
    if not name_or_path.endswith(".tflite"):
        return find_known(name_or_path)
    if not path.is_file():
        raise ModelError(f"There is no network file {path}: `python run.py models` lists names.")
    return path


def accurate_first(edgetpu: bool = False) -> list[ZooModel]:
    """The networks with parts that are here, for the CPU or for an Edge TPU, the most accurate
    first; at least one.

    Raises:
        ModelError: there is none here yet; the sentence says how to get one.
    """
    fit = [model for model in available() if model.parts and model.edgetpu == edgetpu]
    if fit:
        ranks = {name: rank for rank, name in enumerate(ACCURATE_FIRST)}
        return sorted(fit, key=lambda model: ranks.get(model.name, len(ranks)))
    wanted = next(model for model in MODELS if model.edgetpu == edgetpu)
    raise ModelError(
        f"There is no network with parts here yet: run `python run.py models fetch {wanted.name}`, "
        f"or set UNDERSTUDY_MODELS to a folder that holds one."
    )


def quicker_than(name: str) -> str | None:
    """The next quicker network of those that come with the program; None where there is none.

    A network that is not among `ACCURATE_FIRST` counts as the slowest.
    """
    later = ACCURATE_FIRST.index(name) + 1 if name in ACCURATE_FIRST else 1
    ours = (one for one in ACCURATE_FIRST[later:] if one.startswith("understudy-"))
    return next(ours, None)


def default_model(edgetpu: bool = False) -> ZooModel:
    """The network to use when none was chosen and time is no matter; `accurate_first`'s errors."""
    return accurate_first(edgetpu)[0]


def name_of(path: Path) -> str:
    """A known file's name in the zoo, else the file name without its ending."""
    known = {model.file_name: model.name for model in MODELS}
    return known.get(path.name, path.stem)


def cpu_counterpart(path: Path) -> Path | None:
    """The CPU version of an `_edgetpu` file, beside it or in the zoo; None when it is not here."""
    if not path.stem.endswith("_edgetpu"):
        return None
    file_name = path.stem.removesuffix("_edgetpu") + ".tflite"
    for state in list_models():
        if state.model.file_name == file_name:
            return None if state.problem else state.path
    sibling = path.with_name(file_name)
    return sibling if sibling.is_file() else None


def fetch(name: str, progress: Callable[[int, int], None] | None = None) -> Path:
    """Download a known network into `models_folder()`; one that is there and sound is kept.

    Args:
        name: its name in the zoo.
        progress: called with bytes received and bytes in all.

    Raises:
        ModelError: no such network, no way to the Internet, a wrong file, no room on the disk.
    """
    model = next((model for model in MODELS if model.name == name), None)
    if model is None:
        return find_known(name)
    state = _state(model)
    if state.path and not state.problem:
        return state.path
    return fetch_file(model.published, progress)


def _files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tflite"))


def _built_in(path: Path) -> ZooModel:
    edgetpu = path.stem.endswith("_edgetpu")
    title = path.stem.replace("-", " ").capitalize()
    about = "24 parts; comes with the program"
    return ZooModel(path.stem, path.name, title, about, edgetpu=edgetpu, any_size=False)


def _distilled(path: Path) -> ZooModel:
    edgetpu = path.stem.endswith("_edgetpu")
    about = "24 parts; distilled here"
    return ZooModel(path.stem, path.name, path.stem, about, edgetpu=edgetpu, any_size=False)


def _state(model: ZooModel) -> ModelState:
    path = model.published.path
    if not path.exists():
        return ModelState(model, None)
    problem = problem_with(model.published)
    if problem is None:
        return ModelState(model, path)
    return ModelState(model, path, f"{problem}: run `python run.py models fetch {model.name}`.")
