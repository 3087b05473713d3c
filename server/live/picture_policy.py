"""Which pictures a thin line gets: smaller ones, and fewer, before they turn to mush."""

from __future__ import annotations

import math
from dataclasses import dataclass

SMALL_BELOW, LARGE_FROM = 600_000, 850_000
"""Bits a second at 640x480 below which pictures are halved, and from which they are whole."""
SLOW_BELOW, FAST_FROM = 250_000, 300_000
"""Below, every fourth picture is left out."""
SLOWER_BELOW, SLOW_FROM = 140_000, 170_000
"""Below, every second one."""
SHRINK_PAUSE, GROW_PAUSE = 0.5, 3.0
"""Seconds since the last change of size."""


@dataclass(slots=True)
class PicturePolicy:
    """Decides for every picture; back up only when there is clearly room (hysteresis)."""

    small: bool = False
    """Whether pictures are halved in both directions."""
    _changed: float = -math.inf
    _slow: bool = False
    _slower: bool = False
    _count: int = 0

    def update(self, bps: float, pixels: int, now: float) -> None:
        """There are `bps` for pictures of so many pixels; `now` in seconds."""
        share = bps * 640 * 480 / max(pixels, 1) if pixels > 640 * 480 else bps
        small = share < (LARGE_FROM if self.small else SMALL_BELOW)
        if small != self.small and now - self._changed > (SHRINK_PAUSE if small else GROW_PAUSE):
            self.small, self._changed = small, now
        self._slow = bps < (FAST_FROM if self._slow else SLOW_BELOW)
        self._slower = bps < (SLOW_FROM if self._slower else SLOWER_BELOW)

    def takes(self) -> bool:
        """Whether this picture is sent, as far as the rate goes; counts them."""
        self._count += 1
        if self._slower:
            return self._count % 2 == 0
        return not self._slow or self._count % 4 != 0
