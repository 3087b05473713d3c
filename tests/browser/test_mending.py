"""Mending poses in a real Chromium, on a dataset of a real clip, up to the export."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from capture.dataset import Dataset
from tests.browser.conftest import ID, Open, Server, wait_live

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
Start = Callable[..., Server]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
WRIST = 9


@pytest.fixture
def mend(dataset: tuple[Server, Path], open_page: Open) -> Callable[..., Page]:
    """`mend(10)` is the page at frame 10, under its real Content-Security-Policy."""

    def mend(frame: int | None = None, **options: Any) -> Page:
        at = "" if frame is None else f"#{frame}"
        page = partial(open_page, bypass_csp=False)(
            f"{dataset[0].url}datasets/{ID}/mend{at}", **options
        )
        expect(page.locator("#where")).to_contain_text("/ 120")
        page.wait_for_timeout(300)
        return page

    return mend


def place(page: Page, number: int) -> tuple[float, float]:
    """Where a key point is in the window."""
    x, y = page.evaluate(
        """(number) => {
             const svg = document.getElementById("picture");
             const path = svg.querySelectorAll(".dot")[number].getAttribute("d");
             const [x, y] = path.match(/-?[\\d.]+/g).map(Number);
             const there = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
             return [there.x, there.y];
           }""",
        number,
    )
    return x, y


def drag(page: Page, number: int, by: tuple[float, float]) -> None:
    x, y = place(page, number)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    page.mouse.move(x + by[0], y + by[1])
    page.mouse.up()


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text("All saved.")


def go(page: Page, frame: int) -> None:
    page.locator("#scrub").fill(str(frame))
    expect(page.locator("#where")).to_contain_text(f"{frame + 1} / 120")


def test_drag_fill_in_undo_erase_and_it_is_in_the_export(
    dataset: tuple[Server, Path], mend: Callable[..., Page], open_page: Open
) -> None:
    server, folder = dataset
    raw = {pair.index: pair.keypoints for pair in Dataset.open(folder).pairs}
    page = mend(10)
    scale = page.evaluate("document.getElementById('picture').getScreenCTM().a")
    drag(page, WRIST, (-40 * scale, 20 * scale))
    expect(page.locator("#mark")).to_have_text("Mended")
    page.keyboard.press("Shift+ArrowRight")  # The picture has the focus, and the wrist is chosen.
    page.keyboard.press("ArrowDown")
    saved(page)
    moved = Dataset.open(folder).pairs[10].edits["keypoints"][str(WRIST)]
    assert raw[10] is not None
    assert moved == pytest.approx([raw[10][WRIST, 0] - 30, raw[10][WRIST, 1] + 21], abs=1.5)
    go(page, 20)
    drag(page, WRIST, (-40 * scale, 20 * scale))
    page.locator("#fill-before").click()
    expect(page.locator("#said")).to_have_text("9 frames filled in.")
    saved(page)
    pairs = Dataset.open(folder).pairs
    ways = [pair.edits["keypoints"][str(WRIST)] for pair in pairs[10:21]]
    assert np.abs(np.diff(ways, n=2, axis=0)).max() < 0.5
    assert all(pair.edits.get("interpolated") for pair in pairs[11:20])
    page.keyboard.press("Control+z")
    saved(page)
    assert [pair.edits for pair in Dataset.open(folder).pairs[11:20]] == [{}] * 9
    page.keyboard.press("Control+y")
    go(page, 30)
    page.locator("#erase").click()
    expect(page.locator("#mark")).to_have_text("Nobody is here")
    go(page, 31)
    page.locator("#leave-out").click()
    saved(page)
    page.reload()
    expect(page.locator("#mark")).to_have_text("Left out")
    go(page, 15)
    expect(page.locator("#mark")).to_have_text("Filled in")
    for index, pair in enumerate(Dataset.open(folder).pairs):
        assert pair.keypoints is not None
        assert pair.keypoints.tobytes() == raw[index].tobytes()
    page.goto(f"{server.url}datasets/{ID}")
    expect(page.locator("#cell-10")).to_have_attribute("aria-label", "Frame 10, mended")
    page.locator("#download summary").click()
    with page.expect_download() as download:
        page.locator("[data-format=coco]").click()
    with zipfile.ZipFile(Path(download.value.path())) as archive:
        people = json.loads(archive.read("annotations/person_keypoints_train.json"))
    found = {one["image_id"]: one["keypoints"] for one in people["annotations"]}
    assert {30, 31}.isdisjoint(found)
    assert {30, 31} & {image["id"] for image in people["images"]} == {30}
    for index in (10, 15, 20):
        way = ways[index - 10]
        assert found[index][3 * WRIST : 3 * WRIST + 3] == [*map(pytest.approx, way), 2]


def test_keyboard_alone_and_doubtful_frames_in_order(
    dataset: tuple[Server, Path], mend: Callable[..., Page]
) -> None:
    page = mend()
    first = page.locator("#where").inner_text()
    count = page.locator("#doubt-count")
    expect(count).to_contain_text("1 of ")
    total = int(count.inner_text().split()[-1])
    page.keyboard.press("Enter")
    expect(count).to_have_text(f"2 of {total}")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#where")).to_have_text(first)
    page.locator("#stage").focus()
    page.keyboard.press("Delete")
    expect(page.locator("#points [aria-pressed=true]")).to_contain_text("not seen")
    for _ in range(3):
        page.keyboard.press(".")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#points [aria-pressed=true]")).to_contain_text("moved")
    saved(page)
    page.locator("#swap").press("Enter")
    page.locator("#copy").press("Enter")
    for _ in range(4):
        page.keyboard.press("Control+z")
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator("#mark")).to_be_hidden()
    saved(page)
    assert all(pair.edits == {} for pair in Dataset.open(dataset[1]).pairs)


def test_what_is_right_is_doubted_no_more(
    dataset: tuple[Server, Path], mend: Callable[..., Page]
) -> None:
    page = mend()
    count = page.locator("#doubt-count")
    expect(count).to_contain_text("1 of ")
    total = int(count.inner_text().split()[-1])
    first = int(page.locator("#where").inner_text().split()[0]) - 1
    page.get_by_role("button", name="It is right").click()
    expect(count).to_have_text(f"1 of {total - 1}")
    expect(page.locator("#where")).not_to_contain_text(f"{first + 1} / 120")
    page.keyboard.press("r")
    expect(count).to_have_text(f"1 of {total - 2}")
    saved(page)
    page.keyboard.press("Control+z")
    expect(count).to_have_text(f"1 of {total - 1}")
    saved(page)
    edited = {pair.index: pair.edits for pair in Dataset.open(dataset[1]).pairs if pair.edits}
    assert edited == {first: {"right": True}}
    page = mend(first)
    expect(page.locator("#mark")).to_have_text("Right as it is")
    expect(page.locator("#reasons")).to_have_text("You said that it is right.")
    expect(page.locator("#right")).to_have_attribute("aria-pressed", "true")
    page.locator("#erase").click()
    expect(page.locator("#right")).to_have_attribute("aria-pressed", "false")
    saved(page)
    assert Dataset.open(dataset[1]).pairs[first].edits == {"erased": True}


def test_two_browsers_mend_the_same_frame_and_others(
    dataset: tuple[Server, Path], mend: Callable[..., Page]
) -> None:
    one, other = mend(40), mend(40)
    drag(one, WRIST, (30, 0))
    saved(one)
    mine = Dataset.open(dataset[1]).pairs[40].edits
    drag(other, WRIST, (0, 30))
    expect(other.locator("#saved")).to_contain_text("Somebody else changed this dataset meanwhile")
    expect(other.locator("#mark")).to_have_text("Mended")
    assert place(other, WRIST) == pytest.approx(place(one, WRIST), abs=1)
    assert Dataset.open(dataset[1]).pairs[40].edits == mine
    # Where they are in each other's way no more, both go on.
    go(other, 50)
    drag(other, WRIST, (0, 30))
    saved(other)
    go(one, 60)
    drag(one, WRIST, (30, 0))
    saved(one)
    edited = [pair.index for pair in Dataset.open(dataset[1]).pairs if pair.edits]
    assert edited == [40, 50, 60]


def test_what_could_not_be_saved_is_sent_again(
    dataset: tuple[Server, Path], mend: Callable[..., Page]
) -> None:
    page = mend(40)
    dataset[0].kill()
    drag(page, WRIST, (30, 0))
    expect(page.locator("#saved")).to_contain_text("Not saved yet. The server does not answer")
    dataset[0].start()
    saved(page)
    assert "keypoints" in Dataset.open(dataset[1]).pairs[40].edits


def test_a_finger_pulls_the_chosen_point_from_anywhere(
    dataset: tuple[Server, Path], mend: Callable[..., Page]
) -> None:
    page = mend(40, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="left wrist").tap()
    page.locator("#stage").scroll_into_view_if_needed()
    x, y = place(page, WRIST)
    box = page.locator("#stage").bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    start = {"x": box["x"] + 20, "y": box["y"] + 20}

    def send(kind: str, *points: dict[str, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", start)
    for step in (10, 20, 30):
        send("touchMove", {"x": start["x"] + step, "y": start["y"] + step / 2})
    send("touchEnd")
    saved(page)
    assert place(page, WRIST) == pytest.approx((x + 30, y + 15), abs=2)


def test_what_is_lacking_is_asked_for_on_the_capture_page(
    dataset: tuple[Server, Path], open_page: Open
) -> None:
    server, _ = dataset
    page = open_page(f"{server.url}datasets/{ID}")
    expect(page.locator("#lacks")).to_contain_text("Hardly seen from behind.")
    page.get_by_role("link", name="Capture just that").click()
    wait_live(page)
    expect(page.locator("#wanted li")).to_have_count(10)
    expect(page.locator("#wanted")).to_contain_text("Turn your back to the camera")
    expect(page.locator("#stage-note")).to_have_text("Raise both arms.")
    page.goto(f"{server.url}?for={ID}&wanted=facing+front&wanted=facing+back")
    wait_live(page)
    expect(page.locator('[data-wanted="facing front"]')).to_have_class("ok")
    expect(page.locator("#stage-note")).to_have_text("Turn your back to the camera.")
    near = open_page(f"{server.url}?for={ID}&wanted=face+near")
    wait_live(near)
    expect(near.locator('[data-check="distance"]')).to_be_hidden()
    expect(near.locator('[data-check="light"]')).to_be_visible()
    near.close()
    page.locator("#high-quality").uncheck()
    page.locator("#record").click()
    page.locator("body[data-recording=recording]").wait_for()
    page.wait_for_timeout(2000)
    page.locator("#record").click()
    expect(page.locator("#results")).to_be_visible()
    made = [one for one in (server.data / "datasets").iterdir() if one.name != ID]
    assert [Dataset.open(one).manifest.title for one in made] == ["More of “juggler_480”"]
    assert [Dataset.open(one).manifest.captured_for for one in made] == [ID]
    page.request.patch(f"{server.url}api/datasets/{ID}", data={"title": "The juggler"})
    page.goto(f"{server.url}datasets/{ID}")
    page.locator("#train").click()
    expect(page.get_by_label("More of “juggler_480”")).to_be_checked()
