"""A whole server in this process: a free port, real networks, a temporary data folder."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from server.app import build
from server.settings import Settings
from tests.server.browser import read_clip

Serve = Callable[..., contextlib.AbstractAsyncContextManager[TestClient]]


@pytest.fixture
def serve(tmp_path: Path, models: Path) -> Serve:
    """`async with serve(max_sessions=1) as http:` is a running server."""

    @contextlib.asynccontextmanager
    async def serve(**changes: Any) -> AsyncIterator[TestClient]:
        settings = Settings(**{"data": tmp_path / "data", "disk_floor_bytes": 1, **changes})
        settings.data.mkdir(exist_ok=True)
        http = TestClient(TestServer(build(settings)))
        await http.start_server()
        try:
            yield http
        finally:
            await http.close()

    return serve


@pytest.fixture(scope="session")
def booth(videos: Path) -> list[np.ndarray]:
    """One person signing in front of a camera, 640x480, I420."""
    return read_clip(sorted((videos / "booth").glob("*.mkv"))[0], limit=60)


@pytest.fixture(scope="session")
def booth_small(booth: list[np.ndarray]) -> list[np.ndarray]:
    """The same at 320x240: cheap, for tests about connections rather than pictures."""
    import cv2

    rgb = [cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420) for frame in booth[:30]]
    small = [cv2.resize(frame, (320, 240), interpolation=cv2.INTER_AREA) for frame in rgb]
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420) for frame in small]
