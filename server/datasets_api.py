"""`/api/datasets`, frames, thumbnails and streamed exports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from aiohttp import web

from capture.dataset import list_datasets
from server.errors import Refused
from server.house import HOUSE, House

ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
MAX_INDEX = 10_000_000
WIDTHS = range(16, 1025)
_BLOCK = 256 * 1024
routes = web.RouteTableDef()


def checked_dataset(house: House, dataset_id: str) -> str:
    """The id itself when there is such a dataset; `Refused` 404 otherwise. Ids are ours only."""
    folder = house.settings.datasets / dataset_id if ID.fullmatch(dataset_id) else None
    if folder is None or not (folder / "dataset.json").is_file():
        raise Refused(404, "not_found", "There is no such dataset; it may have been deleted.")
    return dataset_id


def _folder(request: web.Request) -> Path:
    house = request.app[HOUSE]
    return house.settings.datasets / checked_dataset(house, request.match_info["id"])


def _writable(request: web.Request) -> Path:
    folder = _folder(request)
    house = request.app[HOUSE]
    if house.jobs.writing(folder.name) or folder.name in house.recordings.running:
        raise Refused(409, "busy", "This dataset is still being made; wait until it is done.")
    return folder


async def summaries(house: House) -> list[dict[str, Any]]:
    """All datasets, newest first, as `GET /api/datasets` lists them."""
    found = await house.background.run(list_datasets, house.settings.datasets)
    return [_summary(house, one) for one in found]


def _summary(house: House, one: Any) -> dict[str, Any]:
    raise NotImplementedError
