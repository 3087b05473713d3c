"""COCO's annotations against its own reference implementation."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from training.errors import TrainingError
from training.network.coco_people import mask_of, people_of, read_annotations
from training.network.labelled import UNKNOWN


@given(arrays(np.uint8, (13, 17), elements={"min_value": 0, "max_value": 1}))
def test_run_lengths_are_read_as_pycocotools_writes_them(mask: np.ndarray) -> None:
    encoded = coco_mask.encode(np.asfortranarray(mask))
    text = {"size": [13, 17], "counts": encoded["counts"].decode()}
    np.testing.assert_array_equal(mask_of(text, (13, 17)), mask > 0)


def test_real_annotations_give_the_masks_that_pycocotools_gives(shared: Path) -> None:
    path = shared / "data" / "coco_person" / "person_keypoints.json"
    content = json.loads(path.read_bytes())
    sizes = {image["file_name"]: (image["height"], image["width"]) for image in content["images"]}
    seen = 0
    for name, people in read_annotations(content, path).items():
        height, width = sizes[name]
        for one in people:
            shapes = one["segmentation"]
            if isinstance(shapes, dict):
                shapes = coco_mask.frPyObjects(shapes, height, width)
            else:
                shapes = coco_mask.merge(coco_mask.frPyObjects(shapes, height, width))
            theirs = coco_mask.decode(shapes) > 0
            ours = mask_of(one["segmentation"], (height, width))
            # Polygons are rounded differently along their edges.
            differing = (ours != theirs).sum()
            assert differing <= 0.03 * theirs.sum() + 30, name
            seen += 1
        labels, keypoints = people_of(people, (height, width), name)
        assert labels.shape == (height, width)
        assert len(keypoints) == sum(not one["iscrowd"] for one in people)
    assert seen == 99


def person(**changes: Any) -> dict[str, Any]:
    square = [[2, 2, 10, 2, 10, 10, 2, 10]]
    return {"segmentation": square, "keypoints": [5, 5, 2] * 17, "area": 64} | changes


def test_crowds_are_unknown() -> None:
    crowd = {"size": [20, 30], "counts": [100, 200, 300]}
    labels, keypoints = people_of([person(segmentation=crowd, iscrowd=1), person()], (20, 30), "a")
    assert (labels == UNKNOWN).any()
    assert len(keypoints) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"keypoints": [50, 5, 2] * 17}, "a.jpg has key points outside of the picture"),
        ({"keypoints": [5, 5]}, "annotations of a.jpg cannot be read"),
        ({"segmentation": {"size": [9, 9], "counts": [81]}}, "a mask is 9x9, the picture 30x20"),
        ({"segmentation": {"size": [20, 30], "counts": [7]}}, "do not fill the picture"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        people_of([person(**changes)], (20, 30), "a.jpg")


def test_a_file_in_another_form_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"not in COCO's form"):
        read_annotations({"images": [{"name": 1}], "annotations": []}, Path("x.json"))
