"""Builds the application, owns what it holds, starts it and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
from collections.abc import AsyncIterator
from urllib.parse import quote

import cv2
from aiohttp import web

from capture.errors import DatasetBusy
from capture.files import check_writable, locked, make_folder
from inference.errors import UnderstudyError
from server.background import Background
from server.errors import ServerError
from server.live.handover import Handover
from server.live.recording import Recordings
from server.networks import Networks
from server.performers import Performers
from server.rtc import aiortc_tuning
from server.rtc.udp_ports import limit_udp_ports
from server.settings import Settings
from server.state import APP_STATE, AppState
from server.version import VERSION
from server.web import (
    answers,
    datasets_api,
    films_api,
    mending_api,
    pages,
    shares_api,
    signalling,
    socket_session,
    trainings_api,
    uploads_api,
)
from server.web.access import Access
from server.web.certificate import own_address, tls_context
from server.work.films import Films
from server.work.imports import Imports
from server.work.jobs import Job, Jobs
from server.work.preparations import Preparations
from server.work.renditions import Renditions
from server.work.shares import Shares
from server.work.trainings import Trainings
from server.work.uploads import Upload, Uploads

logger = logging.getLogger(__name__)
http_logger = logging.getLogger("understudy.http")
http_logger.addFilter(answers.without_foreign_tracebacks)

MAX_BODY_BYTES = 1_000_000
SHUTDOWN_SECONDS = 5.0
ACCESS = web.AppKey("access", Access)
_routes = web.RouteTableDef()


def build(settings: Settings) -> web.Application:
    """The whole application; its belongings come to life when it is started."""
    access = Access(settings)
    app = web.Application(
        middlewares=[answers.errors_as_sentences(pages.error_page), access.middleware()],
        client_max_size=MAX_BODY_BYTES,
        handler_args={
            # A little more than is allowed is read, and refused in a sentence.
            "max_line_size": 8 * answers.MAX_ADDRESS,
            "max_field_size": 8 * answers.MAX_ADDRESS,
            "logger": http_logger,
        },
    )
    app[ACCESS], app[answers.PREFIX] = access, settings.prefix
    app.on_response_prepare.append(answers.add_headers)
    # A reverse proxy may take the prefix off or leave it on: both are answered.
    for prefix in dict.fromkeys(("", settings.prefix)):
        for table in (
            pages,
            signalling,
            socket_session,
            uploads_api,
            datasets_api,
            mending_api,
            trainings_api,
            films_api,
            shares_api,
        ):
            app.add_routes(_below(prefix, table.routes))
        app.add_routes(_below(prefix, _routes))
        app.router.add_static(f"{prefix}/static/", pages.ROOT / "static")
    if settings.prefix:
        app.router.add_get(settings.prefix, _to_first_page)

    async def belongings(app: web.Application) -> AsyncIterator[None]:
        app[APP_STATE] = state = _create_state(settings)
        yield
        await state.close()

    app.cleanup_ctx.append(belongings)
    app.on_shutdown.append(_end_streams)
    return app


def _below(prefix: str, routes: web.RouteTableDef) -> list[web.RouteDef]:
    """The same routes, their paths beginning with a prefix."""
    return [
        web.RouteDef(one.method, prefix + one.path, one.handler, one.kwargs)
        for one in routes
        if isinstance(one, web.RouteDef)
    ]


async def _to_first_page(request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(f"{request.path}/")


async def _end_streams(app: web.Application) -> None:
    """Streams to pages have no end of their own; the server waits for every request."""
    await app[APP_STATE].trainings.close()


def _create_state(settings: Settings) -> AppState:
    """Create everything that needs a running loop."""
    cv2.setNumThreads(1)
    aiortc_tuning.set_bitrates(settings.downlink_kbps)
    aiortc_tuning.install()
    if settings.udp_range is not None:
        limit_udp_ports(asyncio.get_running_loop(), *settings.udp_range)
    for folder in (settings.datasets, settings.uploads):
        check_writable(folder / "test")
    background = Background(threads=4)
    jobs = Jobs(settings.job_memory_bytes)
    recordings = Recordings(settings, background)
    preparations = Preparations(settings)
    state = AppState(
        settings=settings,
        background=background,
        networks=Networks(settings, background),
        performers=Performers(settings, background, preparations.want),
        recordings=recordings,
        handover=Handover(recordings.end),
        jobs=jobs,
        uploads=Uploads(settings, background),
        preparations=preparations,
        trainings=Trainings(settings, background),
        films=Films(settings.data / "films"),
        shares=Shares(settings.data / "shares.json"),
    )
    state.recordings.ended = preparations.begin
    imports = Imports(settings, background, jobs, preparations.begin)
    renditions = Renditions(settings, background, jobs, state.films)

    async def arrived(upload: Upload) -> Job:
        maker = renditions if upload.purpose == "rendition" else imports
        return await maker.start(upload)

    state.uploads.arrived = arrived
    return state


@_routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """For whoever watches the server."""
    state = request.app[APP_STATE]
    try:
        models = await state.background.run(state.networks.models)
    except UnderstudyError:
        models = ()
    return web.json_response(
        {
            "status": "ok",
            "version": VERSION,
            "sessions": len(state.sessions),
            "max_sessions": state.settings.max_sessions,
            "model": models[0] if models else None,
        }
    )


def run(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; `UnderstudyError` in one sentence when it cannot start."""
    make_folder(settings.data)
    try:
        with locked(settings.data):
            asyncio.run(_serve(settings))
    except DatasetBusy:
        raise ServerError(
            f"Another Understudy uses the data folder {settings.data}: stop it,"
            " or choose another folder with --data."
        ) from None


async def _serve(settings: Settings) -> None:
    app = build(settings)
    tls = None if settings.loopback else tls_context(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise ServerError(_why_not(error, settings)) from None
        port = runner.addresses[0][1]
        print(f"Understudy is at {_address(settings, app[ACCESS], port)}", flush=True)
        print("Stop it with Ctrl-C.", flush=True)
        await _say_network(app[APP_STATE])
        await _until_stopped()
    finally:
        await runner.cleanup()


async def _say_network(state: AppState) -> None:
    """Which network calls begin with, and why; the pages say what to do when there is none."""
    if state.settings.model:
        return
    with contextlib.suppress(UnderstudyError):
        choice = await state.background.run(state.networks.choice)
        print(f"{choice.why} Another: on the page, or with --model.", flush=True)


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    await stopped.wait()


def _address(settings: Settings, access: Access, port: int) -> str:
    host = settings.host
    if host in ("0.0.0.0", "::"):
        host = settings.announce or own_address()
    host = f"[{host}]" if ":" in host else host
    scheme = "http" if settings.loopback else "https"
    token = f"?token={quote(access.token, safe='')}" if access.needs_token else ""
    return f"{scheme}://{host}:{port}{settings.prefix}/{token}"


def _why_not(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} is in use, by another Understudy perhaps:"
            " stop that one or choose another with --port."
        )
    if error.errno == errno.EACCES:
        return f"Port {settings.port} needs an administrator: choose one above 1023 with --port."
    return f"Nothing can listen on {settings.host} port {settings.port}: {error.strerror}."
