"""Every page, at three widths, dark and light, as axe-core sees it; none is too wide."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

from capture.importer import ImportOptions, import_video
from inference.pool import NetworkPool
from server.work.films import Films
from server.work.training_record import TrainingRecord
from tests.browser.conftest import JUGGLER, Open, Server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
ID = "20261120-142001-10c1d2"
CLIP = JUGGLER.with_name("juggler_320.mp4")
PAGES = (
    "", f"?for={ID}&wanted=facing+back", "datasets", f"datasets/{ID}", f"datasets/{ID}/mend",
    "trainings", "trainings/DOUBLE", "trainings/NETWORK", "perform", "films",
)  # fmt: skip
WIDTHS = (1440, 1024, 390)
RULES: dict[str, Any] = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
Start = Callable[..., Server]


@pytest.fixture(scope="module")
def data(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A dataset, and the ids of trainings that have ended: of a double, of a network."""
    folder = tmp_path_factory.mktemp("pages")
    pool = NetworkPool.open("bodypix-075", "cpu")
    import_video(CLIP, folder / "datasets" / ID, pool, ImportOptions(title="Juggler"))
    pool.close()
    (folder / "trainings").mkdir()
    double = _ended(folder, {"pixels": 0.3, "body": 0.5}, {"ssim": 0.8, "error": 9.0})
    network = _ended(
        folder, {"segments": 0.3, "heatmaps": 0.1}, {"person_iou": 0.9, "pck": 0.8},
        kind="network", preset="tiny", network="juggler-tiny",
    )  # fmt: skip
    run = folder / "runs" / network
    (run / "pictures").mkdir(parents=True)
    for name in ("true", "000000", "000300"):
        Image.new("RGB", (960, 192), "teal").save(run / "pictures" / f"{name}.jpg")
    for name in ("student.safetensors", "student.tflite"):
        (run / name).write_bytes(b"network")
    rows = [{"network": name, "person_iou": 0.9, "pck": 0.8} for name in ("before", "now")]
    (run / "evaluation.json").write_text(json.dumps({"rows": rows}))
    films = Films(folder / "films")
    film = films.new("performance", "Juggled")
    for path in (films.path(film.id), films.loop(film.id, "boomerang.mp4")):
        shutil.copyfile(CLIP, path)
    films.keep(film)
    return folder, {"DOUBLE": double, "NETWORK": network}


def _ended(folder: Path, losses: dict[str, float], held_out: dict[str, float], **more: Any) -> str:
    """Id of a training that was cut off."""
    record = TrainingRecord.new(ID, "Juggler", 5.0, **more)
    record.state, record.message = "failed", "It ended while the server was away."
    record.save(folder / "trainings")
    points = [
        {"seconds": n, "seconds_left": 9 - n, "losses": losses, "held_out": held_out}
        for n in range(1, 9)
    ]
    text = "".join(json.dumps(point) + "\n" for point in points)
    (folder / "trainings" / f"{record.id}.out").write_text(text)
    return record.id


@pytest.fixture
def server(data: tuple[Path, dict[str, str]], start_server: Start) -> Server:
    server = start_server()
    server.stop()
    shutil.copytree(data[0], server.data, dirs_exist_ok=True)
    return server.start()


def _complaints(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:160]})"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_use_it(
    path: str, server: Server, data: tuple[Path, dict[str, str]], open_page: Open
) -> None:
    wrong: dict[str, list[str]] = {}
    for name, training in data[1].items():
        path = path.replace(name, training)
    page = open_page(server.url + path)
    page.wait_for_timeout(700)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wrong[f"{width}"] = ["too wide"] if wide > 0 else []
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            wrong[f"{width} {scheme}"] = _complaints(page)
    assert {where: what for where, what in wrong.items() if what} == {}


@pytest.mark.parametrize("opener", ["#train", "#share"])
def test_dialogs_too(opener: str, server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}datasets/{ID}")
    page.locator(".cell").first.wait_for()
    page.locator(opener).click()
    page.wait_for_timeout(400)
    if opener == "#train":
        assert _complaints(page) == []
        page.get_by_text("A network", exact=True).click()
        page.locator("#train-more summary").click()
    if opener == "#share":
        page.locator("#share-make").click()
        page.locator(".share-address").wait_for()
    assert _complaints(page) == []


def test_what_appears_while_one_performs_too(server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}perform")
    page.locator("#fit-offer").wait_for(timeout=60_000)
    page.evaluate("document.getElementById('smaller').hidden = false")
    assert _complaints(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    note = "Too much for this machine: 16 of 30 pictures a second. Quicker, in the settings."
    page.evaluate(
        "(text) => { const it = document.getElementById('stage-note');"
        " it.hidden = false; it.textContent = text; }",
        note,
    )
    edges = """[...document.querySelectorAll('.stage-foot > *')].map(
        (one) => one.getBoundingClientRect()).map((box) => [box.left, box.right])"""
    for left, right in page.evaluate(edges):
        assert 0 <= left <= right <= 390
    page.locator("#fit-skip").click()
    page.locator("#fit").click()
    page.locator("#countdown").wait_for()
    assert _complaints(page) == []
    page.locator("#flash").wait_for(timeout=20_000)
    assert _complaints(page) == []
    page.locator("#file").set_input_files(CLIP)
    page.locator("#file-film").wait_for()
    assert _complaints(page) == []


def test_a_link_too(server: Server, open_page: Open) -> None:
    made = open_page(server.url).request.post(
        f"{server.url}api/shares", data={"kind": "dataset", "target": ID}
    )
    page = open_page(server.url.rstrip("/") + made.json()["path"])
    page.locator("video").wait_for(timeout=60_000)
    assert _complaints(page) == []
