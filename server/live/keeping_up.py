"""Says when a machine is too slow for a camera: how much is lost, and what would help."""

from __future__ import annotations

from typing import Any

from inference.zoo import quicker_than
from server.performers import busy, too_much

BEHIND = 0.85
"""Who analyses less than this share of the pictures that come is behind."""
SURE_SECONDS = 5.0
"""So long without a break, before it is said: a network that is being opened is no slow one."""
USUAL_PIXELS = 640 * 480


class KeepingUp:
    """Watches one session's figures."""

    def __init__(self) -> None:
        self._behind_since: float | None = None

    def note(self, stats: dict[str, Any], now: float) -> str:
        """A sentence while the machine is behind; else empty.

        Args:
            stats: the contract's, with `stages`, `size` and `model`.
            now: in seconds.
        """
        came, seen = stats["fps_in"], stats["fps_analysed"]
        if seen >= BEHIND * came or not busy(stats):
            self._behind_since = None
            return ""
        if self._behind_since is None:
            self._behind_since = now
        if now - self._behind_since < SURE_SECONDS:
            return ""
        help_by = _help(stats["model"], stats["size"])
        return f"{too_much(stats)} {help_by}"


def _help(model: str, size: list[int]) -> str:
    better = []
    if (quicker := quicker_than(model)) is not None:
        better.append(f"the network {quicker}")
    if size[0] * size[1] > USUAL_PIXELS:
        better.append("a smaller resolution")
    if not better:
        return "Other programs may need it just now."
    return f"Quicker, in the settings: {' or '.join(better)}."
