"""References from frame to frame: limbs stay with one until another is clearly better, and what
changes is faded over.

Trunk and head follow the nearest reference at once: one that stays shows the wrong side (two clips,
`STAY` for all pieces: SSIM .732 -> .726 and .753 -> .739, of the face HaarPSI .517 -> .447).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from transfer.performers.warp.choice import NEAR, Choice, choose
from transfer.target.pieces import COUNT, BodyPose, Piece
from transfer.target.references import ReferenceBank

STAY = 0.03
"""A limb changes to a reference that fits better by more than this (of `choice.costs`)."""
FADE_SECONDS = 0.15
"""So long the reference before is still seen."""
FADE_FROM = 2 / 3
"""Its share in the first picture after a change."""
LONGEST_GAP = 0.3
"""Seconds without a picture, after which nothing is faded."""
_STAY = np.full((COUNT, 1), STAY, np.float32)
_STAY[[Piece.HEAD, Piece.TRUNK]] = 0


class Chooser:
    """Chooses for one stream of poses."""

    def __init__(self, bank: ReferenceBank) -> None:
        self._bank = bank
        self.reset()

    def reset(self) -> None:
        """Another stream begins."""
        self._last: Choice | None = None
        self._time = -np.inf
        self._before = np.zeros(COUNT, np.int64)
        self._changed = np.full(COUNT, -np.inf)

    def choose(
        self, wanted: BodyPose, time_s: float, allowed: NDArray[np.bool_] | None = None
    ) -> Choice:
        """As `choice.choose`, with what fades; `time_s`: of the picture, rising."""
        if not 0 <= time_s - self._time < LONGEST_GAP:
            self.reset()
        self._time = time_s
        last = self._last
        price = None if last is None else _STAY * ~self._beside(last)
        choice = self._last = choose(self._bank, wanted, allowed, price)
        if last is None:
            return choice
        left = choice.pieces != last.pieces
        # In the middle of a fade the one that is seen more goes on fading.
        new = left & (self._shares(time_s) <= 0.5)
        self._before[new] = last.pieces[new]
        self._changed[left] = time_s
        return replace(choice, before=self._before.copy(), fading=self._shares(time_s))

    def _beside(self, last: Choice) -> NDArray[np.bool_]:
        """`[14, references]`: whether it is the piece's last one, or of the same moment."""
        numbers, mirrored = self._bank.numbers, self._bank.mirrored
        moment = np.abs(numbers - numbers[last.pieces][:, None]) <= NEAR
        return np.asarray(moment & (mirrored == mirrored[last.pieces][:, None]))

    def _shares(self, time_s: float) -> NDArray[np.float32]:
        left = 1 - (time_s - self._changed) / FADE_SECONDS
        return np.asarray(FADE_FROM * left.clip(0, 1), np.float32)
