"""COCO: key points and the person's mask in one file, the 24 parts as instances in another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from capture.export.entries import SPLITS, Entry, Pairs, Split, clipped, with_visibility
from capture.export.runs import person_runs, runs_by_label
from capture.pairs import PairRecord
from inference.body import KEYPOINT_NAMES, PART_NAMES, SKELETON

PASSES = 3

README = """\
annotations/person_keypoints_train.json, ..._val.json
    COCO key points: 17 points of the dancer with v = 0 (not found), 1 (guessed: hidden or unsure)
    or 2 (seen), the mask as compressed RLE, its area and box. An image with nobody has no
    annotation.
annotations/person_parts_train.json, ..._val.json
    The same images; each body part that is there is an instance of one of 24 categories
    (id = class id in the label maps = BodyPix part id + 1), as compressed RLE.

pycocotools loads all of them. Image ids are the pairs' indices; val is the last tenth of the
recording. Labels and points were made by a network, not by people; points that a person mended have
v = 2, or v = 0 where they said that it is not seen. Moved points did not move the mask.
"""

PERSON = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(KEYPOINT_NAMES),
    "skeleton": [[a + 1, b + 1] for a, b in SKELETON],
}

PARTS = [
    {"id": part + 1, "name": name, "supercategory": "person"}
    for part, name in enumerate(PART_NAMES)
]


def entries(pairs: Pairs) -> Iterator[Entry]:
    """`train/000000.jpg`, `val/...` and four annotation files."""
    yield Entry("README.txt", README.encode())
    for split in SPLITS:
        for record in pairs.every(split):
            frame = pairs.dataset.frame_path(record.index)
            yield Entry(f"{split}/{frame.name}", frame)
    for split in SPLITS:
        people = (_person(pairs, record) for record in pairs.every(split))
        parts = (_parts(pairs, record) for record in pairs.every(split))
        yield Entry(
            f"annotations/person_keypoints_{split}.json",
            _document(pairs, split, [PERSON], people),
        )
        yield Entry(f"annotations/person_parts_{split}.json", _document(pairs, split, PARTS, parts))


def _document(
    pairs: Pairs,
    split: Split,
    categories: list[dict[str, Any]],
    annotations: Iterable[list[dict[str, Any]]],
) -> Iterator[bytes]:
    """A COCO file, one image or annotation at a time; `annotations` holds a list for each pair."""
    manifest = pairs.dataset.manifest
    info = {
        "description": manifest.title,
        "date_created": manifest.created,
        "dataset": manifest.id,
        "model": manifest.model.name,
    }
    licences = [{"id": 1, "name": manifest.consent.licence, "url": ""}]
    yield b'{"info":' + _json(info) + b',"licenses":' + _json(licences)
    yield b',"categories":' + _json(categories) + b',\n"images":['
    images = (_image(pairs, record) for record in pairs.records if pairs.split(record) == split)
    yield from _lines(images)
    yield b'],\n"annotations":['
    yield from _lines(annotation for one in annotations for annotation in one)
    yield b"]}\n"


def _lines(items: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    separator = b"\n"
    for item in items:
        yield separator + _json(item)
        separator = b",\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _image(pairs: Pairs, record: PairRecord) -> dict[str, Any]:
    width, height = pairs.size(record)
    name = pairs.dataset.frame_path(record.index).name
    return {
        "id": record.index,
        "file_name": name,
        "width": width,
        "height": height,
        "license": 1,
        "time_s": record.time_s,
        "flags": record.flags,
    }


def _person(pairs: Pairs, record: PairRecord) -> list[dict[str, Any]]:
    labels = pairs.dataset.labels(record.index)
    height, width = labels.shape
    keypoints = with_visibility(record, (width, height))
    mask = person_runs(labels)
    if keypoints is None and not mask.area:
        return []
    if keypoints is None:
        keypoints = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    box: Iterable[float] = mask.box
    if not mask.area and record.box is not None:
        box = clipped(record.box, (width, height)).round(2).tolist()
    annotation: dict[str, Any] = {
        "id": record.index + 1,  # pycocotools takes an annotation with id 0 for none.
        "image_id": record.index,
        "category_id": 1,
        "iscrowd": 0,
        "segmentation": mask.as_coco(),
        "area": mask.area,
        "bbox": list(box),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "keypoints": [_short(number) for number in keypoints.ravel().tolist()],
    }
    if record.score is not None:
        annotation["dancer_score"] = round(record.score, 4)
    return [annotation]


def _parts(pairs: Pairs, record: PairRecord) -> list[dict[str, Any]]:
    return [
        {
            "id": record.index * len(PARTS) + label,
            "image_id": record.index,
            "category_id": label,
            "iscrowd": 0,
            "segmentation": mask.as_coco(),
            "area": mask.area,
            "bbox": list(mask.box),
        }
        for label, mask in runs_by_label(pairs.dataset.labels(record.index)).items()
    ]


def _short(number: float) -> float | int:
    return int(number) if number.is_integer() else round(number, 2)
