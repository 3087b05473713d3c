"""YOLO-pose: a text file a picture, as Ultralytics documents it for pose data."""

from __future__ import annotations

import json
from collections.abc import Iterator

from capture.export.entries import SPLITS, Entry, Pairs, clipped, with_visibility
from capture.export.runs import person_runs
from capture.pairs import PairRecord
from inference.body import KEYPOINT_NAMES, MIRROR_KEYPOINTS

PASSES = 1


def entries(pairs: Pairs) -> Iterator[Entry]:
    """`data.yaml`, `images/train/000000.jpg`, `labels/train/000000.txt`, and `val` likewise."""
    yield Entry("data.yaml", _data_yaml(pairs).encode())
    for split in SPLITS:
        for record in pairs.every(split):
            frame = pairs.dataset.frame_path(record.index)
            yield Entry(f"images/{split}/{frame.name}", frame)
            yield Entry(f"labels/{split}/{frame.stem}.txt", _line(pairs, record).encode())


def _data_yaml(pairs: Pairs) -> str:
    held_out = any(pairs.split(record) == "val" for record in pairs.records)
    return (
        "# The folder of this file; add `path:` when it is not found.\n"
        "train: images/train\n"
        f"val: images/{'val' if held_out else 'train'}\n"
        f"kpt_shape: [{len(KEYPOINT_NAMES)}, 3]\n"
        f"flip_idx: {list(MIRROR_KEYPOINTS)}\n"
        "names:\n"
        "  0: person\n"
        "kpt_names:\n"
        f"  0: {json.dumps(KEYPOINT_NAMES)}\n"
    )


def _line(pairs: Pairs, record: PairRecord) -> str:
    """`class cx cy w h (x y v) * 17`, as shares of width and height; empty when nobody is there."""
    labels = pairs.dataset.labels(record.index)
    height, width = labels.shape
    keypoints = with_visibility(record, (width, height))
    if keypoints is None:
        return ""
    mask = person_runs(labels)
    box = mask.box if mask.area or record.box is None else record.box
    x, y, w, h = clipped(box, (width, height)).tolist()
    if not w or not h:
        return ""
    numbers = [(x + w / 2) / width, (y + h / 2) / height, w / width, h / height]
    words = ["0", *(f"{number:.6f}" for number in numbers)]
    for point_x, point_y, visibility in keypoints.tolist():
        words += [f"{point_x / width:.6f}", f"{point_y / height:.6f}", f"{visibility:.0f}"]
    return " ".join(words) + "\n"
