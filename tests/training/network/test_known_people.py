"""Labels of pictures with masks and everybody's key points."""

from typing import Any

import numpy as np
import pytest

from inference.analysis import Head, Heads
from inference.arrays import Rgb
from inference.body import PART_NAMES
from inference.geometry import Placement
from tests.training.people import at, picture
from training.network import known_people
from training.network.known_people import LIMBS, from_known, from_teachers
from training.network.labelled import UNKNOWN


def front(name: str) -> int:
    return PART_NAMES.index(f"{name}_front") + 1


class SeesNobodys:
    """A teacher of parts that sees one part everywhere, a person nowhere, and no joints."""

    def __init__(self, part: str, person: float = -9.0) -> None:
        self.part, self.person = PART_NAMES.index(part), person

    def heads(self, rgb: Rgb) -> Heads:
        height, width = rgb.shape[:2]
        rows, columns = (height - 1) // 16 + 1, (width - 1) // 16 + 1

        def head(channels: int, value: float = 0.0) -> Head:
            return Head(np.full((rows, columns, channels), value, np.float32))

        parts = head(24, -5.0)
        parts.values[..., self.part] = 5.0
        placement = Placement.letterbox((width, height), (width, height), 16)
        return Heads(
            head(17, -9.0), head(34), head(64), head(34), head(1, self.person), parts, placement
        )


def known(people: list[Any], **more: Any) -> tuple[Any, Any]:
    drawn = picture(people)
    mask = (drawn.people > 0).astype(np.uint8)
    nothing = np.zeros_like(mask)
    points = np.asarray(people, np.float32).reshape(-1, 17, 3)
    return drawn, from_known(drawn.rgb, mask, more.get("drawn", nothing), points, more["teacher"])


def test_each_pixel_is_its_nearest_persons() -> None:
    drawn, item = known([at(30, 60), at(180, 80)], teacher=None)
    both = drawn.people > 0
    assert (item.people[both] == drawn.people[both]).mean() > 0.99
    assert not item.people[~both].any()
    assert (item.parts == UNKNOWN).all()


def test_somebody_without_key_points_is_somebody_else() -> None:
    """The network learns a person there, and no key points of anybody."""
    drawn = picture([at(20, 60), at(200, 60)])
    mask = (drawn.people > 0).astype(np.uint8)
    points = at(20, 60)[None]
    item = from_known(drawn.rgb, mask, np.zeros_like(mask), points, None)
    assert set(np.unique(item.people[drawn.people == 2])) == {2}
    assert item.keypoints.shape == (2, 17, 3)
    assert not item.keypoints[1].any()


def test_an_outline_that_a_human_drew_wins() -> None:
    drawn = picture([at(60, 60), at(75, 60)])
    _, item = known([at(60, 60), at(75, 60)], teacher=None, drawn=drawn.people)
    np.testing.assert_array_equal(item.people, drawn.people)


def test_what_is_not_known_stays_so() -> None:
    drawn = picture([at(60, 60)])
    mask = (drawn.people > 0).astype(np.uint8)
    mask[:, :40] = UNKNOWN
    item = from_known(drawn.rgb, mask, np.zeros_like(mask), at(60, 60)[None], None)
    assert (item.people[:, :40] == UNKNOWN).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_sides_come_from_the_limbs_where_the_teacher_contradicts(side: str) -> None:
    """Its word on front and back is kept."""
    for part, end in ((f"{side}_upper_arm_back", "_back"), (f"{side}_face", "_front")):
        _, item = known([at(60, 60)], teacher=SeesNobodys(part))
        for first, second, name in LIMBS:
            x, y = (at(60, 60)[first, :2] + at(60, 60)[second, :2]) / 2
            assert item.parts[round(y), round(x)] == PART_NAMES.index(name + end) + 1, name


def test_between_the_limbs_nothing_is_known_of_parts() -> None:
    drawn, item = known([at(60, 60)], teacher=SeesNobodys("torso_front"))
    x, y = at(60, 60)[0, :2]
    assert drawn.people[round(y), round(x)] == 1
    assert item.parts[round(y), round(x)] == UNKNOWN


def test_where_limbs_cross_nothing_is_known() -> None:
    crossed = at(60, 60)
    crossed[[13, 15]], crossed[[14, 16]] = crossed[[14, 16]], crossed[[13, 15]].copy()
    parts = known_people._from_capsules(
        np.full((256, 320), front("left_upper_arm"), np.uint8), crossed
    )
    middle = (crossed[11] + crossed[12] + crossed[13] + crossed[14])[:2] / 4
    assert parts[round(middle[1]), round(middle[0])] == UNKNOWN


def test_strangers_whom_the_teacher_sees_are_not_nobody() -> None:
    drawn, item = known([at(60, 60)], teacher=SeesNobodys("torso_front", person=9.0))
    assert item.people[250, 310] == UNKNOWN
    assert (item.people[drawn.people > 0] == 1).all()


class Asked:
    """Teachers that see what they are told to."""

    def __init__(self, mask: Any, people: Any) -> None:
        self.parts: Any = SeesNobodys("torso_front")
        self._mask, self._people = mask, people

    def mask(self, rgb: Rgb) -> Any:
        return self._mask

    def people(self, rgb: Rgb) -> Any:
        return self._people


def test_teachers_that_contradict_each_other_teach_nothing_there() -> None:
    """One sees key points where the other sees nobody at all."""
    drawn = picture([at(20, 60), at(200, 60)])
    mask = (drawn.people == 1).astype(np.uint8)
    people = np.stack([at(20, 60), at(200, 60)])
    item = from_teachers(drawn.rgb, Asked(mask, people))  # type: ignore[arg-type]
    assert (item.people[drawn.people == 2] == UNKNOWN).mean() > 0.95
    assert (item.people[drawn.people == 1] == 1).all()
    assert item.people[250, 5] == 0
