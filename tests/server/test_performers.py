"""Who can be shown, and that nothing about it stops the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inference.body import LABEL_NAMES
from inference.errors import UnderstudyError
from server.performers import Performers, note
from server.state import APP_STATE
from tests.server.browser import Browser, ClipTrack
from tests.server.waiting import until
from tests.server.web.test_datasets_api import ID, make
from tests.transfer.turned import turned
from transfer.performers.condition import Ingredients
from transfer.performers.generator import GENERATORS, Generator
from transfer.performers.trained import Trained, save_generator
from transfer.performers.trained_files import WEIGHTS_NAME
from transfer.target.target import Target
from transfer.target.unseen_parts import UnseenParts


async def test_every_whole_dataset_is_listed(serve):
    async with serve() as http:
        assert await (await http.get("/api/performers")).json() == []
        make(http)
        [one] = await (await http.get("/api/performers")).json()
        assert one["name"] == f"as:{ID}"
        assert (await http.get(one["picture"])).status == 200
        choices = await http.server.app[APP_STATE].choices()
        assert one["name"] in choices.views


async def test_a_trained_run_is_listed_and_performs(serve):
    async with serve() as http:
        folder = make(http)
        state = http.server.app[APP_STATE]
        run = state.settings.runs / "me & you"
        run.mkdir(parents=True)
        target = Target.open(folder)
        about = Trained("A man", ID, "realtime", 64, 150, target.body_frame, Ingredients())
        about.save(run, target.plate, target.frame(0))
        save_generator(Generator(GENERATORS["realtime"]), run / WEIGHTS_NAME)
        first, second = await (await http.get("/api/performers")).json()
        assert (first["name"], second["name"]) == ("as:run:me & you", f"as:{ID}")
        assert first["title"] == "A man, trained"
        assert (await http.get(first["picture"])).status == 200
        assert (await http.get("/performers/..%2F..%2Fetc/thumbnail")).status == 404
        assert first["name"] in (await state.choices()).views
        performer = await state.performers.open(first["name"])
        assert performer.size == (320, 180)


async def test_a_performer_is_made_and_a_damaged_one_refused_in_a_sentence(serve):
    async with serve() as http:
        folder: Path = make(http)
        performers = http.server.app[APP_STATE].performers
        performer = await performers.open(f"as:{ID}")
        assert performer.size == (320, 180)
        (folder / "dataset.json").write_text("{}")
        with pytest.raises(UnderstudyError):
            await performers.open(f"as:{ID}")
        with pytest.raises(UnderstudyError):
            await performers.open("as:../../etc")


async def test_whatever_fails_while_it_is_made_the_plain_view_is_back_and_it_is_said(
    serve, booth_small, monkeypatch
):
    async with serve() as http, Browser(http, ClipTrack(booth_small), view="camera") as browser:
        make(http)
        await until(lambda: browser.pictures > 3)

        def broken(self, dataset_id):
            raise ValueError("all input arrays must have the same shape")

        monkeypatch.setattr(Performers, "_open_dataset", broken)
        browser.send("settings", view=f"as:{ID}")
        error = await browser.hears("error")
        assert error["code"] == "performer"
        assert "could not be made ready" in error["message"]
        assert browser.heard("settings")[-1]["view"] == "camera"
        heard = len(browser.heard("state"))
        await until(lambda: len(browser.heard("state")) > heard + 1)
        assert (await browser.next_state())["note"] == ""


async def test_a_dataset_with_pictures_of_two_sizes_is_performed(serve, tmp_path, booth_small):
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        folder = make(http)
        shutil.move(folder, tmp_path / "whole")
        turned(tmp_path / "whole", folder)
        await until(lambda: browser.pictures > 3)
        browser.send("settings", view=f"as:{ID}")
        await browser.until_state(lambda state: "left out" in state["note"], 20)
        assert not browser.heard("error")


async def test_what_is_said_over_the_picture(serve):
    """Not ready, too slow, and for a while which limbs a trained performer never saw."""
    quick, slow = (
        {"fps_in": 30.0, "fps_analysed": fps, "stages": {"invoke": 900 / fps}}
        for fps in (28.0, 12.0)
    )
    assert "double ready" in note(quick, None, 0.0)
    async with serve() as http:
        target = Target.open(make(http))
        run = http.server.app[APP_STATE].settings.runs / "me"
        run.mkdir(parents=True)
        feet = tuple(label for label, name in enumerate(LABEL_NAMES) if "feet" in name)
        about = Trained(
            "Me",
            ID,
            "realtime",
            64,
            150,
            target.body_frame,
            Ingredients(),
            unseen=UnseenParts(feet),
        )
        about.save(run, target.plate, target.frame(0))
        save_generator(Generator(GENERATORS["realtime"]), run / WEIGHTS_NAME)
        performer = await http.server.app[APP_STATE].performers.open("as:run:me")
    for stats in (quick, slow):
        assert "Me was never seen with feet" in note(stats, performer, 1.0)
    assert "12 of 30" in note(slow, performer, 60.0)
    assert note(quick, performer, 60.0) == ""
