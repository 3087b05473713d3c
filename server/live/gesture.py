"""The one gesture: both hands above the head for a second starts a recording."""

from __future__ import annotations

from inference.arrays import Keypoints
from inference.body import KEYPOINT_NAMES

HOLD_SECONDS = 1.0
_MIN_SCORE = 0.3
_NOSE, _LEFT_EYE, _RIGHT_EYE, _LEFT_WRIST, _RIGHT_WRIST = (
    KEYPOINT_NAMES.index(name)
    for name in ("nose", "left_eye", "right_eye", "left_wrist", "right_wrist")
)


class HandsUp:
    """Watches the dancer's key points; fires once each time the hands have been held up."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._last_up = 0.0
        self._fired = False
        self.share = 0.0
        """0..1: how much of the second has been held."""

    def update(self, keypoints: Keypoints | None, time_s: float) -> bool:
        """True at the moment the hands have been up for `HOLD_SECONDS` (once, until lowered).

        A gap of a third of a second (a wrist not seen) does not count as lowering them.
        """
        if keypoints is not None and hands_are_up(keypoints):
            self._since = time_s if self._since is None else self._since
            self._last_up = time_s
        elif self._since is not None and time_s - self._last_up > 0.33:
            self._since, self._fired = None, False
        if self._since is None:
            self.share = 0.0
            return False
        self.share = min((self._last_up - self._since) / HOLD_SECONDS, 1.0)
        if self.share < 1.0 or self._fired:
            return False
        self._fired = True
        return True


def hands_are_up(keypoints: Keypoints) -> bool:
    """Both wrists clearly seen, above both eyes and the nose."""
    needed = keypoints[[_NOSE, _LEFT_EYE, _RIGHT_EYE, _LEFT_WRIST, _RIGHT_WRIST]]
    if float(needed[[0, 3, 4], 2].min()) < _MIN_SCORE:
        return False
    head = [float(y) for _, y, score in needed[:3] if score >= _MIN_SCORE]
    return float(needed[3:, 1].max()) < min(head)
