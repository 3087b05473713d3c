"""Links for people who may see one thing and nothing else: unguessable, revocable, expiring."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from capture.files import write_whole
from server.errors import Refused
from server.rate_limit import RateLimit

logger = logging.getLogger(__name__)

TOKEN_BYTES = 18
"""144 random bits: not to be guessed."""
DAYS = (1, 7, 30)
MOST = 500
"""Links that lead somewhere at once."""
REQUESTS, WRONG = 600, 20
"""Of one address in a minute; a player asks for a film in many pieces."""
_NOWHERE = "This link leads nowhere: it has expired, was taken back, or was mistyped."
_TOO_MANY = "That was too much from this address: wait a minute."
Kind = Literal["film", "dataset"]


@dataclass(frozen=True, slots=True)
class Share:
    """One link."""

    token: str
    kind: Kind
    target: str
    """Id of the film or dataset."""
    title: str
    created: float
    """Seconds since 1970; so is `expires`."""
    expires: float
    with_data: bool = False
    """Whether a dataset's files may be downloaded too."""

    def lives(self, now: float) -> bool:
        """Whether it leads somewhere; not either when the clock was set back before it."""
        return self.created - 86_400 <= now < self.expires


class Shares:
    """All links, in one file; used on the event loop, its writing in the background."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._shares = {one.token: one for one in _load(path)}
        self._requests = RateLimit(events=REQUESTS, seconds=60.0)
        self._wrong = RateLimit(events=WRONG, seconds=60.0)

    def all(self) -> list[Share]:
        """Those that lead somewhere, the newest first."""
        now = self._clock()
        living = [one for one in self._shares.values() if one.lives(now)]
        return sorted(living, key=lambda one: one.created, reverse=True)

    def add(self, kind: Kind, target: str, title: str, days: int, with_data: bool) -> Share:
        """A new link; `save` keeps it."""
        if len(self.all()) >= MOST:
            raise Refused(429, "full", "There are too many links: take some back first.")
        now = self._clock()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        share = Share(token, kind, target, title, now, now + days * 86_400, with_data)
        self._shares = {one.token: one for one in [*self.all(), share]}
        return share

    def revoke(self, token: str) -> None:
        """From now on it leads nowhere; `Refused` 404 when it did not before."""
        if self._shares.pop(token, None) is None:
            raise Refused(404, "not_found", "There is no such link.")

    def forget(self, target: str) -> None:
        """What it led to is gone."""
        kept = [one for one in self._shares.values() if one.target != target]
        self._shares = {one.token: one for one in kept}

    def find(self, token: str, address: str) -> Share:
        """What a link leads to, asked for from this address.

        `Refused`: 404 alike for links that never were, were taken back or have expired; 429 when
        too much is asked for, and for whoever guesses.
        """
        if not self._requests.allows(address) or not self._wrong.allows(address, count=False):
            raise Refused(429, "slow_down", _TOO_MANY)
        share = self._shares.get(token)
        if share is None or not share.lives(self._clock()):
            self._wrong.allows(address)
            raise Refused(404, "not_found", _NOWHERE)
        return share

    def save(self) -> None:
        """Write all of them. Blocks; `CaptureError` on a full disk."""
        data = [asdict(one) for one in self.all()]
        write_whole(self._path, json.dumps(data, indent=1).encode(), durable=True)
        self._path.chmod(0o600)


def _load(path: Path) -> list[Share]:
    try:
        listed: list[dict[str, Any]] = json.loads(path.read_bytes())
        names = [one.name for one in fields(Share)]
        return [Share(**{name: one[name] for name in names}) for one in listed]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("the links in %s cannot be read, and lead nowhere: %s", path, error)
        return []
