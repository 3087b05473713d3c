"""Mending a dataset: which poses look wrong, what a person put right, what is still lacking."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from capture.dataset import Dataset, list_datasets
from capture.doubt import doubtful
from capture.edits import checked_changes
from capture.errors import DatasetChanged, DatasetError
from capture.manifest import Manifest
from server.errors import Refused
from server.state import APP_STATE
from server.web.answers import read_json
from server.web.datasets_api import dataset_folder, opened, writable_folder
from transfer.target.lacking import lacking, more_of

KEPT = 64
"""Answers about what datasets lack: each takes a second to work out."""
routes = web.RouteTableDef()
_lacking: OrderedDict[tuple[tuple[Path, str], ...], dict[str, Any]] = OrderedDict()


@routes.get("/api/datasets/{id}/doubts")
async def show_doubts(request: web.Request) -> web.Response:
    """The pairs whose poses look wrong, the most doubtful first."""

    def look(dataset: Dataset) -> dict[str, Any]:
        revision = dataset.revision
        found = doubtful(dataset.pairs)
        return {"revision": revision, "doubtful": [asdict(one) for one in found]}

    folder = dataset_folder(request)
    answer = await request.app[APP_STATE].background.run(opened, folder, look)
    return web.json_response(answer)


@routes.get("/api/datasets/{id}/lacking")
async def show_lacking(request: web.Request) -> web.Response:
    """What the dataset lacks for a good double, with what was captured because it did."""

    def look(dataset: Dataset) -> dict[str, Any]:
        together = [dataset, *_captured_for(dataset)]
        key = tuple((one.path, one.revision) for one in together)
        if key not in _lacking:
            titles = [one.manifest.title for one in together[1:]]
            _lacking[key] = {**asdict(lacking(together)), "with": titles}
            if len(_lacking) > KEPT:
                _lacking.popitem(last=False)
        return _lacking[key]

    folder = dataset_folder(request)
    answer = await request.app[APP_STATE].background.run(opened, folder, look)
    return web.json_response(answer)


def _captured_for(dataset: Dataset) -> list[Dataset]:
    """The datasets that were captured because this one lacked them: training takes them along.

    Older ones say so by their title alone.
    """
    frame, title = dataset.manifest.frame, more_of(dataset.manifest.title)

    def wanted(one: Manifest) -> bool:
        if one.captured_for is None:
            return one.title == title
        return one.captured_for == dataset.path.name

    return [
        one
        for one in list_datasets(dataset.path.parent)
        if wanted(one.manifest)
        and one.manifest.state == "complete"
        and (one.manifest.frame.width, one.manifest.frame.height) == (frame.width, frame.height)
    ]


@routes.patch("/api/datasets/{id}/edits")
async def edit(request: web.Request) -> web.Response:
    """`{"revision", "edits": {"12": {...}}}`: the edits of these pairs from now on, all or none."""
    state, folder = request.app[APP_STATE], writable_folder(request)
    body = await read_json(request)
    revision = body.get("revision")
    if not isinstance(revision, str):
        raise Refused(400, "revision", "Say which revision of the dataset was edited.")

    def change(dataset: Dataset) -> str:
        frame = dataset.manifest.frame
        try:
            changes = checked_changes(body.get("edits"), (frame.width, frame.height))
        except DatasetError as error:
            raise Refused(400, "edits", str(error)) from error
        try:
            return dataset.edit_pairs(changes, revision)
        except DatasetChanged as error:
            raise Refused(409, "changed", str(error), revision=dataset.revision) from error

    now = await state.background.run(opened, folder, change)
    state.preparations.begin_later(folder.name)
    # It shows what may have been erased.
    await state.background.run(state.films.forget_dataset, folder.name)
    return web.json_response({"revision": now})
