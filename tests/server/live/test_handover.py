"""A recording goes on when the call it was begun in is lost, and says what it lacks."""

import asyncio

import pytest

from bench.network.lines import LINES
from capture.dataset import Dataset
from server.live import handover
from tests.server.browser import Browser, ClipTrack
from tests.server.waiting import until


async def begin(browser: Browser) -> str:
    await until(lambda: seen(browser), 15, "a frame")
    browser.send("record", seconds=None, title="lost", high_quality=False, heads=False)
    dataset = (await browser.hears("recording", 20))["dataset"]
    await until(lambda: written(browser) > 15, 15, "pairs")
    return str(dataset)


def seen(browser: Browser) -> bool:
    """Whether the server has had a frame of the camera."""
    states = browser.heard("state")
    return bool(states) and states[-1]["stats"]["fps_analysed"] > 0


def written(browser: Browser) -> int:
    states = [one["recording"] for one in browser.heard("state") if one["recording"]]
    return states[-1]["written"] if states else 0


def datasets(http) -> list[Dataset]:
    settings = http.server.app[_state()].settings
    return [Dataset.open(path) for path in settings.datasets.iterdir()]


def _state():
    from server.state import APP_STATE

    return APP_STATE


@pytest.mark.parametrize("gone", [True, False], ids=["after the call ended", "while it lives"])
async def test_the_next_call_goes_on_with_the_same_dataset(serve, booth, gone):
    async with serve() as http:
        first = Browser(http, ClipTrack(booth), view="camera")
        assert await first.connect() == 201
        dataset = await begin(first)
        before = written(first)
        if gone:
            await first.close()
            await until(lambda: not http.server.app[_state()].sessions, 10, "the end")
            await asyncio.sleep(1.5)
        second = Browser(http, ClipTrack(booth), view="camera")
        assert await second.connect(resume=first.answer["token"]) == 201
        await until(lambda: written(second) > before + 15, 20, "more pairs")
        second.send("stop")
        counts = await second.hears("recorded", 15)
        await second.close()
        if not gone:
            await first.close()
        (found,) = datasets(http)
    assert found.manifest.id == dataset == counts["dataset"]
    assert found.manifest.state == "complete"
    assert len(found.pairs) == counts["written"] > before + 15
    times = [pair.time_s for pair in found.pairs]
    assert times == sorted(times)
    if gone:
        assert found.manifest.counts.dropped["lost"] > 0


async def test_nobody_comes_back(serve, booth_small, monkeypatch):
    monkeypatch.setattr(handover, "KEEP_SECONDS", 1.0)
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        assert await browser.connect() == 201
        await begin(browser)
        await browser.close()
        await until(lambda: all(one.manifest.state == "complete" for one in datasets(http)), 15)
        stranger = Browser(http, ClipTrack(booth_small))
        assert await stranger.connect(resume=browser.answer["token"]) == 201
        await until(lambda: stranger.heard("state"), 10, "state")
        assert stranger.heard("state")[0]["recording"] is None
        await stranger.close()
        (found,) = datasets(http)
    assert found.pairs


async def test_a_token_that_was_guessed_gets_nothing(serve, booth_small):
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        assert await browser.connect() == 201
        await begin(browser)
        await browser.close()
        await until(lambda: not http.server.app[_state()].sessions, 10, "the end")
        for guess in ("", "x" * 32, browser.answer["id"]):
            stranger = Browser(http, ClipTrack(booth_small))
            assert await stranger.connect(resume=guess) == 201
            await until(lambda one=stranger: one.heard("state"), 10, "state")
            assert stranger.heard("state")[0]["recording"] is None
            await stranger.close()


async def test_a_server_that_stops_completes_what_was_left(serve, booth_small):
    async with serve() as http:
        browser = Browser(http, ClipTrack(booth_small))
        assert await browser.connect() == 201
        await begin(browser)
        await browser.close()
        await asyncio.sleep(0.5)
        folder = http.server.app[_state()].settings.datasets
    (found,) = [Dataset.open(path) for path in folder.iterdir()]
    assert found.manifest.state == "complete"
    assert found.pairs


async def test_the_old_call_lives_until_the_new_one_is_up(serve, booth_small):
    """A page tries another way while the old one may still come back."""
    async with serve(max_sessions=1) as http:
        first = Browser(http, ClipTrack(booth_small), view="camera")
        assert await first.connect() == 201
        await begin(first)
        state = http.server.app[_state()]
        (old,) = state.sessions.values()
        attempts = [Browser(http, ClipTrack(booth_small), line=LINES["cut"]) for _ in range(2)]
        for attempt in attempts:  # No way is found: no media come.
            assert await attempt.connect(resume=first.answer["token"]) == 201
            assert len(state.sessions) == 2
            assert old.id in state.sessions
        stranger = Browser(http, ClipTrack(booth_small))
        assert await stranger.connect() == 503
        before = written(first)
        await until(lambda: written(first) > before + 10, 15, "more pairs")
        second = Browser(http, ClipTrack(booth_small), view="camera")
        assert await second.connect(resume=first.answer["token"]) == 201
        await until(lambda: written(second) > before + 15, 20, "more pairs, in the new call")
        assert [one.token for one in state.sessions.values()] == [second.answer["token"]]
        for browser in (*attempts, stranger, second, first):
            await browser.close()
        folder = state.settings.datasets
    (found,) = [Dataset.open(path) for path in folder.iterdir()]
    assert found.manifest.state == "complete"
