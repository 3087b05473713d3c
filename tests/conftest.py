"""What tests may ask for: the larger real data and the networks, where this machine has them."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Where tests run side by side, each has a core: threads that wait for one cost a fifth of the time.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A machine may be slow or busy: `tests/machine.py` is for tests of speed.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: this test needs data that is not in the repository")
    folder = Path(value)
    if not folder.is_dir():
        pytest.fail(f"{variable} names {folder}, which is not a folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_networks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever runs the tests may have fetched or trained networks: the tests must not see them."""
    os.environ["UNDERSTUDY_NETWORKS"] = str(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of larger real data (videos, photos with masks), by `UNDERSTUDY_SHARED`."""
    return _folder("UNDERSTUDY_SHARED")


@pytest.fixture(scope="session")
def videos(shared: Path) -> Path:
    """The folder of real videos."""
    return shared / "data" / "videos"


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of Coral's networks, by `UNDERSTUDY_MODELS`."""
    return _folder("UNDERSTUDY_MODELS")
