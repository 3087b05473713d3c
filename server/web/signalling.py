"""`/api/sessions`: an offer in, an answer out."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

from inference.errors import ModelError, UnderstudyError
from server.errors import Refused
from server.live.session import Session
from server.state import APP_STATE
from server.web.answers import read_json
from server.web.places import Places

MAX_OFFER_CHARACTERS = 65_536
_CODECS = "This server takes H.264 (constrained baseline or baseline, packetization mode 1) and VP8"
_TAKEN = {"H264", "VP8"}
_HELPERS = {"rtx", "red", "ulpfec", "flexfec-03"}
"""Names in an offer that are no codecs by themselves."""
routes = web.RouteTableDef()


@routes.post("/api/sessions")
async def open_session(request: web.Request) -> web.Response:
    """Begin a session; 503 `full` or `no_model`, 400 when the offer is not one."""
    state = request.app[APP_STATE]
    body = await read_json(request)
    offer = _checked_offer(body)
    settings, old = await Places(state).take(request.remote or "", body)
    session = Session(state, settings, state.forget)
    session.resume(body.get("resume"), old)
    state.sessions[session.id] = session
    try:
        answer = await session.accept(offer)
    except ModelError as error:
        raise Refused(503, "no_model", str(error)) from error
    except UnderstudyError as error:
        raise Refused(503, "device", str(error)) from error
    except OperationError as error:
        raise Refused(400, "codec", _no_codec(offer)) from error
    except (ValueError, AssertionError, LookupError, AttributeError) as error:
        raise Refused(400, "offer", "That is no offer this server can answer.") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused(
            503, "network", f"No way in for the picture could be opened: {why}."
        ) from error
    except (InvalidAccessError, InvalidStateError) as error:
        raise Refused(409, "gone", "The connection was closed before it was made.") from error
    return web.json_response(
        {"id": session.id, "token": session.token, "sdp": answer, "type": "answer"}, status=201
    )


@routes.post("/api/sessions/{id}/close")
@routes.delete("/api/sessions/{id}")
async def close_session(request: web.Request) -> web.Response:
    """End a session; no error when it has ended already."""
    session = request.app[APP_STATE].sessions.get(request.match_info["id"])
    if session is not None:
        await session.close("the page was closed")
    return web.Response(status=204)


def _checked_offer(body: dict[str, Any]) -> str:
    """The offer's SDP, as aiortc can take it."""
    sdp = body.get("sdp")
    if body.get("type") != "offer" or not isinstance(sdp, str):
        raise Refused(400, "offer", "A session begins with an SDP offer.")
    if len(sdp) > MAX_OFFER_CHARACTERS:
        raise Refused(413, "offer", "That offer is too long.")
    session, *media = re.split(r"(?=^m=)", sdp, flags=re.MULTILINE)
    kinds = sorted(one.split(maxsplit=1)[0] for one in media)
    if kinds not in (["m=application", "m=video"], ["m=application", "m=audio", "m=video"]):
        raise Refused(
            400,
            "offer",
            "An offer must hold one video track, one data channel and at most one microphone.",
        )
    for name in ("fingerprint", "ice-ufrag", "ice-pwd"):
        line = re.compile(rf"^a={name}:\S", re.MULTILINE)
        if not line.search(session) and not all(line.search(one) for one in media):
            raise Refused(400, "offer", f"That offer is not complete: it has no a={name}.")
    # A browser that gives only names for its addresses (mDNS) is found by its own checks, unless
    # it is believed that no more addresses come: then aioice gives up at once.
    return re.sub(r"^a=end-of-candidates\r?\n", "", sdp, flags=re.MULTILINE)


def _no_codec(offer: str) -> str:
    """Why nothing of an offer can be decoded here."""
    names = re.findall(r"^a=rtpmap:\d+ ([^/\s]+)/90000", offer, re.MULTILINE)
    offered = [name for name in dict.fromkeys(names) if name.lower() not in _HELPERS]
    others = ", ".join(
        name if name not in _TAKEN else f"{name} of another kind" for name in offered
    )
    return f"{_CODECS}; this browser offers {others[:200] or 'no video codec'}."
