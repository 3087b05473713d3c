"""Fitted to whoever stands still, put where it is wanted, drawn smaller: in a call."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from capture.dataset import Dataset
from server.live import control
from server.live.control import ControlError
from server.performers import WAITING
from tests.capture.real import CLIP
from tests.server.browser import Browser, ClipTrack, read_clip, sessions
from tests.server.web.test_datasets_api import ID, make
from transfer.target.placement import Placement

PATIENCE = 60.0
"""Seconds: other things may run on this machine."""


@pytest.fixture(scope="module")
def juggling() -> list[np.ndarray]:
    """A man with a ball, 320x180, I420."""
    return read_clip(CLIP, limit=60)


async def ready(browser: Browser) -> None:
    """Until the double is shown; a slow machine may say that it is too much for it."""
    await browser.until_state(
        lambda state: state["performing"] and state["note"] != WAITING, PATIENCE
    )
    await browser.until_state(lambda state: state["film"]["moment"] > 0.1, PATIENCE)


async def test_who_stands_still_is_fitted_and_who_does_not_is_told_why(
    serve: Any, juggling: list[np.ndarray]
) -> None:
    blank = cv2.cvtColor(np.full((180, 320, 3), 90, np.uint8), cv2.COLOR_RGB2YUV_I420)
    track = ClipTrack([juggling[0]] * 15)
    async with serve(moment_seconds=5.0) as http:
        make(http)
        async with Browser(http, track, view=f"as:{ID}") as browser:
            await browser.hears("state", PATIENCE)
            await ready(browser)
            browser.send("calibrate")
            await browser.until_state(lambda state: state["calibrating"], PATIENCE)
            done = await browser.hears("calibrated", PATIENCE)
            assert done["ok"], done
            assert "Fitted" in done["message"]
            await browser.until_state(lambda state: state["calibrating"] is None, PATIENCE)
            (session,) = sessions(http).values()
            assert session._live.performer._normaliser._stood

            track.change([blank] * 15)
            await browser.until_state(lambda state: state["stats"]["people"] == 0, PATIENCE)
            browser.send("calibrate")
            told = await browser.hears("calibrated", PATIENCE, after=1)
            assert (told["ok"], "Nobody" in told["message"]) == (False, True)

            # Another body is fitted too, at its first picture; another source is not.
            make(http, OTHER)
            track.change(juggling)
            before = session._live.performer
            browser.send("settings", view=f"as:{OTHER}")
            await browser.until_state(lambda _: session._live.performer is not before, PATIENCE)
            await browser.until_state(
                lambda _: session._live.performer._normaliser._stood, PATIENCE
            )
            browser.send("source", kind="file")
            await browser.until_state(
                lambda _: not session._live.performer._normaliser._stood, PATIENCE
            )


OTHER = "20261120-142233-7f3a9d"


async def test_the_double_stands_where_it_is_wanted_and_another_where_it_stood(
    serve: Any, juggling: list[np.ndarray]
) -> None:
    async with serve(moment_seconds=5.0) as http:
        folder = make(http)
        make(http, OTHER)
        plate = Dataset.open(folder).frame(0)
        assert plate.shape[:2] == (180, 320)
        async with Browser(http, ClipTrack(juggling), view=f"as:{ID}") as browser:
            await browser.hears("state", PATIENCE)
            browser.send("place", x=0.25, y=0.1, scale=0.5)  # Before it is ready.
            await ready(browser)
            await browser.until_state(
                lambda state: "perform: mending" in state["stats"]["stages"], PATIENCE
            )
            (session,) = sessions(http).values()
            await browser.until_state(
                lambda _: session._live.performer.placement == Placement(0.25, 0.1, 0.5)
            )
            browser.send("place", x=-0.25, y=0, scale=2)
            await browser.until_state(
                lambda _: session._live.performer.placement == Placement(-0.25, 0.0, 2.0)
            )
            for wrong in (
                {"x": float("nan"), "y": 0, "scale": 1},
                {"x": 0, "y": 1e300, "scale": 1},
                {"x": 0, "y": 0, "scale": 0},
                {"x": "0", "y": 0, "scale": 1},
                {"x": 0, "y": 0},
            ):
                heard = len(browser.heard("error"))
                browser.send("place", **wrong)
                assert "must" in (await browser.hears("error", after=heard))["message"]
            first = session._live.performer
            first._side = 400  # As of a larger picture.
            slow, quick = (
                {"fps_in": 30.0, "fps_analysed": fps, "stages": {"invoke": 900 / fps}}
                for fps in (9.0, 29.0)
            )
            assert session._performing.state(slow)["smaller"]
            assert not session._performing.state(quick)["smaller"]
            assert first.placement == Placement(-0.25, 0.0, 2.0)
            browser.send("settings", view=f"as:{OTHER}")
            browser.send("smaller")
            await browser.until_state(lambda _: session._live.performer is not first, PATIENCE)
            assert session._live.performer.placement == Placement()
            assert session._live.performer._largest < first._largest
            assert (await browser.next_state())["stats"]["failures"] == 0


async def test_nobody_is_fitted_or_put_without_a_performer(serve: Any, booth_small: Any) -> None:
    async with serve() as http, Browser(http, ClipTrack(booth_small)) as browser:
        await browser.hears("state")
        for number, kind in enumerate(("calibrate", "smaller")):
            browser.send(kind)
            error = await browser.hears("error", after=number)
            assert "Choose somebody" in error["message"]
        assert (await browser.next_state())["calibrating"] is None


def test_places_are_bounded() -> None:
    parsed = control.parse('{"type":"place","x":0.5,"y":-0.5,"scale":2}')
    assert parsed == control.Place(Placement(0.5, -0.5, 2.0))
    for text in ('"x":0.51,"y":0,"scale":1', '"x":true,"y":0,"scale":1', '"x":0,"y":0,"scale":1e9'):
        with pytest.raises(ControlError):
            control.parse('{"type":"place",' + text + "}")
