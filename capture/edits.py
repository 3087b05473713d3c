"""What a person mends in a pair, kept beside what the network saw.

```
{"keypoints": {"9": [x, y], "10": null},   moved to a place in pixels of the frame, or not seen
 "interpolated": true,                      those places were filled in between two mended frames
 "right": true,                             a person looked, and what was doubted is right
 "erased": true,                            whoever was found is not the dancer: nobody is here
 "left_out": true}                          the whole frame is of no use
```
Whatever is not true or has no key points is not there. Raw key points and label maps on disk stay
as they are: `PairRecord.mended`, `Dataset.labels` and `Dataset.used` put the edits in on use. Moved
key points leave the label map alone, since nothing is known of the pixels around them; where the
person was erased it is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capture.errors import DatasetError
from inference.body import KEYPOINT_NAMES

MOST_FRAMES = 2000
"""That are changed at once."""
MARKS = ("interpolated", "right", "erased", "left_out")
_NUMBERS = frozenset(str(number) for number in range(len(KEYPOINT_NAMES)))


def checked_edits(data: Any, size: tuple[int, int]) -> dict[str, Any]:
    """One pair's edits from outside, in the form above.

    Args:
        data: parsed JSON, not to be trusted.
        size: width and height of the frame. A place may lie outside of it, where a limb is cut
            off, but no farther than the frame is large.

    Raises:
        DatasetError: it is not of that form.
    """
    if not isinstance(data, Mapping) or not data.keys() <= {"keypoints", *MARKS}:
        raise DatasetError(f"Edits are key points and the marks {', '.join(MARKS)}: nothing else.")
    points = data.get("keypoints", {})
    if not isinstance(points, Mapping) or not points.keys() <= _NUMBERS:
        last = len(KEYPOINT_NAMES) - 1
        raise DatasetError(f"Edited key points go by their numbers, 0 to {last}.")
    checked: dict[str, Any] = {}
    if points:
        order = sorted(points, key=int)
        checked["keypoints"] = {number: _place(points[number], size) for number in order}
    for mark in MARKS:
        if not isinstance(data.get(mark, False), bool):
            raise DatasetError(f"The mark {mark} is true or false.")
        if data.get(mark):
            checked[mark] = True
    return checked


def checked_changes(data: Any, size: tuple[int, int]) -> dict[int, dict[str, Any]]:
    """The edits of several pairs from outside, `{"12": {...}}`, by index; as `checked_edits`."""
    if not isinstance(data, Mapping) or not 0 < len(data) <= MOST_FRAMES:
        raise DatasetError(f"Name the edits of 1 to {MOST_FRAMES} frames, by their numbers.")
    if not all(key.isascii() and key.isdigit() and len(key) <= 8 for key in data):
        raise DatasetError("Frames go by their numbers.")
    changes = {int(key): checked_edits(edits, size) for key, edits in data.items()}
    if len(changes) < len(data):
        raise DatasetError("A frame is named twice.")
    return changes


def _place(place: Any, size: tuple[int, int]) -> list[float] | None:
    if place is None:
        return None
    if (
        not isinstance(place, list)
        or len(place) != 2
        # Not a number is neither smaller nor larger than anything.
        or not all(
            type(value) in (int, float) and -side <= value <= 2 * side
            for value, side in zip(place, size, strict=True)
        )
    ):
        raise DatasetError("The place of a key point is x and y in pixels, in or near the frame.")
    return [round(float(value), 2) for value in place]
