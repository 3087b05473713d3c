"""Who can be shown, and that nothing about it stops the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.errors import UnderstudyError
from server.house import HOUSE
from tests.server.test_datasets_api import ID, make


async def test_every_whole_dataset_is_listed(serve):
    async with serve() as http:
        assert await (await http.get("/api/performers")).json() == []
        make(http)
        [one] = await (await http.get("/api/performers")).json()
        assert one["name"] == f"as:{ID}"
        assert (await http.get(one["picture"])).status == 200
        choices = await http.server.app[HOUSE].choices()
        assert one["name"] in choices.views


async def test_a_performer_is_made_and_a_damaged_one_refused_in_a_sentence(serve):
    async with serve() as http:
        folder: Path = make(http)
        performers = http.server.app[HOUSE].performers
        performer = await performers.open(f"as:{ID}")
        assert performer.size == (320, 180)
        (folder / "dataset.json").write_text("{}")
        with pytest.raises(UnderstudyError):
            await performers.open(f"as:{ID}")
        with pytest.raises(UnderstudyError):
            await performers.open("as:../../etc")
