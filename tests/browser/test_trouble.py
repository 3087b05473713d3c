"""What goes wrong in a browser, and the sentence that is then where the person is looking."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from capture.dataset import Dataset, list_datasets
from tests.browser.conftest import JUGGLER, Open, Server, wait_live
from tests.capture.clips import pictures, write_video

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
Start = Callable[..., Server]
DECODED = "document.getElementById('live').getVideoPlaybackQuality().totalVideoFrames"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NotAllowedError", "The camera is blocked"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "Another program is using the camera"),
    ],
)
def test_no_camera(start_server: Start, open_page: Open, name: str, sentence: str) -> None:
    """The browser's refusals are played by a double: there is no real camera to refuse here."""
    script = f"""navigator.mediaDevices.getUserMedia = async () => {{
        throw new DOMException("refused", "{name}"); }};"""
    page = open_page(start_server().url, script)
    expect(page.locator("#stage-sentence")).to_contain_text(sentence)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("button", name="Use a video file")).to_be_visible()
    expect(page.locator("#record")).to_be_disabled()


def test_a_remembered_camera_that_is_gone_is_replaced(start_server: Start, open_page: Open) -> None:
    page = open_page(
        start_server().url,
        'localStorage.setItem("understudy", JSON.stringify({camera: "gone"}));',
    )
    wait_live(page)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("delete window.RTCPeerConnection;", "cannot do video calls"),
        (
            "Object.defineProperty(window, 'isSecureContext', {value: false});",
            "This page is not secure",
        ),
    ],
)
def test_a_browser_that_cannot(
    start_server: Start, open_page: Open, script: str, sentence: str
) -> None:
    page = open_page(start_server().url, script)
    expect(page.locator("#stage-sentence")).to_contain_text(sentence)


@pytest.mark.slow
def test_media_that_cannot_be_reached(start_server: Start, open_page: Open) -> None:
    """No candidate of the server's arrives, as behind a firewall: a sentence within ten seconds."""
    script = """
      const set = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function (answer) {
        const sdp = answer.sdp.replace(/a=candidate:[^\\r\\n]*[\\r\\n]+/g, "");
        return set.call(this, { type: answer.type, sdp });
      };
      const Socket = window.WebSocket;
      window.WebSocket = class extends Socket { constructor() { super("ws://127.0.0.1:9/"); } };
      Object.defineProperty(RTCPeerConnection.prototype, "localDescription", {
        get() {
          const one = this.currentLocalDescription ?? this.pendingLocalDescription;
          return { type: one.type, sdp: one.sdp.replace(/a=candidate:[^\\r\\n]*[\\r\\n]+/g, "") };
        },
      });"""
    page = open_page(start_server().url, script)
    expect(page.locator("#stage-sentence")).to_contain_text("No way was found", timeout=16_000)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize("address", ["", pytest.param("datasets", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "missing",
    [
        "**/static/js/*",
        pytest.param("**/static/js/api.js", marks=pytest.mark.slow),
        pytest.param("**/static/**", marks=pytest.mark.slow),
    ],
)
def test_scripts_that_do_not_load_are_said(
    start_server: Start, chromium: Browser, address: str, missing: str
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    page.route(missing, lambda route: route.abort())
    page.goto(start_server().url + address)
    expect(page.locator("#no-scripts")).to_be_visible(timeout=8_000)
    expect(page.locator("#no-scripts")).to_contain_text("scripts did not load")
    context.close()


def test_nothing_is_said_of_scripts_that_load_slowly(start_server: Start, open_page: Open) -> None:
    page = open_page(start_server().url)
    wait_live(page)
    expect(page.locator("#no-scripts")).to_have_count(0)
    page.goto(page.url + "nowhere")
    page.wait_for_timeout(5_500)
    expect(page.locator("#no-scripts")).to_have_count(0)


def test_a_call_that_the_browser_refuses_to_set_up(start_server: Start, open_page: Open) -> None:
    script = """window.RTCPeerConnection = class {
        constructor() { throw new SyntaxError("stun:[::1 is not a valid URL"); } };"""
    page = open_page(start_server().url, script)
    expect(page.locator("#stage-sentence")).to_contain_text("could not set up the call: stun:[::1")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_a_camera_that_fails_in_a_new_way(start_server: Start, open_page: Open) -> None:
    script = "navigator.mediaDevices.enumerateDevices = async () => { throw new Error('Oh.'); };"
    page = open_page(start_server().url, script)
    expect(page.locator("#stage-sentence")).to_contain_text("The camera could not be used: Oh.")


def test_site_data_that_are_blocked_stop_nothing(start_server: Start, open_page: Open) -> None:
    script = """Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("denied", "SecurityError"); } });"""
    page = open_page(start_server().url, script)
    wait_live(page)
    page.locator("#theme-toggle").click()
    page.keyboard.press("s")
    expect(page.locator("#figures")).to_be_visible()


def test_addresses_that_the_browser_hides(start_server: Start, open_page: Open) -> None:
    """Only names that nobody resolves, and that no more come: as Firefox without a camera."""
    script = """
      Object.defineProperty(RTCPeerConnection.prototype, "localDescription", {
        get() {
          const { type, sdp } = this.currentLocalDescription ?? this.pendingLocalDescription;
          const name = "5d1f9c1e-3a6d-4f0c-9d5e-5f0ed0d1a111.local";
          const hidden = sdp
            .replace(/(a=candidate:\\S+ \\d+ \\S+ \\d+ )\\S+( \\d+ typ host)/g, `$1${name}$2`)
            .replace(/(a=mid:0\\r\\n)/, "$1a=end-of-candidates\\r\\n");
          return { type, sdp: hidden };
        },
      });"""
    wait_live(open_page(start_server().url, script))


def test_no_capture_stream(start_server: Start, open_page: Open) -> None:
    page = open_page(start_server().url, "delete HTMLMediaElement.prototype.captureStream;")
    wait_live(page)
    page.locator("#file").set_input_files(JUGGLER)
    page.locator("#file-play").click()
    expect(page.locator(".toast")).to_contain_text("Import it instead")


def test_what_is_not_a_video_is_refused_in_a_sentence(
    start_server: Start, open_page: Open, tmp_path: Path
) -> None:
    fake = tmp_path / "holiday.mp4"
    fake.write_bytes(b"This is no video." * 1000)
    page = open_page(start_server().url)
    page.locator("#file").set_input_files(fake)
    page.locator("#file-import").click()
    expect(page.locator(".job-sentence")).to_contain_text("is not a video")


def _record(page: Page) -> None:
    wait_live(page)
    page.locator("#high-quality").uncheck()
    page.keyboard.press("r")
    expect(page.locator("body")).to_have_attribute("data-recording", "recording")
    page.wait_for_timeout(2000)


def test_a_tab_closed_in_mid_recording_keeps_what_was_recorded(
    start_server: Start, open_page: Open
) -> None:
    server = start_server()
    page = open_page(server.url)
    _record(page)
    page.close(run_before_unload=True)
    other = open_page(server.url + "datasets")
    expect(other.locator(".dataset")).to_have_count(1)
    # At once where the page's last word arrives, else when nobody has come back for 30 s.
    end = time.monotonic() + 90
    while True:
        [dataset] = list_datasets(server.data / "datasets")
        if dataset.manifest.state == "complete":
            break
        assert time.monotonic() < end, dataset.manifest.state
        other.wait_for_timeout(200)
    assert dataset.count > 20


@pytest.mark.slow
def test_a_server_killed_while_recording_loses_nothing_and_the_page_comes_back(
    start_server: Start, open_page: Open
) -> None:
    server = start_server()
    page = open_page(server.url)
    _record(page)
    server.kill()
    [folder] = [path for path in (server.data / "datasets").iterdir() if path.is_dir()]
    assert json.loads((folder / "dataset.json").read_text())["state"] == "recording"
    expect(page.locator("body")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("#stage-note")).to_contain_text("Connecting again")
    server.start()
    wait_live(page)
    dataset = Dataset.open(folder)
    assert dataset.manifest.state == "complete"
    assert dataset.count == len(dataset.pairs) > 20
    for pair in dataset.pairs:
        assert dataset.frame(pair.index).shape[:2] == dataset.labels(pair.index).shape


def test_network_gone_for_five_seconds(start_server: Start, open_page: Open) -> None:
    """The server's process stands still: seen from the page, the network is gone, then back."""
    server = start_server()
    page = open_page(server.url)
    wait_live(page)
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    page.wait_for_timeout(5000)
    server.process.send_signal(signal.SIGCONT)
    page.wait_for_timeout(3000)
    wait_live(page)
    before = page.evaluate(
        "document.getElementById('live').getVideoPlaybackQuality().totalVideoFrames"
    )
    page.wait_for_timeout(1500)
    after = page.evaluate(
        "document.getElementById('live').getVideoPlaybackQuality().totalVideoFrames"
    )
    assert after - before > 15


def test_a_film_that_was_cut_off_is_said_and_stays_with_the_dataset(
    start_server: Start, open_page: Open, tmp_path: Path
) -> None:
    film = write_video(
        tmp_path / "take.mp4",
        pictures(40),
        options={"b": "2M"},
        container_options={"movflags": "faststart"},
    )
    film.write_bytes(film.read_bytes()[: film.stat().st_size * 6 // 10])
    page = open_page(start_server().url + "datasets")
    page.locator("#file").set_input_files(film)
    sentence = page.locator(".job-sentence")
    expect(sentence).to_contain_text("take.mp4 was cut off", timeout=60_000)
    page.get_by_role("link", name="Look through it").click()
    expect(page.locator("#notes")).to_contain_text("take.mp4 was cut off")
