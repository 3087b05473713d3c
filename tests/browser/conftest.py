"""A real server in a process of its own, and a real Chromium whose camera is a real clip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.chromium import FLAGS, chromium_path
from bench.clip import Clip

RUN = Path(__file__).resolve().parents[2] / "run.py"
LIVE_MS = 20_000
JUGGLER = Path(__file__).resolve().parents[1] / "data" / "juggler_480.mp4"
"""120 frames of a man with a ball, head to feet."""
ID = "20261120-142233-7f3a9c"
"""Of the dataset that is made of it."""

expect.set_options(timeout=20_000)


@dataclass
class Server:
    """`run.py`, started as a person starts it."""

    data: Path
    flags: tuple[str, ...] = ()
    environment: dict[str, str] | None = None
    port: int = 0
    url: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        """Start it; on the same port again when it had one."""
        command = [sys.executable, str(RUN), f"--port={self.port}", f"--data={self.data}"]
        self.process = subprocess.Popen(
            [*command, *self.flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(self.environment or {})},
        )
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            found = re.search(r"is at (https?://\S+:(\d+)/\S*)", line)
            if found:
                self.url, self.port = found[1], int(found[2])
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return self
        raise AssertionError(f"the server did not start: {said}")

    def kill(self) -> None:
        """As `kill -9` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As Ctrl-C does."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def start_server(tmp_path: Path, models: Path) -> Iterator[Callable[..., Server]]:
    """`start_server("--max-sessions=1")` is a running server; all are stopped afterwards."""
    started: list[Server] = []

    def start(*flags: str, **environment: str) -> Server:
        server = Server(tmp_path / f"data{len(started)}", flags, environment).start()
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def captured(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The juggler's dataset, made once by `run.py capture`; to be copied."""
    folder = tmp_path_factory.mktemp("captured") / ID
    # A network that is wrong now and then.
    command = [sys.executable, str(RUN), "capture", str(JUGGLER), f"--out={folder}"]
    subprocess.run([*command, "--model=bodypix-075"], check=True, capture_output=True)
    return folder


@pytest.fixture
def dataset(captured: Path, start_server: Callable[..., Server]) -> tuple[Server, Path]:
    """A server with a copy of it."""
    server = start_server()
    return server, Path(shutil.copytree(captured, server.data / "datasets" / ID))


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a man with a ball, as Chromium wants its camera."""
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    Clip(JUGGLER, (640, 480)).save_y4m(path, 120)
    return path


@pytest.fixture(scope="package")
def chromium(camera_clip: Path) -> Iterator[Browser]:
    """Chromium; the tests that need it are skipped without.

    Playwright keeps an event loop running in this thread: it must be gone before other packages'
    tests run loops of their own.
    """
    path = chromium_path()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            headless=False,
            args=[*FLAGS, f"--use-file-for-fake-video-capture={camera_clip}"],
        )
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """`open_page(url, script="...")` is a page in its own window; errors on it fail the test."""
    contexts = []
    errors: list[str] = []

    def open_page(url: str, script: str = "", **options: Any) -> Page:
        context = chromium.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "bypass_csp": True, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def wait_live(page: Page) -> None:
    """Until masks come back."""
    page.locator("body[data-state=live]").wait_for(timeout=LIVE_MS)
    expect(page.locator("#stage-message")).to_be_hidden(timeout=LIVE_MS)
