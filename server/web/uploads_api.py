"""`/api/uploads` and `/api/jobs`."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web

from server.errors import Refused
from server.state import APP_STATE
from server.web.answers import read_json
from server.web.datasets_api import checked_dataset
from server.work.uploads import CHUNK_SIZE, Purpose

MAX_NAME = 200
routes = web.RouteTableDef()


@routes.post("/api/uploads")
async def begin(request: web.Request) -> web.Response:
    """Announce a video: `{"name", "size", "purpose", "dataset", "model", "performer"}`."""
    state = request.app[APP_STATE]
    body = await read_json(request)
    purpose = body.get("purpose")
    if purpose not in ("import", "recording", "rendition"):
        raise Refused(400, "purpose", "An upload is an import, a recording or a rendition.")
    dataset = None
    if purpose == "recording":
        name = body.get("dataset")
        dataset = checked_dataset(state, name if isinstance(name, str) else "")
        if not state.recordings.take_upload(dataset):
            raise Refused(409, "dataset", "No video is expected for this dataset.")
    performer = body.get("performer") if purpose == "rendition" else None
    if purpose == "rendition":
        known = await state.background.run(state.performers.names)
        if performer not in known:
            raise Refused(400, "performer", "There is nobody of that name to be shown.")
    model = body.get("model")
    if model is not None and model not in (await state.choices()).models:
        raise Refused(400, "model", "There is no such network here.")
    upload = state.uploads.begin(
        _name(body.get("name")), _size(body.get("size")), cast(Purpose, purpose), dataset, model,
        performer,
    )  # fmt: skip
    return web.json_response({"id": upload.id, "chunk_size": CHUNK_SIZE}, status=201)


@routes.put("/api/uploads/{id}")
async def receive(request: web.Request) -> web.Response:
    """One chunk, raw bytes, `?offset=N`."""
    uploads = request.app[APP_STATE].uploads
    upload = uploads.get(request.match_info["id"])
    try:
        offset = int(request.query.get("offset", ""))
    except ValueError:
        raise Refused(400, "offset", "A chunk needs its offset: ?offset=N.") from None
    received = await uploads.receive(upload, offset, request.content)
    return web.json_response({"received": received})


@routes.post("/api/uploads/{id}/finish")
async def finish(request: web.Request) -> web.Response:
    """All has been sent: analyse it."""
    uploads = request.app[APP_STATE].uploads
    job = await uploads.finish(uploads.get(request.match_info["id"]))
    return web.json_response({"job": job.id, "dataset": job.dataset}, status=202)


@routes.delete("/api/uploads/{id}")
async def discard(request: web.Request) -> web.Response:
    """The person thought better of it."""
    state = request.app[APP_STATE]
    upload = state.uploads.get(request.match_info["id"])
    await state.uploads.discard(upload)
    if upload.dataset is not None:  # The live pairs are what stays of that recording.
        state.preparations.begin(upload.dataset)
    return web.Response(status=204)


@routes.get("/api/jobs")
async def list_jobs(request: web.Request) -> web.Response:
    """All jobs, newest first."""
    return web.json_response([job.as_json() for job in request.app[APP_STATE].jobs.all()])


@routes.get("/api/jobs/{id}")
async def show_job(request: web.Request) -> web.Response:
    """One job."""
    return web.json_response(request.app[APP_STATE].jobs.get(request.match_info["id"]).as_json())


@routes.delete("/api/jobs/{id}")
async def cancel_job(request: web.Request) -> web.Response:
    """Cancel it; what was analysed is kept."""
    jobs = request.app[APP_STATE].jobs
    jobs.cancel(jobs.get(request.match_info["id"]))
    return web.Response(status=204)


def _name(value: Any) -> str:
    """What the file is called, for people only: one line without control characters."""
    text = "".join(c for c in value if c.isprintable()).strip() if isinstance(value, str) else ""
    return text[:MAX_NAME] or "video"


def _size(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refused(400, "size", "A video's size is a whole number of bytes.")
    return value
