"""The README's moving picture: the whole journey through the pages, in a real Chromium.

    python -m bench.moving_picture ME.mp4 SOMEBODY.mp4 --out PICTURE.webp

ME stands before the camera and is recorded, learnt, and danced as by SOMEBODY, who then stands
there. Everything is real: server, call, dataset, training, double. Waiting is left out, and a
minute of training is seen in some seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont

from bench.chromium import FLAGS, chromium_path
from bench.serving import BenchError, Server, serving
from capture.files import make_folder, write_whole
from inference.errors import UnderstudyError

PAGE_WIDTH, PAGE_HEIGHT = 1120, 700
WIDTH = 800
"""Of the picture, pixels; a code host shows a README hardly wider."""
CAPTION_HEIGHT, FONT_SIZE = 38, 18
GROUND, INK = (24, 24, 28), (240, 240, 240)
"""Readable beside a light and a dark page."""
MOST_A_SECOND = 6
"""Each picture of a page takes the live picture beside it some time."""
CAMERA = "Webcam.mjpeg"
"""Relative, for the page shows it as the camera's name."""
MAX_BYTES = 1_900_000
QUALITIES = (80, 70, 60, 50, 40, 30)
"""WebP's, tried in this order until the file is small enough."""
RECORDED_SECONDS = 12
LEARNT_SECONDS = 60
SOON = 120_000
"""Milliseconds: other things may run on this machine."""
_SEEN = "document.getElementById('live').currentTime > 0"


@dataclass
class Film:
    """Pictures of pages, each with how long it is shown."""

    pictures: list[Image.Image] = field(default_factory=list)
    milliseconds: list[int] = field(default_factory=list)

    def take(self, page: Any, caption: str, seconds: float) -> None:
        """Film a page for so long."""
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            self._add(page, caption)
            page.wait_for_timeout(max(0, 1000 / MOST_A_SECOND - 1000 * (time.monotonic() - began)))
            self.milliseconds.append(round(1000 * (time.monotonic() - began)))

    def take_slowly(self, page: Any, caption: str, seconds: float, every: float) -> None:
        """The same, one picture in `every` seconds, each shown for a moment."""
        for _ in range(round(seconds / every)):
            self._add(page, caption)
            self.milliseconds.append(220)
            page.wait_for_timeout(every * 1000)

    def _add(self, page: Any, caption: str) -> None:
        with Image.open(BytesIO(page.screenshot(type="jpeg", quality=92))) as shot:
            self.pictures.append(captioned(shot, caption))

    def webp(self) -> bytes:
        """All of it, for ever; of at most `MAX_BYTES` unless the worst quality needs more."""
        for quality in QUALITIES:
            file = BytesIO()
            self.pictures[0].save(
                file,
                "WEBP",
                save_all=True,
                append_images=self.pictures[1:],
                duration=self.milliseconds,
                loop=0,
                quality=quality,
                method=4,
            )
            if file.tell() <= MAX_BYTES:
                break
        return file.getvalue()


def captioned(shot: Image.Image, caption: str) -> Image.Image:
    """A picture of a page, `WIDTH` wide, with a line below it."""
    height = round(shot.height * WIDTH / shot.width)
    made = Image.new("RGB", (WIDTH, height + CAPTION_HEIGHT), GROUND)
    made.paste(shot.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS))
    font = ImageFont.load_default(FONT_SIZE)
    middle = (WIDTH / 2, height + CAPTION_HEIGHT / 2)
    ImageDraw.Draw(made).text(middle, caption, INK, font, anchor="mm")
    return made


def save_mjpeg(source: Path, out: Path) -> None:
    """A video as what Chromium takes for a camera, in a tenth of a raw file's size."""
    with av.open(str(source)) as video, out.open("wb") as file:
        for frame in video.decode(video=0):
            Image.fromarray(frame.to_ndarray(format="rgb24")).save(file, "JPEG", quality=95)


def film_journey(me: Path, somebody: Path, folder: Path) -> Film:
    """Go the whole way; `folder` may be written to.

    Raises `BenchError` when Chromium is not here.
    """
    if chromium_path() is None:
        raise BenchError("Chromium is not installed: there is nothing to film with.")
    film = Film()
    with serving() as server:
        with _chromium(me, folder) as page:
            _capture(page, server, film)
            dataset = page.url.rsplit("/", 1)[1]
            _train(page, film)
        with _chromium(somebody, folder) as page:
            _perform(page, server, film, dataset)
            _share(page, server, film)
    return film


@contextlib.contextmanager
def _chromium(camera: Path, folder: Path) -> Iterator[Any]:
    """A page whose camera is a clip."""
    from playwright.sync_api import sync_playwright

    save_mjpeg(camera, folder / CAMERA)
    with contextlib.chdir(folder), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            headless=False,
            args=[*FLAGS, f"--use-file-for-fake-video-capture={CAMERA}"],
        )
        yield browser.new_page(
            viewport={"width": PAGE_WIDTH, "height": PAGE_HEIGHT},
            color_scheme="dark",
            bypass_csp=True,
        )
        browser.close()


def _live(page: Any) -> None:
    page.locator("body[data-state=live]").wait_for(timeout=SOON)
    page.wait_for_function(_SEEN, timeout=SOON)


def _capture(page: Any, server: Server, film: Film) -> None:
    page.goto(server.url)
    _live(page)
    page.wait_for_timeout(2000)
    film.take(page, "1  Capture: move before your webcam", 2)
    page.locator("#high-quality").uncheck()
    page.locator("#record").click()
    page.locator("body[data-recording=recording]").wait_for(timeout=SOON)
    page.wait_for_timeout(1000 * (RECORDED_SECONDS - 3))
    film.take(page, "1  Capture: a few seconds are enough", 2.5)
    page.locator("#record").click()
    page.get_by_role("link", name="Look through it").click()
    page.locator("#cell-3").wait_for(timeout=SOON)
    page.locator("#scrub").fill("0")
    page.wait_for_timeout(1000)
    for place in range(0, 60, 6):
        page.locator("#scrub").fill(str(place))
        film.take(page, "2  Keep: every picture with its parts and its pose", 0.2)


def _train(page: Any, film: Film) -> None:
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("5 minutes", exact=True).click()
    film.take(page, "3  Train, or dance as them at once", 1.5)
    page.locator("#train-begin").click()
    page.locator("#poses").wait_for(timeout=SOON)
    page.locator("#poses").scroll_into_view_if_needed()
    caption = "3  Train: watch it learn (a minute, in time-lapse)"
    film.take_slowly(page, caption, LEARNT_SECONDS, LEARNT_SECONDS / 12)
    page.get_by_role("button", name="Stop: good enough").click()
    page.locator(".score").first.wait_for(timeout=3 * SOON)


def _perform(page: Any, server: Server, film: Film, dataset: str) -> None:
    page.goto(f"{server.url}perform?as=as:{dataset}")
    _live(page)
    page.get_by_label("Beside").check()
    page.locator("#fit-skip").click()
    page.wait_for_timeout(8000)
    page.evaluate("scrollTo(0, 0)")
    page.locator("#film").click()
    page.locator("#clock").wait_for(timeout=SOON)
    film.take(page, "4  Perform: whoever dances is shown as you, live", 6)
    page.locator("#film").click()
    page.locator("#results .film").first.wait_for(timeout=SOON)


def _share(page: Any, server: Server, film: Film) -> None:
    page.goto(f"{server.url}films")
    page.get_by_role("button", name="Share").first.click()
    page.get_by_role("button", name="Make a link").click()
    page.locator(".share-address").wait_for(timeout=SOON)
    film.take(page, "5  Share: a link that you can take back", 1.5)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("me", type=Path, metavar="ME.mp4")
    parser.add_argument("somebody", type=Path, metavar="SOMEBODY.mp4")
    parser.add_argument("--out", type=Path, required=True, metavar="PICTURE.webp")
    arguments = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory() as folder:
            film = film_journey(arguments.me.resolve(), arguments.somebody.resolve(), Path(folder))
        make_folder(arguments.out.parent)
        write_whole(arguments.out, film.webp())
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return 1
    megabytes = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out}: {len(film.pictures)} pictures, {megabytes:.2f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
