"""`/trainings`: pages and requests to train a performer or a network, and to watch it learn."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from aiohttp import web

from capture.manifest import Manifest
from inference import zoo
from inference.export_packages import missing_packages
from server.errors import Refused
from server.performers import PREFIX, RUN
from server.state import APP_STATE, AppState
from server.web.answers import read_json
from server.web.datasets_api import checked_dataset
from server.web.event_stream import stream
from server.web.pages import render
from server.work.imports import RUN as RUN_PY
from server.work.jobs import Job, State
from server.work.learnt import (
    EXPORTS,
    PICTURES_NAME,
    can_be_made,
    downloads,
    has_learnt,
    pictures,
    scores,
)
from server.work.training_record import Kind, TrainingRecord
from transfer.performers.trained_files import THUMBNAIL_NAME, WARP

MINUTES = (0.1, 240.0)
PRESETS: dict[Kind, tuple[str, ...]] = {
    "performer": (WARP, "realtime"),
    "network": ("fast", "tiny"),
}
"""Of each kind; a performer has one without being asked, the first."""
MOST_FURTHER = 8
"""Datasets that one training learns from besides the first."""
SIZES = (256, 384, 512)
STARTS = ("base", "none")
_PICTURE = re.compile(r"(true|\d{6,8})\.jpg")
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""The report has its style and pictures inside, and needs nothing else."""
routes = web.RouteTableDef()


def _record(request: web.Request) -> TrainingRecord:
    return request.app[APP_STATE].trainings.get(request.match_info["id"])


def _run(request: web.Request) -> Path:
    trainings = request.app[APP_STATE].trainings
    return trainings.run_folder(_record(request))


# Pages


@routes.get("/trainings")
async def trainings_page(request: web.Request) -> web.Response:
    """What learns, what waits, what has been learnt."""
    state = request.app[APP_STATE]
    return render(
        request, "trainings.html", {"page": "trainings", "trainings": await _summaries(state)}
    )


@routes.get("/trainings/{id}")
async def training_page(request: web.Request) -> web.Response:
    """One training, from its first picture to its downloads."""
    state, record = request.app[APP_STATE], _record(request)
    data = {"page": "training", "id": record.id, "training": await _summary(state, record)}
    return render(request, "training.html", data, title=record.title, kind=record.kind)


# Requests


@routes.get("/api/trainings")
async def list_trainings(request: web.Request) -> web.Response:
    """Those that run and wait, then the others; and how fast this machine trains."""
    state = request.app[APP_STATE]
    measured = {kind: state.trainings.measured(kind) for kind in PRESETS}
    missing = await state.background.run(missing_packages)
    return web.json_response(
        {"trainings": await _summaries(state), "measured": measured, "no_network": missing}
    )


@routes.post("/api/trainings")
async def begin(request: web.Request) -> web.Response:
    """Queue a training."""
    state, wanted = request.app[APP_STATE], await read_json(request)
    kind: Kind = _one_of(wanted, "kind", tuple(PRESETS)) or "performer"
    preset = _one_of(wanted, "preset", PRESETS[kind])
    if kind == "network":
        preset = preset or PRESETS[kind][0]
        if missing := await state.background.run(missing_packages):
            raise Refused(503, "packages", missing)
    further = wanted.get("with", [])
    if not isinstance(further, list) or len(further) > MOST_FURTHER:
        raise Refused(400, "with", f"Name {MOST_FURTHER} further datasets at the most.")
    names = dict.fromkeys(map(str, (wanted.get("dataset"), *further)))
    found = [await _learnable(state, name) for name in names]
    dataset, manifest = found[0]
    sizes = {(one.frame.width, one.frame.height) for _, one in found}
    if kind == "performer" and len(sizes) > 1:
        listed = " and ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise Refused(409, "size", f"Their pictures are {listed}: choose datasets of one camera.")
    if not state.recordings.room_left():
        raise Refused(507, "disk", "The server's disk is nearly full; delete something first.")
    record = TrainingRecord.new(
        dataset,
        manifest.title,
        _minutes(wanted),
        kind=kind,
        preset=preset,
        size=_one_of(wanted, "size", SIZES),
        start=_one_of(wanted, "start", STARTS),
        further=[name for name, _ in found[1:]],
    )
    record = await state.trainings.add(record)
    return web.json_response(await _summary(state, record), status=201)


async def _learnable(state: AppState, name: str) -> tuple[str, Manifest]:
    """A dataset's id and manifest; `Refused` when it cannot be learnt from now."""
    dataset = checked_dataset(state, name)
    manifest = await state.background.run(Manifest.load, state.settings.datasets / dataset)
    if manifest.state != "complete" or state.jobs.writing(dataset):
        raise Refused(409, "busy", "This dataset is still being made; wait until it is done.")
    return dataset, manifest


@routes.post("/api/trainings/{id}/stop")
async def stop(request: web.Request) -> web.Response:
    """End it now; what it has learnt is kept."""
    record = _record(request)
    await request.app[APP_STATE].trainings.stop(record)
    return web.json_response(await _summary(request.app[APP_STATE], record))


@routes.post("/api/trainings/{id}/continue")
async def go_on(request: web.Request) -> web.Response:
    """Train so many minutes more."""
    state, record = request.app[APP_STATE], _record(request)
    for dataset in record.datasets:
        checked_dataset(state, dataset)
    if record.preset not in (None, *PRESETS[record.kind]):
        raise Refused(
            409, "preset", f"This version no longer trains the preset {record.preset}: train anew."
        )
    await state.trainings.go_on(record, _minutes(await read_json(request)))
    return web.json_response(await _summary(state, record))


@routes.delete("/api/trainings/{id}")
async def delete(request: web.Request) -> web.Response:
    """Stop it if need be, and forget what it has learnt."""
    await request.app[APP_STATE].trainings.delete(_record(request))
    return web.Response(status=204)


@routes.post("/api/trainings/{id}/export")
async def export(request: web.Request) -> web.Response:
    """Make the file of a format that programs elsewhere read; a job."""
    state, record = request.app[APP_STATE], _record(request)
    wanted = _one_of(await read_json(request), "format", tuple(EXPORTS))
    if wanted is None or record.kind != "performer":
        raise Refused(400, "format", "Say in which format; a network has one alone.")
    if not record.over:
        raise Refused(409, "busy", "Wait until the training has ended.")
    run, dataset = state.trainings.run_folder(record), state.settings.datasets / record.dataset

    async def finished(job: Job, outcome: State) -> None:
        if outcome == "done":
            job.message = "It is ready to be downloaded."

    command = [str(RUN_PY), "export-model", str(run), f"--dataset={dataset}"]
    command.append(f"--format={EXPORTS[wanted]}")
    job = state.jobs.add(Job("export", record.title, None, command, finished))
    return web.json_response({"job": job.id}, status=202)


def _minutes(wanted: dict[str, Any]) -> float:
    minutes = wanted.get("minutes")
    low, high = MINUTES
    if isinstance(minutes, bool) or not isinstance(minutes, int | float):
        raise Refused(400, "minutes", "Say for how many minutes.")
    if not low <= minutes <= high:
        raise Refused(400, "minutes", f"A training takes {low:g} to {high:g} minutes.")
    return float(minutes)


def _one_of(wanted: dict[str, Any], name: str, allowed: tuple[Any, ...]) -> Any:
    value = wanted.get(name)
    if value is not None and (isinstance(value, bool) or value not in allowed):
        raise Refused(400, name, f"There is no such {name} to choose.")
    return value


# Events


@routes.get("/api/trainings/events")
async def list_events(request: web.Request) -> web.StreamResponse:
    """The list, whenever it changes."""
    state = request.app[APP_STATE]
    return await stream(request, lambda: _summaries(state), _waiting(state))


@routes.get("/api/trainings/{id}/events")
async def events(request: web.Request) -> web.StreamResponse:
    """One training: how far it is, new points of its curves, its pictures, at last its scores."""
    state, record = request.app[APP_STATE], _record(request)
    log, sent = state.trainings.log(record), -1.0
    await state.background.run(log.read)

    async def news() -> dict[str, Any]:
        nonlocal sent
        found = await _summary(state, record)
        newest = log.points[-1]["seconds"] if log.points else -1.0
        anew = sent < 0 or newest < sent
        points = [one for one in log.points if anew or one["seconds"] > sent]
        sent = newest
        run = state.trainings.run_folder(record)
        more = await state.background.run(_pictures_and_scores, run, record.kind)
        gone = record.id not in {one.id for one in state.trainings.all()}
        return {**found, **more, "points": points, "anew": anew, "gone": gone}

    return await stream(request, news, _waiting(state))


def _waiting(state: AppState) -> Callable[[], Awaitable[bool]]:
    version = state.trainings.version

    async def wait() -> bool:
        nonlocal version
        version = await state.trainings.wait(version)
        return not state.trainings.closed

    return wait


async def _summaries(state: AppState) -> list[dict[str, Any]]:
    return [await _summary(state, one) for one in state.trainings.all()]


async def _summary(state: AppState, record: TrainingRecord) -> dict[str, Any]:
    log, run = state.trainings.log(record), state.trainings.run_folder(record)
    waiting = [one.id for one in state.trainings.all() if one.state == "waiting"]

    def check() -> tuple[bool, str | None, bool]:
        if record.over:
            log.read()
        usable = record.network is not None and record.network in zoo.own_names()
        return has_learnt(run, record.kind), _picture_of(run, record), usable

    learnt, shown, usable = await state.background.run(check)
    now = log.latest
    return {
        "id": record.id,
        "kind": record.kind,
        "dataset": record.dataset,
        "title": record.title,
        "preset": record.preset,
        "size": record.size,
        "minutes": record.minutes,
        "state": record.state,
        "created": record.created,
        "message": record.message,
        "saying": log.sentence if record.state == "preparing" else "",
        "place": waiting.index(record.id) + 1 if record.id in waiting else None,
        "seconds": now.get("seconds", 0.0),
        "seconds_left": now.get("seconds_left"),
        "pictures_per_second": now.get("pictures_per_second"),
        "learnt": learnt,
        "performer": f"{PREFIX}{RUN}{record.id}" if learnt and record.kind == "performer" else None,
        "network": record.network if usable else None,
        "picture": shown if learnt else None,
    }


def _picture_of(run: Path, record: TrainingRecord) -> str | None:
    """Address of a picture that stands for a training."""
    if record.kind == "performer":
        here = (run / THUMBNAIL_NAME).is_file()
        return f"/performers/{record.id}/thumbnail" if here else None
    names = pictures(run)
    return f"/trainings/{record.id}/pictures/{names[-1]}.jpg" if names else None


def _pictures_and_scores(run: Path, kind: Kind) -> dict[str, Any]:
    """What the run's folder holds by now."""
    return {
        "pictures": pictures(run),
        "downloads": list(downloads(run, kind)),
        "can_be_made": can_be_made(run, kind),
        "scores": scores(run),
    }


# Files


@routes.get("/trainings/{id}/pictures/{name}")
async def picture(request: web.Request) -> web.StreamResponse:
    """Held-out poses: true, or as they were drawn then."""
    name = request.match_info["name"]
    path = _run(request) / PICTURES_NAME / name
    if not _PICTURE.fullmatch(name) or not path.is_file():
        raise Refused(404, "not_found", "There is no such picture.")
    # Of the same name and other content after a training was begun anew.
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


@routes.get("/trainings/{id}/report")
async def report(request: web.Request) -> web.StreamResponse:
    """All measures, with pictures."""
    path = _run(request) / "evaluation.html"
    if not path.is_file():
        raise Refused(404, "not_found", "This training has not been measured.")
    return web.FileResponse(path, headers={"Content-Security-Policy": _REPORT_POLICY})


@routes.get("/trainings/{id}/download/{kind}.zip")
async def download(request: web.Request) -> web.Response:
    """What performing elsewhere needs, or a file for other programs."""
    state, record, run = request.app[APP_STATE], _record(request), _run(request)
    files = await state.background.run(downloads, run, record.kind)
    kind = request.match_info["kind"]
    if kind not in files:
        raise Refused(404, "not_found", "There is nothing of that kind to download.")
    body = await state.background.run(_zipped, run, files[kind])
    name = f'attachment; filename="{run.name}-{kind}.zip"'
    return web.Response(
        body=body, content_type="application/zip", headers={"Content-Disposition": name}
    )


def _zipped(run: Path, names: list[str]) -> bytes:
    """Some tens of megabytes at most."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name in names:
            file.write(run / name, f"{run.name}/{name}")
    return buffer.getvalue()
