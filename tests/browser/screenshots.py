"""Pictures of every page at three widths, dark and light: `make screenshots`.

Also draws the README's picture (`docs/images/capture.jpg`). The camera is a clip from this
repository, the server and the networks are real.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bench.chromium import FLAGS, chromium_path
from bench.serving import RUN, Server, serving
from tests.browser.conftest import JUGGLER

SIZES = ((1440, 900), (1024, 768), (390, 844))
SCHEMES = ("dark", "light")
ID = "20261120-142233-7f3a9c"
README_PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "capture.jpg"


def capture(page: Page, url: str) -> None:
    """Seeing oneself."""
    page.goto(url)
    page.locator("body[data-state=live]").wait_for()
    page.wait_for_timeout(2500)


def recording(page: Page, url: str) -> None:
    """A recording with the figures shown."""
    capture(page, url)
    page.locator("#stats-toggle").click()
    page.locator("#high-quality").uncheck()
    page.locator("#record").click()
    page.locator("body[data-recording=recording]").wait_for()
    page.wait_for_timeout(2500)


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


def datasets(page: Page, url: str) -> None:
    """The list."""
    page.goto(url + "datasets")
    page.wait_for_timeout(800)


def dataset(page: Page, url: str) -> None:
    """One dataset, some frames selected."""
    page.goto(f"{url}datasets/{ID}")
    page.locator(".cell").first.wait_for()
    page.locator("#scrub").fill("40")
    page.locator(".cell-label").nth(1).click()
    page.locator(".cell-label").nth(4).click(modifiers=["Shift"])
    page.wait_for_timeout(800)


def nothing(page: Page, url: str) -> None:
    """Nothing at that address."""
    page.goto(url + "datasets/nowhere")


PAGES: tuple[Callable[[Page, str], None], ...] = (
    capture,
    recording,
    countdown,
    refused,
    file_dialog,
    datasets,
    dataset,
    nothing,
)


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving() as server:
        camera = Path(folder) / "camera.mjpeg"
        _as_mjpeg(JUGGLER, camera)
        out = server.data / "datasets" / ID
        command = [sys.executable, str(RUN), "capture", str(JUGGLER), f"--out={out}"]
        subprocess.run([*command, "--title=Juggling in the park"], check=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(),
                headless=False,
                args=[*FLAGS, f"--use-file-for-fake-video-capture={camera}"],
            )
            for picture in PAGES:
                for size in SIZES:
                    for scheme in SCHEMES:
                        name = f"{picture.__name__}_{size[0]}_{scheme}.png"
                        _shoot(browser, server, picture, size, scheme, arguments.out / name)
            browser.close()
    README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(arguments.out / "recording_1440_dark.png") as shot:
        shot.convert("RGB").save(README_PICTURE, quality=86)
    print(f"{len(PAGES) * len(SIZES) * len(SCHEMES)} pictures are in {arguments.out}.")


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
    page.screenshot(path=path, full_page=picture is dataset or (phone and picture is capture))
    context.close()


def _as_mjpeg(source: Path, out: Path) -> None:
    """What Chromium takes for a camera, in a tenth of a raw file's size."""
    import av

    with av.open(str(source)) as video, av.open(str(out), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        stream.codec_context.qmin = stream.codec_context.qmax = 2
        for frame in video.decode(video=0):
            picture = frame.reformat(640, 480, "yuvj420p")
            picture.pts = None
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
