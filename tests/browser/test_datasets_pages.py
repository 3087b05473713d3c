"""Looking through a dataset in a real Chromium: scrub, rename, delete, download, delete all."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

import pytest
from playwright.sync_api import Page, expect

from capture.dataset import Dataset
from capture.export import FORMATS
from tests.browser.conftest import ID, JUGGLER, Open, Server
from tests.capture.clips import pictures, write_video

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
Start = Callable[..., Server]


@pytest.fixture
def open_page(open_page: Open) -> Open:
    """Pages under their real Content-Security-Policy."""
    return partial(open_page, bypass_csp=False)


def canvas(page: Page, name: str) -> str:
    """What a canvas shows, as text that differs when the picture does."""
    return str(page.evaluate(f"document.getElementById('{name}').toDataURL()"))


def changed(page: Page, name: str, before: str) -> str:
    """What the canvas shows as soon as that is another picture than `before`."""
    for _ in range(100):
        if (now := canvas(page, name)) != before:
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"the canvas {name} shows the same picture after ten seconds")


def test_scrub_play_and_layers(dataset: tuple[Server, Path], open_page: Open) -> None:
    server, _ = dataset
    page = open_page(f"{server.url}datasets")
    page.locator(".dataset").click()
    expect(page.locator("#where")).to_contain_text("1 / 120")
    page.wait_for_load_state("networkidle")
    frame, mask = canvas(page, "frame"), canvas(page, "mask")
    page.locator("#scrub").fill("60")
    expect(page.locator("#where")).to_contain_text("61 / 120")
    changed(page, "frame", frame)
    changed(page, "mask", mask)
    page.wait_for_load_state("networkidle")
    skeleton = canvas(page, "mask")
    page.locator("#show-skeleton").uncheck()
    changed(page, "mask", skeleton)
    plain = canvas(page, "frame")
    page.get_by_role("button", name="Overlaid").click()
    expect(page.locator("#mask")).to_be_hidden()
    overlaid = canvas(page, "frame")
    assert overlaid != plain
    page.locator("#opacity").fill("0")
    assert canvas(page, "frame") == plain
    page.reload()
    expect(page.get_by_role("button", name="Overlaid")).to_have_attribute("aria-pressed", "true")


def test_plays_at_the_datasets_own_times(dataset: tuple[Server, Path], open_page: Open) -> None:
    server, folder = dataset
    page = open_page(f"{server.url}datasets/{ID}")
    expect(page.locator("#where")).to_contain_text("1 / 120")
    page.evaluate(
        """window.steps = [];
           new MutationObserver(() => {
             const place = Number(document.getElementById("scrub").value);
             steps.push([performance.now() / 1000, place]);
           }).observe(document.getElementById("where"), {childList: true});"""
    )
    page.locator("#scrub").press(" ")
    expect(page.locator("#where")).to_contain_text("120 / 120")
    steps = [(time, place) for time, place in page.evaluate("steps") if place >= 24]
    (began, first), (ended, last) = steps[0], steps[-1]
    times = [pair.time_s for pair in Dataset.open(folder).pairs]
    assert abs((ended - began) - (times[last] - times[first])) < 0.3
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_keyboard_alone(dataset: tuple[Server, Path], open_page: Open) -> None:
    server, folder = dataset
    page = open_page(f"{server.url}datasets/{ID}")
    expect(page.locator("#where")).to_contain_text("1 / 120")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#where")).to_contain_text("3 / 120")
    page.keyboard.press("End")
    expect(page.locator("#where")).to_contain_text("120 / 120")
    page.locator("#strip").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#selected")).to_have_text("3 frames selected")
    expect(page.locator("#strip")).to_have_attribute("aria-activedescendant", "cell-3")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#where")).to_contain_text("/ 117")
    assert [pair.index for pair in Dataset.open(folder).pairs] == [0, *range(4, 120)]


def test_select_by_drag_and_by_flag(dataset: tuple[Server, Path], open_page: Open) -> None:
    server, folder = dataset
    flagged = [pair.index for pair in Dataset.open(folder).pairs if "cropped" in pair.flags]
    assert flagged
    page = open_page(f"{server.url}datasets/{ID}")
    # What is lacking may be longer than its place, and moves the frames then.
    expect(page.locator("#lacking")).to_have_attribute("aria-busy", "false")
    page.locator("#flag-filters [data-flag=cropped]").click()
    expect(page.locator("#selected")).to_contain_text(f"{len(flagged)} frame")
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    page.locator("#cell-2").hover()
    page.mouse.down()
    page.locator("#cell-9").hover()
    page.mouse.up()
    expect(page.locator("#selected")).to_have_text("8 frames selected")
    page.locator("#cell-4").hover()  # From a chosen frame on, a drag takes away.
    page.mouse.down()
    page.locator("#cell-5").hover()
    page.mouse.up()
    expect(page.locator("#selected")).to_have_text("6 frames selected")
    expect(page.locator("#where")).to_contain_text("1 / 120")


def test_fingers_select_a_range(dataset: tuple[Server, Path], open_page: Open) -> None:
    server, _ = dataset
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = open_page(f"{server.url}datasets/{ID}", **phone)
    page.locator("#cell-1 .cell-label").tap()
    page.get_by_role("button", name="Range").tap()
    page.locator("#cell-6").tap()
    expect(page.locator("#selected")).to_have_text("6 frames selected")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 390


def test_rename_delete_a_range_and_everything(
    dataset: tuple[Server, Path], open_page: Open
) -> None:
    server, folder = dataset
    page = open_page(f"{server.url}datasets/{ID}")
    page.locator("#title").fill("Juggling in the park")
    page.locator("#title").press("Enter")
    expect(page.locator("#heading")).to_have_text("Juggling in the park")
    assert Dataset.open(folder).manifest.title == "Juggling in the park"
    page.locator(".cell-label").nth(2).click()
    page.locator(".cell-label").nth(6).click(modifiers=["Shift"])
    expect(page.locator("#selected")).to_have_text("5 frames selected")
    page.locator("#delete-frames").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#where")).to_contain_text("/ 115")
    left = [pair.index for pair in Dataset.open(folder).pairs]
    assert left == [0, 1, *range(7, 120)]
    assert not (folder / "frames" / "000003.jpg").exists()
    page.locator("#delete-dataset").click()
    page.get_by_role("button", name="Keep").click()
    assert folder.is_dir()
    page.locator("#delete-dataset").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#empty")).to_be_visible()
    assert not folder.exists()


def names_of_pairs(archive: zipfile.ZipFile) -> tuple[list[str], list[str]]:
    """Names of the frames and of what belongs to them, without folders and endings."""
    names = archive.namelist()
    for shard in [name for name in names if name.endswith(".tar")]:
        with tarfile.open(fileobj=io.BytesIO(archive.read(shard))) as tar:
            names += tar.getnames()
    paths = [PurePosixPath(name) for name in names]
    numbered = [path for path in paths if path.stem.isdecimal()]
    frames = [path.stem for path in numbered if path.suffix == ".jpg"]
    return sorted(frames), sorted(path.stem for path in numbered if path.suffix != ".jpg")


def test_every_format_downloads_with_all_pairs(
    dataset: tuple[Server, Path], open_page: Open
) -> None:
    server, folder = dataset
    page = open_page(f"{server.url}datasets/{ID}")
    expect(page.locator("#where")).to_contain_text("1 / 120")
    for one in FORMATS:
        page.locator("#download summary").click()
        with page.expect_download() as download:
            page.locator(f"[data-format={one.name}]").click()
        expect(page.locator("#formats")).to_be_hidden()
        assert download.value.suggested_filename == f"{ID}-{one.name}.zip"
        archive = zipfile.ZipFile(Path(download.value.path()))
        assert archive.testzip() is None
        frames, others = names_of_pairs(archive)
        assert len(set(frames)) == len(frames) == 120
        if one.name in ("native", "pix2pixhd", "yolo-pose"):
            assert others == frames
        if one.name == "native":
            for index in (0, 60, 119):
                for name in (f"frames/{index:06d}.jpg", f"parts/{index:06d}.png"):
                    assert archive.read(name) == (folder / name).read_bytes()


def test_import_from_the_list(start_server: Start, open_page: Open) -> None:
    page = open_page(f"{start_server().url}datasets")
    expect(page.locator("#empty")).to_be_visible()
    page.locator("#file").set_input_files(JUGGLER)
    expect(page.locator(".dataset-title")).to_have_text("juggler_480", timeout=60_000)
    expect(page.locator("#total")).to_have_text("1 dataset, 120 pairs", timeout=60_000)
    assert page.locator(".dataset img").count() == 2
    expect(page.locator(".dataset .chip")).to_have_count(0)
    page.get_by_role("link", name="Look through it").click()
    expect(page.locator("#where")).to_contain_text("1 / 120")
    expect(page.locator("#facts")).to_contain_text("imported video: juggler_480.mp4")


def test_a_dataset_in_the_making_says_so_and_can_be_cancelled(
    start_server: Start, open_page: Open, tmp_path: Path
) -> None:
    server, long = start_server(), tmp_path / "rehearsal.mp4"
    write_video(long, pictures(40) * 25)
    page = open_page(f"{server.url}datasets")
    page.locator("#file").set_input_files(long)
    expect(page.locator(".job-sentence")).to_contain_text("of 1000")
    [folder] = (server.data / "datasets").iterdir()
    other = open_page(f"{server.url}datasets")
    expect(other.locator(".job-sentence")).to_contain_text("of 1000")
    expect(other.locator(".dataset .chip")).to_have_text("In the making")
    other.goto(f"{server.url}datasets/{folder.name}")
    expect(other.locator("#busy-sentence")).to_contain_text("still being made")
    expect(other.locator(".job-sentence")).to_contain_text("seconds left")
    expect(other.locator("#delete-dataset")).to_be_disabled()
    other.get_by_role("button", name="Cancel").click()
    expect(other.locator(".toast")).to_contain_text("what had been analysed is kept")
    expect(other.locator("#busy")).to_be_hidden()
    expect(other.locator("#delete-dataset")).to_be_enabled()
    kept = Dataset.open(folder)
    assert kept.manifest.state == "complete"
    assert 0 < kept.count < 1000
    expect(other.locator("#where")).to_contain_text(f"/ {kept.count}")


def test_nothing_at_this_address(start_server: Start, open_page: Open) -> None:
    page = open_page(f"{start_server().url}datasets/20200101-000000-abcdef")
    expect(page.locator("h1")).to_contain_text("no such dataset")
