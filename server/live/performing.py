"""The performer that a session wants: made ready in the background, shown, fitted to its dancer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from inference.analysis import Analysis
from inference.errors import UnderstudyError
from inference.views import ViewOptions
from server.live.calibration import Calibration
from server.live.control import Calibrate, ControlError, DrawSmaller, Place
from server.live.live_thread import LiveThread
from server.performers import Performers, is_performer, note, too_slow
from transfer.performers.performer import LivePerformer
from transfer.target.placement import Placement
from transfer.target.standing import NotStill, Standing

logger = logging.getLogger(__name__)

NOT_READY = "Your double could not be made ready; the server's log says why."
MOST_SMALLER = 4
"""Steps from the largest canvas to the smallest, and some to spare."""
FITTED = "Fitted: your double has your size now."


class Tell(Protocol):
    """Sends the page a message, from any thread."""

    def __call__(self, kind: str, **fields: Any) -> None:
        """`kind` and fields of the contract."""


class Performing:
    """Follows the wanted view of one session; on the event loop alone, but for `see`."""

    def __init__(
        self,
        performers: Performers,
        live: LiveThread,
        start: Callable[[Coroutine[Any, Any, None]], None],
        failed: Callable[[str], None],
        tell: Tell,
    ) -> None:
        """`start` runs a task for as long as the session; `failed` gets a sentence."""
        self.plain_view = ViewOptions().view
        """Shown until a performer is ready, or when it cannot be."""
        self._performers, self._live = performers, live
        self._start, self._failed, self._tell = start, failed, tell
        self._wanted = ""
        """Name of the view whose performer is shown or being made ready; empty: a plain view."""
        self._shown = ""
        self._since = 0.0
        self._placement = Placement()
        self._smaller = 0
        """How often it was asked for a smaller one: the machine is as slow for the next."""
        self._calibration = Calibration()
        self._standing: Standing | None = None
        self._stood_in: tuple[int, ...] = ()
        self._fitted: LivePerformer | None = None

    def show(self, view: str) -> None:
        """Show a view as soon as it can be: a plain one now, a performer when it is ready."""
        if not is_performer(view):
            self.plain_view, self._wanted, self._shown = view, "", ""
            self._live.performer = None
        elif view != self._wanted:
            self._wanted, self._placement = view, Placement()
            self._start(self._open(view))

    def obey(self, message: Calibrate | Place | DrawSmaller) -> None:
        """Do it between two pictures. Raises `ControlError` when nobody is performed."""
        if not self._wanted:
            raise ControlError("Choose somebody to dance as first.")
        performer = self._live.performer if self._shown == self._wanted else None
        match message:
            case Calibrate():
                self._calibration.begin()
            case Place(placement):
                self._placement = placement
                if performer is not None:
                    performer.placement = placement
            case DrawSmaller():
                self._smaller = min(self._smaller + 1, MOST_SMALLER)
                if performer is not None:
                    performer.draw_smaller()

    def see(self, analysis: Analysis, time_s: float) -> None:
        """A frame's analysis, after its picture went out; called in the live thread."""
        if self._stood_in != analysis.labels.shape:
            self._standing = None  # Another source, or another size of it.
        try:
            standing = self._calibration.see(analysis, time_s)
        except NotStill as error:
            self._tell("calibrated", ok=False, message=str(error))
            return
        if standing is not None:
            self._standing, self._stood_in = standing, analysis.labels.shape
            self._fitted = None
            self._tell("calibrated", ok=True, message=FITTED)
        performer = self._live.performer
        if self._standing is not None and performer not in (None, self._fitted):
            performer.calibrate(self._standing)
            self._fitted = performer

    def forget_dancer(self) -> None:
        """Another source begins."""
        self._standing = None

    def state(self, stats: dict[str, Any]) -> dict[str, Any]:
        """For the page, four times a second: the contract's `note` and what goes with it."""
        performer = self._live.performer
        seconds = time.monotonic() - self._since
        share = self._calibration.share
        slow = performer is not None and performer.can_be_smaller and too_slow(stats)
        return {
            "note": note(stats, performer, seconds) if self._wanted else "",
            "performing": performer is not None,
            "smaller": slow,
            "calibrating": None if share is None else round(share, 2),
        }

    async def _open(self, view: str) -> None:
        try:
            performer = await self._performers.open(view)
        except Exception as error:  # Else "getting ready" would stand there for ever.
            known = isinstance(error, UnderstudyError)
            if not known:
                logger.exception("%s could not be made ready", view)
            if self._wanted == view:
                self._failed(str(error) if known else NOT_READY)
            return
        if self._wanted == view:
            performer.placement = self._placement
            for _ in range(self._smaller):
                performer.draw_smaller()
            self._live.performer, self._shown = performer, view
            self._since = time.monotonic()
