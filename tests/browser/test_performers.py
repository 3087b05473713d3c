"""Shown as somebody else, in a real Chromium whose camera is a real clip."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from capture.importer import ImportOptions, import_video
from inference.pool import NetworkPool
from tests.browser.conftest import JUGGLER, RUN, Open, Server, wait_live
from tests.browser.test_capture_page import DECODED, pixels
from tests.transfer.turned import turned
from transfer.target.target import Target

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
Start = Callable[..., Server]
ID = "20261120-142001-10c1d2"
DANCER = JUGGLER.with_name("dancer_c_288.mp4")


@pytest.fixture(scope="module")
def dancer(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the dancer in dark clothes."""
    folder = tmp_path_factory.mktemp("performers") / ID
    pool = NetworkPool.open("bodypix-075", "cpu")
    import_video(DANCER, folder, pool, ImportOptions(title="Dancer"))
    pool.close()
    return folder


def test_the_camera_is_shown_as_a_dancer_and_back(
    dancer: Path, start_server: Start, open_page: Open
) -> None:
    server = start_server()
    shutil.copytree(dancer, server.data / "datasets" / ID)
    page = open_page(server.url)
    wait_live(page)
    before = pixels(page).astype(int)
    button = page.locator(".performer", has_text="Dancer")
    button.click()
    page.wait_for_function("document.getElementById('live').videoWidth === 288")
    expect(button).to_have_attribute("aria-checked", "true")

    # The right plate, with a person where the target's person stands, and it moves on.
    target = Target.open(dancer)
    plate = cv2.resize(target.plate, (64, 48), interpolation=cv2.INTER_AREA).astype(int)
    somebody = np.zeros((48, 64), bool)
    for number in range(len(target.pairs)):
        mask = cv2.resize((target.labels(number) > 0).astype(np.uint8), (64, 48))
        somebody |= np.asarray(mask) > 0
    somebody = cv2.dilate(somebody.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    page.wait_for_timeout(1500)
    frames = page.evaluate(DECODED)
    shown = []
    for _ in range(8):
        page.wait_for_timeout(250)
        shown.append(pixels(page).astype(int))
    assert page.evaluate(DECODED) - frames > 30
    away = np.abs(np.stack(shown) - plate).max(axis=3)
    assert np.median(away[:, ~somebody]) < 12
    assert (away > 40).mean(axis=(1, 2)).min() > 0.01
    assert np.abs(np.diff(np.stack(shown), axis=0)).max() > 30

    page.locator(".view", has_text="Camera").click()
    page.wait_for_function("document.getElementById('live').videoWidth === 640")
    expect(button).to_have_attribute("aria-checked", "false")
    assert np.abs(pixels(page).astype(int) - before).mean() < 60


@pytest.mark.slow
def test_the_camera_is_shown_by_a_trained_run(
    models: Path, start_server: Start, open_page: Open, tmp_path: Path
) -> None:
    """After twenty seconds of training: the man where he is, before his park."""
    server = start_server()
    run = server.data / "runs" / "me"
    for arguments in (
        ["capture", JUGGLER, "--out", tmp_path / "juggler"],
        ["train", tmp_path / "juggler", "--out", run, "--minutes", "0.35"],
    ):
        subprocess.run([sys.executable, RUN, *map(str, arguments)], check=True)
    assert json.loads((run / "options.json").read_text())["from"] == "base"
    page = open_page(server.url)
    wait_live(page)
    page.locator(".performer", has_text="trained").click()
    expect(page.locator("#stage-note")).to_be_hidden()
    page.wait_for_timeout(2500)
    target = Target.open(tmp_path / "juggler")
    plate = cv2.resize(target.plate, (64, 48), interpolation=cv2.INTER_AREA).astype(int)
    somebody = np.zeros((480, 640), np.uint8)
    for number in range(len(target.pairs)):
        somebody |= (target.labels(number) > 0).astype(np.uint8)
    share = cv2.resize(somebody * 255, (64, 48), interpolation=cv2.INTER_AREA)
    frames = page.evaluate(DECODED)
    shown = []
    for _ in range(8):
        page.wait_for_timeout(250)
        shown.append(np.abs(pixels(page).astype(int) - plate).max(axis=2))
    assert page.evaluate(DECODED) - frames > 20
    far = cv2.dilate(share, np.ones((11, 11), np.uint8)) == 0
    assert np.median(np.stack(shown)[:, far]) < 12
    there = cv2.erode(share, np.ones((3, 3), np.uint8)) > 127
    assert np.mean(np.stack(shown)[:, there]) > 1.5 * np.mean(np.stack(shown)[:, far])


def test_who_cannot_be_shown_is_said_and_the_picture_goes_on(
    dancer: Path, start_server: Start, open_page: Open
) -> None:
    server = start_server()
    folder = shutil.copytree(dancer, server.data / "datasets" / ID)
    page = open_page(server.url)
    wait_live(page)
    shutil.rmtree(folder / "frames")
    page.locator(".performer", has_text="Dancer").click()
    expect(page.locator(".toast")).to_be_visible()
    expect(page.locator(".view[aria-checked=true]")).to_have_count(1)
    frames = page.evaluate(DECODED)
    page.wait_for_timeout(2000)
    assert page.evaluate(DECODED) - frames > 5


def test_pictures_of_two_sizes_are_performed_and_what_is_left_out_is_said(
    dancer: Path, start_server: Start, open_page: Open
) -> None:
    """A phone that was turned while recording."""
    server = start_server()
    turned(dancer, server.data / "datasets" / ID)
    page = open_page(server.url)
    wait_live(page)
    page.locator(".performer", has_text="Dancer").click()
    expect(page.locator("#stage-note")).to_contain_text("pairs are left out")
    page.wait_for_function("document.getElementById('live').videoHeight === 288")


def test_a_double_that_cannot_be_made_ready_is_said_and_the_plain_view_is_back(
    dancer: Path, start_server: Start, open_page: Open
) -> None:
    """Frames that do not belong to their label maps: nobody thought of that."""
    server = start_server()
    folder = server.data / "datasets" / ID
    shutil.copytree(
        dancer, folder, ignore=shutil.ignore_patterns("plate.png", "usable.json", "references.npz")
    )
    for frame in sorted((folder / "frames").iterdir())[::3]:
        Image.new("RGB", (64, 48)).save(frame)
    page = open_page(server.url)
    wait_live(page)
    page.locator(".performer", has_text="Dancer").click()
    expect(page.locator(".toast")).to_contain_text("could not be made ready")
    expect(page.locator("#stage-note")).to_be_hidden()
    expect(page.locator(".view[aria-checked=true]")).to_have_count(1)


def test_the_perform_page_lists_who_was_recorded_meanwhile(
    dancer: Path, start_server: Start, open_page: Open
) -> None:
    server = start_server()
    page = open_page(f"{server.url}perform")
    expect(page.locator("#nobody")).to_be_visible()
    shutil.copytree(dancer, server.data / "datasets" / ID)
    expect(page.locator(".body-card")).to_have_count(1, timeout=30_000)
    expect(page.locator(".body-card")).to_have_attribute("aria-checked", "true")
    expect(page.locator("#source optgroup[label=Recordings] option")).to_have_text("Dancer")
    page.locator("body[data-state=live]").wait_for(timeout=60_000)
    page.request.patch(f"{server.url}api/datasets/{ID}", data={"title": "Ada"})
    expect(page.locator(".body-card")).to_contain_text("Ada", timeout=30_000)
    page.request.delete(f"{server.url}api/datasets/{ID}")
    expect(page.locator(".body-card")).to_have_count(0, timeout=30_000)
    expect(page.locator("body")).to_have_attribute("data-state", "live")
