"""The user guide's nginx example, run by a real nginx: HTTPS, a path of its own, Host or not."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from server.settings import Settings
from server.web.certificate import tls_context
from tests.browser.conftest import JUGGLER, Open, Server, wait_live

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "user-guide.md"
Start = Callable[..., Server]
Proxy = Callable[..., str]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """`proxy(server)` is the address of the guide's example before it; further arguments are
    pairs of what is replaced in the example."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
    if nginx is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    tls_context(Settings(host="0.0.0.0", data=tmp_path))  # Writes a certificate.
    port = _free_port()
    running: list[subprocess.Popen[bytes]] = []

    def start(server: Server, *changes: tuple[str, str]) -> str:
        found = re.search(r"```nginx\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
        assert found is not None
        example = found[1]
        for before, after in (
            ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
            ("booth.example", "localhost"),
            ("/etc/ssl/booth.pem", str(tmp_path / "certificate.pem")),
            ("/etc/ssl/booth.key", str(tmp_path / "certificate.key")),
            ("127.0.0.1:8420", f"127.0.0.1:{server.port}"),
            *changes,
        ):
            assert before in example, before
            example = example.replace(before, after)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in kinds)
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/nginx.pid;\ndaemon off;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{example}}}\n"
        )
        command = [nginx, "-p", str(tmp_path), "-e", str(tmp_path / "errors.log")]
        running.append(subprocess.Popen([*command, "-c", str(tmp_path / "nginx.conf")]))
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return f"https://localhost:{port}"
            except OSError:
                assert time.monotonic() < end, (tmp_path / "errors.log").read_text()
                time.sleep(0.1)

    yield start
    for one in running:
        one.terminate()
        one.wait(10)


@pytest.mark.parametrize(
    "changes",
    [
        (),
        pytest.param((("proxy_set_header Host $http_host;", ""),), marks=pytest.mark.slow),
        pytest.param(
            (("proxy_pass http://127.0.0.1:{port};", "proxy_pass http://127.0.0.1:{port}/;"),),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["as in the guide", "Host rewritten", "prefix taken off"],
)
def test_everything_works_below_a_path(
    start_server: Start, open_page: Open, proxy: Proxy, changes: tuple[tuple[str, str], ...]
) -> None:
    flags = ["--prefix=/understudy", "--allowed-hosts=localhost", "--token=a long password"]
    server = start_server(*flags)
    assert server.url.endswith("/understudy/?token=a%20long%20password")
    ported = [(one.format(port=server.port), two.format(port=server.port)) for one, two in changes]
    root = proxy(server, *ported)
    page = open_page(f"{root}/understudy/?token=a%20long%20password", ignore_https_errors=True)
    wait_live(page)
    assert page.url == f"{root}/understudy/"
    expect(page.locator("#no-scripts")).to_have_count(0)
    page.locator("#file").set_input_files(JUGGLER)
    page.locator("#file-import").click()
    page.get_by_role("link", name="Look through it").click(timeout=60_000)
    assert page.url.startswith(f"{root}/understudy/datasets/")
    shown = "document.querySelector('#strip img')?.naturalWidth > 0"
    page.wait_for_function(shown)
    # Those below the window have no address yet.
    broken = "[...document.images].filter((one) => one.src && one.complete && !one.naturalWidth)"
    assert page.evaluate(f"{broken}.length") == 0
    link = page.locator("#formats a").first.get_attribute("href")
    assert page.evaluate("async (url) => (await fetch(url)).status", link) == 200
    page.get_by_role("link", name="Datasets", exact=True).click()
    expect(page.locator(".dataset")).to_have_count(1)
    page.get_by_role("link", name="Capture", exact=True).click()
    wait_live(page)
    expect(page.locator(".performer img")).to_have_count(1)
    assert page.evaluate(f"{broken}.length") == 0


@pytest.mark.slow
def test_where_udp_is_kept_out_the_picture_goes_through_the_proxy(
    start_server: Start, open_page: Open, proxy: Proxy
) -> None:
    """No candidate arrives on either side, as behind a firewall."""
    script = """
      const without = (sdp) => sdp.replace(/a=candidate:[^\\r\\n]*[\\r\\n]+/g, "");
      const set = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
        return set.call(this, { type, sdp: without(sdp) });
      };
      Object.defineProperty(RTCPeerConnection.prototype, "localDescription", {
        get() {
          const { type, sdp } = this.currentLocalDescription ?? this.pendingLocalDescription;
          return { type, sdp: without(sdp) };
        },
      });"""
    root = proxy(start_server("--prefix=/understudy", "--allowed-hosts=localhost"))
    page = open_page(f"{root}/understudy/", script, ignore_https_errors=True)
    expect(page.locator(".toast")).to_contain_text("keeps UDP out", timeout=30_000)
    wait_live(page)


def test_the_path_without_its_slash_leads_there(start_server: Start, open_page: Open) -> None:
    server = start_server("--prefix=/understudy")
    page = open_page(server.url.removesuffix("/"))
    wait_live(page)
    assert page.url == server.url


def test_a_name_that_is_not_known_is_said_where_one_looks(
    start_server: Start, open_page: Open, proxy: Proxy
) -> None:
    server = start_server("--prefix=/understudy")
    root = proxy(server, ("proxy_set_header Host $http_host;", ""))
    page = open_page(f"{root}/understudy/", ignore_https_errors=True)
    expect(page.locator("#stage-sentence")).to_contain_text("--allowed-hosts")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
