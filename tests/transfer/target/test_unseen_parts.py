"""What a target never showed is left out of the condition, and said."""

from __future__ import annotations

import numpy as np
import pytest

from inference.body import LABEL_NAMES
from tests.figures import number, standing
from transfer.target.target import Target
from transfer.target.unseen_parts import UnseenParts

ARM_FRONT, ARM_BACK = (LABEL_NAMES.index(f"left_upper_arm_{side}") for side in ("front", "back"))
FEET = LABEL_NAMES.index("left_feet"), LABEL_NAMES.index("right_feet")


def _labels(*parts: int) -> np.ndarray:
    """Stripes of ten by ten pixels, a part each."""
    return np.repeat(np.array([parts], np.uint8), 10, axis=0).repeat(10, axis=1)


def test_a_limb_that_was_never_seen_is_nothing_and_its_other_side_is_shown() -> None:
    seen = [part for part in range(1, 25) if part not in (ARM_BACK, *FEET)]
    poses = np.stack([standing()] * 3)
    poses[:, [number("left_ankle"), number("right_ankle")], 2] = 0
    unseen = UnseenParts.of([_labels(0, *seen)], poses)
    assert unseen.parts == (ARM_BACK, *FEET)
    labels, keypoints = unseen.removed(_labels(0, ARM_FRONT, ARM_BACK, *FEET), standing())
    assert np.array_equal(labels, _labels(0, ARM_FRONT, ARM_FRONT, 0, 0))
    gone = keypoints[:, 2] == 0
    assert list(np.flatnonzero(gone)) == [number("left_ankle"), number("right_ankle")]
    assert "Mia was never seen with feet: where a source shows them" in unseen.sentence("Mia")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("feet", "leg", "hand"), "with hands, legs and feet:"),
        (("feet", "leg"), "with legs and feet:"),
        (("left_feet",), ""),
        ((), ""),
    ],
)
def test_whole_limbs_alone_are_said(words: tuple[str, ...], said: str) -> None:
    missing = tuple(
        part for part, name in enumerate(LABEL_NAMES) if any(word in name for word in words)
    )
    sentence = UnseenParts(missing).sentence("Mia")
    assert said in sentence if said else sentence == ""


def test_a_slip_in_one_of_many_frames_is_not_seen() -> None:
    some = [_labels(1, 2, 13)] * 199 + [_labels(1, 2, 13, *FEET)]
    assert set(FEET) <= set(UnseenParts.of(some, np.zeros((1, 17, 3), np.float32)).parts)


def test_a_whole_dancer_has_all_their_limbs(target: Target) -> None:
    label_maps = [target.labels(one) for one in range(0, len(target.pairs), 4)]
    unseen = UnseenParts.of(label_maps, target.keypoints)
    assert unseen.sentence("Juggler") == ""
    assert unseen.keypoints == ()
