"""Datasets of real clips, captured once, for all tests of motion transfer."""

from pathlib import Path

import pytest

from capture.importer import ImportOptions, import_video
from inference.pool import NetworkPool
from transfer.target.target import Target

DATA = Path(__file__).parents[1] / "data"


def _captured(clip: str, folder: Path) -> Path:
    pool = NetworkPool.open("bodypix-075", "cpu")
    import_video(DATA / clip, folder, pool, ImportOptions())
    pool.close()
    return folder


@pytest.fixture(scope="session")
def juggler(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the juggler, 120 pairs of 640x480: the target."""
    return _captured("juggler_480.mp4", tmp_path_factory.mktemp("juggler") / "juggler")


@pytest.fixture(scope="session")
def dancer(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the dancer in dark clothes, 288x288: the source."""
    return _captured("dancer_c_288.mp4", tmp_path_factory.mktemp("dancer") / "dancer")


@pytest.fixture(scope="module")
def target(juggler: Path) -> Target:
    """The juggler as the one to be shown."""
    return Target.open(juggler)
