"""The perform page in a real Chromium: sources, raised hands, fitting, place and size."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from inference.analyzer import Analyzer
from inference.arrays import Rgb
from inference.pool import NetworkPool
from server.live.gesture import hands_are_up
from tests.browser.conftest import Open, Server
from tests.browser.test_capture_page import DECODED
from tests.browser.test_performers import ID, dancer
from tests.machine import slowness
from tests.transfer.output.test_live_sound import loud
from transfer.output.pictures_out import Mp4Out

__all__ = ["dancer"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
Start = Callable[..., Server]
OTHER = "20261120-142233-7f3a9c"
SOON = 60_000
"""Milliseconds: other things may run on this machine."""
SIZE = "document.getElementById('self').videoWidth"


@pytest.fixture(scope="module")
def stills(videos: Path, models: Path) -> dict[bool, Rgb]:
    """A real dancer with the hands up (True) and not."""
    pool = NetworkPool.open("bodypix-075", "cpu")
    analyzer, found = Analyzer(pool), {}
    with av.open(str(videos / "dancer_d.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            rgb = cv2.resize(frame.to_ndarray(format="rgb24"), (640, 360), cv2.INTER_AREA)
            rgb = np.ascontiguousarray(rgb, np.uint8)
            person = analyzer.analyse(rgb, number / 30).person if number % 3 == 0 else None
            if person is not None:
                found.setdefault(hands_are_up(person.keypoints), rgb)
            if len(found) == 2:
                break
    pool.close()
    return found


def clip(path: Path, pictures: list[Rgb]) -> Path:
    with Mp4Out(path, 30.0) as out:
        for number, rgb in enumerate(pictures):
            out.write(rgb, number / 30)
    return path


@pytest.fixture
def stage(dancer: Path, start_server: Start, open_page: Open) -> Page:
    """The page, live, showing the dancer; two datasets are there."""
    server = start_server()
    for one in (ID, OTHER):
        shutil.copytree(dancer, server.data / "datasets" / one)
    page = open_page(f"{server.url}perform?as=as:{ID}")
    page.locator("body[data-state=live]").wait_for(timeout=SOON)
    expect(page.locator("#fit-offer")).to_be_visible(timeout=SOON)
    page.locator("#fit-skip").click()
    expect(page.locator("#fit-offer")).to_be_hidden()
    return page


def dances(page: Page, file: Path) -> None:
    page.locator("#file").set_input_files(file)
    page.locator("#file-play").click()


def test_anybody_may_dance_and_the_picture_never_pauses(
    stage: Page, stills: dict[bool, Rgb], tmp_path: Path
) -> None:
    stage.evaluate(
        """() => {
          window.gaps = []; let before = performance.now();
          const live = document.getElementById("live");
          const seen = (now) => {
            window.gaps.push(now - before); before = now; live.requestVideoFrameCallback(seen);
          };
          live.requestVideoFrameCallback(seen);
        }"""
    )
    stage.locator("#source").select_option(f"recording:{OTHER}")
    stage.wait_for_function(f"{SIZE} === 288", timeout=SOON)
    stage.wait_for_timeout(3000)
    dances(stage, clip(tmp_path / "still.mp4", [stills[False]] * 30))
    stage.wait_for_function(f"{SIZE} === 640", timeout=SOON)
    expect(stage.locator("#source")).to_have_value("file")
    stage.wait_for_timeout(2000)
    stage.locator("#source").select_option(index=0)
    stage.wait_for_function(
        "document.getElementById('source').value.startsWith('camera:')", timeout=SOON
    )
    frames = stage.evaluate(DECODED)
    stage.wait_for_function(
        "before => document.getElementById('live')"
        ".getVideoPlaybackQuality().totalVideoFrames - before > 10",
        arg=frames,
        timeout=SOON,
    )
    assert stage.evaluate("Math.max(...window.gaps)") < 3000 * slowness()
    assert stage.locator("body").get_attribute("data-state") == "live"
    expect(stage.locator(".toast-bad")).to_have_count(0)

    (tmp_path / "no.mp4").write_bytes(b"not a video")
    dances(stage, tmp_path / "no.mp4")
    expect(stage.locator(".toast-bad")).to_contain_text("cannot be played")
    assert stage.locator("#source").input_value().startswith("camera:")


def test_hands_up_keep_the_moment_once_and_only_when_wanted(
    stage: Page, stills: dict[bool, Rgb], tmp_path: Path
) -> None:
    raised = [stills[60 <= number < 150] for number in range(180)]
    dances(stage, clip(tmp_path / "hands.mp4", raised))
    expect(stage.locator("#flash")).to_contain_text("Kept", timeout=SOON)
    expect(stage.locator("#results .film")).to_have_count(1)
    stage.wait_for_timeout(7000)  # The hands went up again: too soon for another.
    expect(stage.locator("#results .film")).to_have_count(1)
    stage.locator("#gesture").uncheck()
    stage.wait_for_timeout(12_000)
    expect(stage.locator("#hands")).to_be_hidden()
    expect(stage.locator("#results .film")).to_have_count(1)


def test_who_stands_still_is_fitted_and_the_place_is_remembered(
    stage: Page, stills: dict[bool, Rgb], tmp_path: Path
) -> None:
    dances(stage, clip(tmp_path / "still.mp4", [stills[False]] * 30))
    stage.wait_for_timeout(1500)
    stage.locator("#fit").click()
    expect(stage.locator("#countdown")).to_have_text("3")
    expect(stage.locator("#flash")).to_contain_text("Stand still", timeout=SOON)
    expect(stage.locator("#flash")).to_contain_text("Fitted", timeout=SOON)
    stage.locator("#place-x").fill("25")
    stage.locator("#place-scale").fill("70")
    expect(stage.locator("#place-x-value")).to_have_text("25 % right")
    stage.locator(".body-card").nth(0 if _chosen(stage) else 1).click()
    expect(stage.locator("#place-scale")).to_have_value("100")
    stage.reload()
    stage.locator(f".body-card[data-name='as:{ID}']").click()
    expect(stage.locator("#place-x")).to_have_value("25")
    expect(stage.locator("#place-scale")).to_have_value("70")
    stage.locator("#place-reset").click()
    expect(stage.locator("#place-scale")).to_have_value("100")


FLASHING = """
(() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext("2d");
  const dancer = new Image();
  dancer.src = "data:image/jpeg;base64,DANCER";
  let sound = null, volume = null, before = false;
  window.asked = 0;
  setInterval(() => {
    if (dancer.complete) context.drawImage(dancer, 0, 0);
    const on = performance.now() % 1500 < 300;
    context.fillStyle = on ? "#fff" : "#000";
    context.fillRect(0, 0, 640, 40);
    if (sound && on !== before) volume.gain.setValueAtTime(on ? 0.5 : 0, sound.currentTime);
    before = on;
  }, 33);
  navigator.mediaDevices.getUserMedia = async ({ video }) => {
    if (video) return canvas.captureStream(30);
    window.asked += 1;
    if (window.refuse) throw new DOMException("no", "NotAllowedError");
    sound = new AudioContext();
    const tone = new OscillatorNode(sound, { frequency: 1000 });
    volume = new GainNode(sound, { gain: 0 });
    const end = new MediaStreamAudioDestinationNode(sound, { channelCount: 1 });
    tone.connect(volume).connect(end);
    tone.start();
    return end.stream;
  };
})();
"""
"""A camera that flashes, and a microphone that hears a beep with every flash."""


def test_a_film_has_the_microphones_sound_in_time_if_it_is_wanted(
    dancer: Path, start_server: Start, open_page: Open, stills: dict[bool, Rgb]
) -> None:
    server = start_server()
    shutil.copytree(dancer, server.data / "datasets" / ID)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(stills[False], cv2.COLOR_RGB2BGR))
    script = FLASHING.replace("DANCER", base64.b64encode(jpeg.tobytes()).decode())
    page = open_page(f"{server.url}perform", script=script)
    page.locator("body[data-state=live]").wait_for(timeout=SOON)
    expect(page.locator("#moment")).to_be_enabled(timeout=SOON)
    page.locator("#beside").check()
    page.evaluate("window.refuse = true")
    page.locator("#sound").click()
    expect(page.locator(".toast-bad")).to_contain_text("microphone is blocked")
    expect(page.locator("#sound")).not_to_be_checked()
    silent = _filmed(page, server, 1)
    with av.open(str(silent)) as container:
        assert not container.streams.audio

    page.evaluate("window.refuse = false")
    assert page.evaluate("window.asked") == 1
    page.locator("#sound").check()
    page.wait_for_timeout(1500)
    film = _filmed(page, server, 2)
    begins, codec = loud(film)
    assert codec == "aac"
    with av.open(str(film)) as container:
        frames = [*container.decode(video=0)]
    bright = []
    for one in frames:
        grey = one.to_ndarray(format="gray")
        bright.append((float(one.time), grey[: len(grey) // 20, : len(grey) // 2].mean()))
    flashes = [b[0] for a, b in pairwise(bright) if a[1] < 110 <= b[1]]
    assert len(flashes) >= 2
    away = [min(abs(flash - begin) for begin in begins) for flash in flashes]
    assert np.median(away) < 0.1 * slowness()


def _filmed(page: Page, server: Server, count: int) -> Path:
    """Five seconds, as the newest of so many films."""
    page.locator("#film").click()
    expect(page.locator("#clock")).to_be_visible(timeout=SOON)
    expect(page.locator("#sound")).to_be_disabled()
    page.wait_for_timeout(5000)
    page.locator("#film").click()
    expect(page.locator("#results .film")).to_have_count(count, timeout=SOON)
    return max((server.data / "films").glob("*.mp4"), key=lambda path: path.stat().st_mtime)


def _chosen(page: Page) -> int:
    """Place of the body that is chosen."""
    names = page.locator(".body-card").evaluate_all(
        "cards => cards.map((card) => card.getAttribute('aria-checked'))"
    )
    return int(names.index("true"))
