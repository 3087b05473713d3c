"""The pages: jinja2 templates, each with the `page_data` of the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from capture.export import FORMATS
from capture.manifest import Manifest
from inference import zoo
from inference.body import KEYPOINT_NAMES, LABEL_NAMES, MIRROR_KEYPOINTS, PALETTE, SKELETON
from inference.errors import ModelError
from inference.views import VIEWS
from server.errors import Refused
from server.live.control import Choices
from server.rtc.ice_servers import ice_servers
from server.state import APP_STATE, AppState
from server.version import VERSION
from server.web.answers import PREFIX
from server.web.datasets_api import checked_dataset, performers, summaries
from server.work import uploads
from transfer.target import lacking

ROOT = Path(__file__).resolve().parents[2]
routes = web.RouteTableDef()
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROOT / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def render(
    request: web.Request, name: str, page_data: dict[str, Any], status: int = 200, **more: Any
) -> web.Response:
    """A page; `page_data` also reaches its scripts, as JSON. Addresses in it begin with `root`."""
    root = request.app[PREFIX]
    data = {"version": VERSION, "root": root, **page_data}
    text = _templates.get_template(name).render(version=VERSION, root=root, page_data=data, **more)
    return web.Response(text=text, content_type="text/html", status=status)


def error_page(request: web.Request, status: int, message: str) -> web.Response:
    """One sentence on a page of its own."""
    data = {"page": "error", "status": status, "message": message}
    return render(request, "error.html", data, status=status, message=message)


@routes.get("/")
async def capture_page(request: web.Request) -> web.Response:
    """See yourself live, record, import."""
    state = request.app[APP_STATE]
    settings, choices, problem, why = None, None, None, ""
    try:
        settings, choices = await state.first_settings()
        if not state.settings.model:
            why = (await state.background.run(state.networks.choice)).why
    except Refused as error:
        problem = str(error)
    known = await state.background.run(zoo.available)
    data = {
        "page": "capture",
        "model": settings.model if settings else None,
        "model_error": problem,
        "model_why": why,
        "models": list(choices.models) if choices else [],
        "one_size_models": [one.name for one in known if not one.any_size],
        "long_sides": list(state.networks.long_sides),
        "views": [{"name": view.name, "title": view.title} for view in VIEWS],
        "performers": await performers(state),
        "settings": settings.as_message() if settings else None,
        "ice_servers": ice_servers(state.settings.ice_servers),
        "limits": _limits(state),
        "parts": _parts(),
        "wanted": await _wanted(request),
    }
    return render(request, "capture.html", data)


@routes.get("/perform")
async def perform_page(request: web.Request) -> web.Response:
    """Be shown as somebody else."""
    state = request.app[APP_STATE]
    settings, problem = None, None
    try:
        settings, _ = await state.first_settings()
    except Refused as error:
        problem = str(error)
    data = {
        "page": "perform",
        "model": settings.model if settings else None,
        "model_error": problem,
        "performers": await performers(state),
        "ice_servers": ice_servers(state.settings.ice_servers),
        "limits": _limits(state),
        "moment_seconds": state.settings.moment_seconds,
    }
    return render(request, "perform.html", data)


@routes.get("/datasets")
async def datasets_page(request: web.Request) -> web.Response:
    """Everything that was captured."""
    state = request.app[APP_STATE]
    choices: Choices | None = None
    try:
        choices = await state.choices()
    except ModelError:
        choices = None
    data = {
        "page": "datasets",
        "datasets": await summaries(state),
        "limits": _limits(state),
        "models": list(choices.models) if choices else [],
        "model": next(iter(choices.models)) if choices else None,
    }
    return render(request, "datasets.html", data)


@routes.get("/datasets/{id}")
async def dataset_page(request: web.Request) -> web.Response:
    """One dataset."""
    state = request.app[APP_STATE]
    dataset_id = checked_dataset(state, request.match_info["id"])
    data = {
        "page": "dataset",
        "id": dataset_id,
        "formats": [{"name": one.name, "title": one.title} for one in FORMATS],
        "parts": _parts(),
        "keypoints": list(KEYPOINT_NAMES),
        "limbs": [list(limb) for limb in SKELETON],
    }
    return render(request, "dataset.html", data)


@routes.get("/datasets/{id}/mend")
async def mend_page(request: web.Request) -> web.Response:
    """The poses of one dataset, put right by hand."""
    state = request.app[APP_STATE]
    data = {
        "page": "dataset",
        "id": checked_dataset(state, request.match_info["id"]),
        "keypoints": [name.replace("_", " ") for name in KEYPOINT_NAMES],
        "limbs": [list(limb) for limb in SKELETON],
        "other_side": list(MIRROR_KEYPOINTS),
    }
    return render(request, "mend.html", data)


async def _wanted(request: web.Request) -> dict[str, Any] | None:
    """What a dataset's page sends somebody here to capture; None for everybody else.

    In the address: `?for=ID&wanted=BIN&wanted=BIN`, bins of `capture.coverage`.
    """
    items = lacking.wanted(request.query.getall("wanted", []))
    if "for" not in request.query or not items:
        return None
    state = request.app[APP_STATE]
    dataset = checked_dataset(state, request.query["for"])
    manifest = await state.background.run(Manifest.load, state.settings.datasets / dataset)
    return {"dataset": dataset, "title": manifest.title, "items": items}


def _limits(state: AppState) -> dict[str, Any]:
    return {
        "recording_seconds": state.settings.max_recording_seconds,
        "upload_bytes": state.settings.max_upload_bytes,
        "chunk_size": uploads.CHUNK_SIZE,
        "max_sessions": state.settings.max_sessions,
    }


def _parts() -> list[dict[str, Any]]:
    return [
        {"id": label, "name": name, "colour": PALETTE[label].tolist()}
        for label, name in enumerate(LABEL_NAMES)
    ]
