"""Pictures of every page at three widths, dark and light: `make screenshots`.

Also draws the README's picture (`docs/images/capture.jpg`). The camera is a clip from this
repository, the server and the networks are real.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bench.chromium import FLAGS, chromium_path
from bench.moving_picture import save_mjpeg
from bench.serving import RUN, Server, serving
from tests.browser.conftest import JUGGLER

SIZES = ((1440, 900), (1024, 768), (390, 844))
SCHEMES = ("dark", "light")
ID = "20261120-142233-7f3a9c"
OTHER_ID = "20261120-142001-10c1d2"
DANCER = JUGGLER.with_name("dancer_c_288.mp4")
TRAINING_TIMEOUT = 180_000
"""Milliseconds until a training's first picture, at the latest."""
CAMERA = "Webcam.mjpeg"
"""Relative, for the page shows it as the camera's name."""
README_PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "capture.jpg"


def capture(page: Page, url: str) -> None:
    """Seeing oneself."""
    page.goto(url)
    page.locator("body[data-state=live]").wait_for()
    page.wait_for_timeout(2500)


def recording(page: Page, url: str) -> None:
    """A recording."""
    capture(page, url)
    page.locator("#high-quality").uncheck()
    page.locator("#record").click()
    page.locator("body[data-recording=recording]").wait_for()
    page.wait_for_timeout(4500)


def figures(page: Page, url: str) -> None:
    """What is slow, and how fast the rest is."""
    capture(page, url)
    page.locator("#stats-toggle").click()
    page.wait_for_timeout(2500)


def performing(page: Page, url: str) -> None:
    """Shown as somebody else."""
    capture(page, url)
    page.locator(".performer", has_text="Dancer").click()
    page.wait_for_timeout(500)
    page.locator("#stage-note").wait_for(state="hidden")
    page.wait_for_timeout(2000)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(200)


def countdown(page: Page, url: str) -> None:
    """To be read across the room."""
    capture(page, url)
    page.locator("#record").click()
    page.wait_for_timeout(1300)


def refused(page: Page, url: str) -> None:
    """No camera."""
    page.add_init_script(
        """navigator.mediaDevices.getUserMedia = async () => {
             throw new DOMException("refused", "NotAllowedError"); };"""
    )
    page.goto(url)
    page.wait_for_timeout(500)


def file_dialog(page: Page, url: str) -> None:
    """What to do with a video."""
    capture(page, url)
    page.locator("#file").set_input_files(JUGGLER)
    page.wait_for_timeout(300)


def no_datasets(page: Page, url: str) -> None:
    """The list before anything was captured."""
    page.goto(url + "datasets")
    page.locator("#empty").wait_for()


def datasets(page: Page, url: str) -> None:
    """The list."""
    page.goto(url + "datasets")
    page.wait_for_timeout(800)


def importing(page: Page, url: str) -> None:
    """A video on its way into a dataset."""
    for job in page.request.get(url + "api/jobs").json():
        page.request.delete(f"{url}api/jobs/{job['id']}")
    datasets(page, url)
    page.locator("#file").set_input_files(JUGGLER)
    page.locator(".job-sentence", has_text="of 120").wait_for()


def dataset(page: Page, url: str) -> None:
    """One dataset, some frames selected."""
    _open_dataset(page, url)
    page.locator("#cell-41 .cell-label").click()
    page.locator("#cell-42 .cell-label").click(modifiers=["Shift"])
    page.wait_for_timeout(800)


def mending(page: Page, url: str) -> None:
    """The most doubtful pose, with its mask."""
    page.goto(f"{url}datasets/{OTHER_ID}/mend")  # The juggler's poses are all right.
    page.locator("#doubt-count", has_text="1 of").wait_for()
    page.locator("#show-mask").check()
    page.wait_for_timeout(800)


def wanted(page: Page, url: str) -> None:
    """What a dataset lacks is asked for."""
    capture(page, f"{url}?for={ID}&wanted=facing+front&wanted=facing+back&wanted=face+near")


def overlaid(page: Page, url: str) -> None:
    """The player with its layers over each other."""
    _open_dataset(page, url)
    page.get_by_role("button", name="Overlaid").click()
    page.wait_for_timeout(500)


def downloads(page: Page, url: str) -> None:
    """The formats."""
    _open_dataset(page, url)
    page.locator("#download summary").click()


def deleting(page: Page, url: str) -> None:
    """The question before a dataset is deleted."""
    _open_dataset(page, url)
    page.locator("#delete-dataset").click()


def _open_dataset(page: Page, url: str) -> None:
    page.goto(f"{url}datasets/{ID}")
    page.locator(".cell").first.wait_for()
    page.locator("#scrub").fill("40")
    page.wait_for_timeout(500)


def choosing_minutes(page: Page, url: str) -> None:
    """How long a training may take."""
    _open_dataset(page, url)
    page.locator("#train").click()
    page.wait_for_timeout(300)


def choosing_network(page: Page, url: str) -> None:
    """A network may learn instead."""
    choosing_minutes(page, url)
    page.get_by_text("A network", exact=True).click()
    page.locator("#train-more summary").click()


def teaching(page: Page, url: str) -> None:
    """A network that learns; it is begun with the first picture."""
    body = {"dataset": ID, "minutes": 1, "kind": "network", "preset": "tiny"}
    known = page.request.get(f"{url}api/trainings").json()["trainings"]
    found = [one for one in known if one["kind"] == "network"]
    found = found or [page.request.post(f"{url}api/trainings", data=body).json()]
    page.goto(f"{url}trainings/{found[0]['id']}")
    page.locator("#poses").wait_for(timeout=TRAINING_TIMEOUT)
    page.wait_for_timeout(1500)


def taught(page: Page, url: str) -> None:
    """The same when it is done."""
    teaching(page, url)
    page.locator("#use").wait_for(timeout=3 * TRAINING_TIMEOUT)
    page.wait_for_timeout(800)


def training(page: Page, url: str) -> None:
    """One that learns; it is begun with the first picture and goes on for the others."""
    body = {"dataset": ID, "minutes": 60}
    found = page.request.post(f"{url}api/trainings", data=body).json()
    page.goto(f"{url}trainings/{found['id']}")
    page.locator("#poses").wait_for(timeout=TRAINING_TIMEOUT)
    page.wait_for_timeout(1500)


def trainings(page: Page, url: str) -> None:
    """The list."""
    page.goto(f"{url}trainings")
    page.wait_for_timeout(800)


def stage(page: Page, url: str) -> None:
    """Dancing as somebody."""
    page.goto(f"{url}perform?as=as:{OTHER_ID}")
    page.locator("body[data-state=live]").wait_for()
    page.wait_for_timeout(4000)


def sharing(page: Page, url: str) -> None:
    """A link."""
    _open_dataset(page, url)
    page.locator("#share").click()
    page.locator("#share-make").click()
    page.locator(".share-address").first.wait_for()


def films(page: Page, url: str) -> None:
    """All films."""
    page.goto(f"{url}films")
    page.wait_for_timeout(800)


def nothing(page: Page, url: str) -> None:
    """Nothing at that address."""
    page.goto(url + "datasets/nowhere")


PAGES: tuple[Callable[[Page, str], None], ...] = (
    capture,
    recording,
    figures,
    performing,
    countdown,
    refused,
    file_dialog,
    datasets,
    importing,
    dataset,
    mending,
    wanted,
    overlaid,
    downloads,
    deleting,
    choosing_minutes,
    choosing_network,
    stage,
    sharing,
    films,
    teaching,
    taught,
    training,
    trainings,
    nothing,
)
LONG = (dataset, mending, overlaid, teaching, taught, training)
"""Pages that are shown whole, however long they are."""


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    names = [page.__name__ for page in (no_datasets, *PAGES)]
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"all, or some of: {names}")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    pages = [page for page in PAGES if not arguments.pages or page.__name__ in arguments.pages]
    with tempfile.TemporaryDirectory() as folder, serving() as server, contextlib.chdir(folder):
        save_mjpeg(JUGGLER, Path(CAMERA))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(),
                headless=False,
                args=[*FLAGS, f"--use-file-for-fake-video-capture={CAMERA}"],
            )
            _shoot_all(browser, server, [no_datasets], out)
            folder = str(server.data / "datasets" / ID)
            command = [sys.executable, str(RUN), "capture", str(JUGGLER), f"--out={folder}"]
            subprocess.run([*command, "--title=Juggling in the park"], check=True)
            folder = str(server.data / "datasets" / OTHER_ID)
            command = [sys.executable, str(RUN), "capture", str(DANCER), f"--out={folder}"]
            subprocess.run([*command, "--title=Dancer"], check=True)
            _shoot_all(browser, server, pages, out)
            _end_trainings(browser, server)
            browser.close()
    if recording in pages:
        README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(out / "recording_1440_dark.png") as shot:
            shot.convert("RGB").save(README_PICTURE, quality=86)
    print(f"{len([*out.glob('*.png')])} pictures are in {out}.")


def _end_trainings(browser: Browser, server: Server) -> None:
    """They would go on without the server."""
    page = browser.new_page()
    for one in page.request.get(f"{server.url}api/trainings").json()["trainings"]:
        page.request.delete(f"{server.url}api/trainings/{one['id']}", timeout=TRAINING_TIMEOUT)
    page.close()


def _shoot_all(
    browser: Browser, server: Server, pictures: Sequence[Callable[[Page, str], None]], out: Path
) -> None:
    for picture in pictures:
        for size in SIZES:
            for scheme in SCHEMES:
                name = f"{picture.__name__}_{size[0]}_{scheme}.png"
                _shoot(browser, server, picture, size, scheme, out / name)


def _shoot(
    browser: Browser,
    server: Server,
    picture: Callable[[Page, str], None],
    size: tuple[int, int],
    scheme: str,
    path: Path,
) -> None:
    phone = size[0] < 500
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        is_mobile=phone,
        has_touch=phone,
    )
    page = context.new_page()
    picture(page, server.url)
    page.screenshot(path=path, full_page=picture in LONG or (phone and picture is capture))
    context.close()


if __name__ == "__main__":
    main()
