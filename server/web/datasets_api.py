"""`/api/datasets`, frames, thumbnails and streamed exports."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import web

from capture.dataset import Dataset, list_datasets
from capture.errors import DatasetBusy
from capture.export import FORMATS, export_zip
from capture.manifest import Manifest, clean_title
from server.errors import Refused
from server.performers import PREFIX, RUN
from server.state import APP_STATE, AppState
from server.web.answers import read_json
from server.web.thumbnails import Thumbnails

T = TypeVar("T")

ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
WIDTHS = range(16, 1025)
THUMBNAIL = 320
"""Pixels across of the pictures in the list."""
_BLOCK = 256 * 1024
_thumbnails = Thumbnails()
routes = web.RouteTableDef()


def checked_dataset(state: AppState, dataset_id: str) -> str:
    """The id itself when there is such a dataset; `Refused` 404 otherwise. Ids are ours only."""
    folder = state.settings.datasets / dataset_id if ID.fullmatch(dataset_id) else None
    if folder is None or not (folder / "dataset.json").is_file():
        raise Refused(404, "not_found", "There is no such dataset; it may have been deleted.")
    return dataset_id


def dataset_folder(request: web.Request) -> Path:
    """Of the dataset whose id is in the address; `Refused` 404 when there is none."""
    state = request.app[APP_STATE]
    return state.settings.datasets / checked_dataset(state, request.match_info["id"])


def writable_folder(request: web.Request) -> Path:
    """The same, to change it; `Refused` 409 while it is being made or a training reads it."""
    folder = dataset_folder(request)
    state = request.app[APP_STATE]
    if state.jobs.writing(folder.name) or folder.name in state.recordings.running:
        raise Refused(409, "busy", "This dataset is still being made; wait until it is done.")
    if state.trainings.reading(folder.name):
        raise Refused(409, "busy", "A training learns from this dataset: stop it first.")
    return folder


async def summaries(state: AppState) -> list[dict[str, Any]]:
    """All datasets, newest first, as `GET /api/datasets` lists them."""

    def list_now() -> list[dict[str, Any]]:
        root = state.settings.prefix
        return [_summary(one, root) for one in list_datasets(state.settings.datasets)]

    listed = await state.background.run(list_now)
    for one in listed:
        job = state.jobs.writing(one["id"])
        one["job"] = None if job is None else job.id
    return listed


def _summary(dataset: Dataset, root: str) -> dict[str, Any]:
    manifest, index = dataset.manifest, dataset.thumbnail_index()
    base = f"{root}/datasets/{dataset.path.name}"
    return {
        "id": dataset.path.name,
        "title": manifest.title,
        "captured_for": manifest.captured_for,
        "created": manifest.created,
        "pairs": dataset.count,
        "seconds": round(dataset.seconds, 1),
        "source": manifest.source.kind,
        "state": manifest.state,
        "coverage": manifest.coverage.get("fraction", 0.0),
        "thumbnail": None if index is None else f"{base}/frames/{index}?width={THUMBNAIL}",
        "mask": None if index is None else f"{base}/parts/{index}?width={THUMBNAIL}",
    }


async def performers(state: AppState) -> list[dict[str, str | None]]:
    """Who can be shown instead of whoever dances: views by name, with title and picture."""

    def list_now() -> list[dict[str, str | None]]:
        return [
            {
                "name": PREFIX + RUN + run,
                "title": f"{state.performers.title(run)}, trained",
                "since": state.performers.since(run),
                "picture": f"{state.settings.prefix}/performers/{quote(run)}/thumbnail",
            }
            for run in state.performers.runs()
        ]

    runs = await state.background.run(list_now)
    return runs + [
        {
            "name": PREFIX + one["id"],
            "title": one["title"],
            "since": one["created"],
            "picture": one["thumbnail"],
        }
        for one in await summaries(state)
        if one["state"] == "complete" and one["thumbnail"] is not None and one["job"] is None
    ]


@routes.get("/api/performers")
async def list_performers(request: web.Request) -> web.Response:
    """All performers, newest first."""
    return web.json_response(await performers(request.app[APP_STATE]))


@routes.get("/performers/{run}/thumbnail")
async def performer_thumbnail(request: web.Request) -> web.StreamResponse:
    """Whom a trained run shows."""
    state = request.app[APP_STATE]
    path = await state.background.run(state.performers.thumbnail, request.match_info["run"])
    if path is None:
        raise Refused(404, "not_found", "There is no such performer.")
    return web.FileResponse(path)


@routes.get("/api/datasets")
async def list_all(request: web.Request) -> web.Response:
    """All datasets, newest first."""
    return web.json_response(await summaries(request.app[APP_STATE]))


@routes.get("/api/datasets/{id}")
async def show_dataset(request: web.Request) -> web.Response:
    """The manifest and the pairs."""
    state, folder = request.app[APP_STATE], dataset_folder(request)

    def read() -> str:
        dataset = Dataset.open(folder)
        more = {"job": job, "revision": dataset.revision}  # Before the pairs: never too new.
        pairs = [pair.to_json(smoothed=False) for pair in dataset.pairs]
        return json.dumps({**dataset.manifest.to_json(), "pairs": pairs, **more})

    running = state.jobs.writing(folder.name)
    job = None if running is None else running.id
    text = await state.background.run(read)
    return web.Response(text=text, content_type="application/json")


@routes.patch("/api/datasets/{id}")
async def rename(request: web.Request) -> web.Response:
    """`{"title"}`: another title."""
    folder = writable_folder(request)
    title = (await read_json(request)).get("title")
    if not isinstance(title, str) or not clean_title(title):
        raise Refused(400, "title", "A dataset needs a title.")
    await request.app[APP_STATE].background.run(opened, folder, lambda one: one.rename(title))
    return web.json_response({"title": clean_title(title)})


@routes.delete("/api/datasets/{id}")
async def delete(request: web.Request) -> web.Response:
    """Delete the dataset for good."""
    state, folder = request.app[APP_STATE], writable_folder(request)
    await state.background.run(opened, folder, Dataset.delete)
    await state.background.run(state.films.forget_dataset, folder.name)
    state.shares.forget(folder.name)
    await state.background.run(state.shares.save)
    return web.Response(status=204)


@routes.post("/api/datasets/{id}/delete-frames")
async def delete_frames(request: web.Request) -> web.Response:
    """`{"indices": [...]}`: delete these pairs for good."""
    folder = writable_folder(request)
    indices = (await read_json(request)).get("indices")
    if not isinstance(indices, list) or not all(type(index) is int for index in indices):
        raise Refused(400, "indices", "Name the frames to delete: a list of their numbers.")
    state = request.app[APP_STATE]
    left = await state.background.run(opened, folder, lambda dataset: dataset.delete_pairs(indices))
    state.preparations.begin(folder.name)
    # It shows what was deleted.
    await state.background.run(state.films.forget_dataset, folder.name)
    return web.json_response({"pairs": left})


@routes.get("/datasets/{id}/frames/{index:[0-9]{1,8}}")
async def frame(request: web.Request) -> web.StreamResponse:
    """A frame, or a small version of it."""
    return await _picture(request, Dataset.frame_path)


@routes.get("/datasets/{id}/parts/{index:[0-9]{1,8}}")
async def parts(request: web.Request) -> web.StreamResponse:
    """A label map, or a small version of it."""
    return await _picture(request, Dataset.labels_path)


@routes.get("/datasets/{id}/export/{format}.zip")
async def export(request: web.Request) -> web.StreamResponse:
    """A dataset in a format, as a zip file made while it is sent."""
    state, name = request.app[APP_STATE], request.match_info["format"]
    if name not in {one.name for one in FORMATS}:
        raise Refused(404, "not_found", "There is no such format.")
    return await send_export(request, checked_dataset(state, request.match_info["id"]), name)


async def send_export(request: web.Request, dataset_id: str, name: str) -> web.StreamResponse:
    """A dataset, by an id that was checked, in the format of this name."""
    state = request.app[APP_STATE]
    folder = state.settings.datasets / dataset_id
    chunks = await state.background.run(opened, folder, lambda dataset: export_zip(dataset, name))
    reading = threading.Lock()  # A cancelled request leaves its thread reading for a moment.
    response = web.StreamResponse()
    response.content_type = "application/zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{folder.name}-{name}.zip"'
    try:
        await response.prepare(request)
        while block := await state.background.run(_gathered, chunks, reading):
            await response.write(block)
        await response.write_eof()
    finally:
        await asyncio.shield(state.background.run(_close, chunks, reading))
    return response


def _gathered(chunks: Generator[bytes, None, None], reading: threading.Lock) -> bytes:
    """The next few chunks together; nothing at the end."""
    block = bytearray()
    with reading:
        for chunk in chunks:
            block += chunk
            if len(block) >= _BLOCK:
                break
    return bytes(block)


def _close(chunks: Generator[bytes, None, None], reading: threading.Lock) -> None:
    with reading:
        chunks.close()


def opened(folder: Path, change: Callable[[Dataset], T]) -> T:
    """What `change` gives of a dataset; `Refused` 409 while somebody else writes or reads it."""
    try:
        return change(Dataset.open(folder))
    except DatasetBusy as error:
        raise Refused(409, "busy", str(error)) from error


async def _picture(
    request: web.Request, where: Callable[[Dataset, int], Path]
) -> web.StreamResponse:
    state, folder = request.app[APP_STATE], dataset_folder(request)
    manifest = await state.background.run(Manifest.load, folder)
    path = where(Dataset(folder, manifest), int(request.match_info["index"]))
    headers = {"Cache-Control": "private, max-age=60"}
    try:
        if "width" not in request.query:
            if not path.is_file():
                raise FileNotFoundError
            return web.FileResponse(path, headers=headers)
        small = await state.background.run(_thumbnails.get, path, _width(request))
    except OSError:
        raise Refused(404, "not_found", "There is no such frame; it may be deleted.") from None
    kind = "image/png" if path.parent.name == "parts" else "image/jpeg"
    return web.Response(body=small, content_type=kind, headers=headers)


def _width(request: web.Request) -> int:
    text = request.query["width"]
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) not in WIDTHS:
        raise Refused(400, "width", f"A width is {WIDTHS.start} to {WIDTHS.stop - 1} pixels.")
    return int(text)
