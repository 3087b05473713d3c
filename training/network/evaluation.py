"""The rows of `run.py evaluate-model`: what is measured, on which files, and how.

Each row takes a network's `predict` (a frame in, heads out) and real data that the network has
never been trained on. Key points are matched to the marked person by the least mean distance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.video import read_frames
from inference.analysis import Heads, Person
from inference.arrays import Labels, Rgb
from inference.outline import follow_outline
from inference.personlab import decode_people
from inference.segmentation import label_map
from inference.tracking import DancerTracker
from training.network.coco_people import read_annotations
from training.network.metrics import MeanIou, boundary_f_score, box_iou, extent, hits, iou
from training.network.sources import coco_joints, read_mask, read_photo
from training.network.teacher import part_labels

Predict = Callable[[Rgb], Heads]
Row = dict[str, Any]
Points = NDArray[np.float32]

THRESHOLD = 0.6
"""Of "person", as the live path has it by default."""
PCK = 0.2
"""PCK@0.2 of half the longer extent of the marked joints, or of half the longer side of the box."""
FOUND = 0.3
"""Somebody is found when a box overlaps theirs by more than this (intersection over union)."""
TEACHER_SURE = 0.5
NEAR = 0.05
"""Agreement with the teacher: within this share of the longer side of the teacher's box."""
UPPER, ROOM_ABOVE = 0.22, 0.05
"""Shares of the person's height: head and shoulders."""
EVERY = 10
"""Every tenth photo, sorted by name, is never trained on."""
FRAMES_A_CLIP = 40
COCO_POINTS, COCO_HEIGHT = 8, 96.0
"""COCO's people with at least so many visible points in a box at least so high, pixels."""

FRAME_LISTS = Path(__file__).parent / "measured_frames.json"
"""Numbers of the frames that show nobody, exactly three people, somebody who stands still."""

CLIPS = ("dancer_a.mp4", "dancer_b.mp4", "dancer_d.mp4", "juggler.mp4",
         "booth/sorry.mkv", "booth/school.mkv")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Material:
    """Where the measured files lie, and the reference that agreement is measured against."""

    folder: Path
    reference: Predict
    """The teachers' ensemble at 721 pixels."""
    ensemble: Predict
    """The teachers' ensemble at several sizes."""


def photos(material: Material) -> list[tuple[Path, Path]]:
    """Every tenth photo of `people/` and its mask."""
    folder = material.folder / "people"
    found = sorted((folder / "photos").glob("*.jpg"))[::EVERY]
    return [(photo, folder / "person_masks" / f"{photo.stem}.png") for photo in found]


def dancer_labels(predict: Predict, rgb: Rgb) -> Labels:
    """The label map of a single picture's dancer, as the live path makes it."""
    heads = predict(rgb)
    people = decode_people(heads)
    chosen = DancerTracker().choose(people, 0.0, (rgb.shape[1], rgb.shape[0]))
    if chosen is None:
        return np.zeros(rgb.shape[:2], np.uint8)
    return follow_outline(label_map(heads, people, chosen, THRESHOLD), rgb, heads)


def masks(predict: Predict, material: Material) -> Row:
    """Mean person IoU and boundary F-score of every tenth photo of `people/`."""
    return _mask_scores(
        predict, ((read_photo(one), read_mask(two)) for one, two in photos(material))
    )


def close(predict: Predict, material: Material) -> Row:
    """The same of head and shoulders alone, cut from those photos as a webcam may show them."""
    pictures = []
    for photo, mask_path in photos(material):
        mask = read_mask(mask_path)
        part = upper(mask)
        pictures.append((read_photo(photo)[part], mask[part]))
    return _mask_scores(predict, pictures)


def upper(mask: Labels) -> tuple[slice, slice]:
    """Rows and columns of a 4:3 picture of the person's upper `UPPER`, with room above."""
    _, top, _, height = cv2.boundingRect((mask == 1).astype(np.uint8))
    first = max(0, round(top - ROOM_ABOVE * height))
    last = round(top + UPPER * height)
    middle = float(np.nonzero((mask[first:last] == 1).any(axis=0))[0].mean())
    wide = (last - first) * 4 / 3
    return slice(first, last), slice(max(0, round(middle - wide / 2)), round(middle + wide / 2))


def _mask_scores(predict: Predict, pictures: Iterable[tuple[Rgb, Labels]]) -> Row:
    """Of pictures and their human masks."""
    ious, outlines = [], []
    for rgb, mask in pictures:
        labels = dancer_labels(predict, rgb)
        ious.append(iou(labels > 0, mask == 1, mask != 255))
        outlines.append(boundary_f_score(labels > 0, mask == 1, mask != 255))
    return {
        "photos": len(ious),
        "person_iou": float(np.mean(ious)),
        "boundary_f_score": float(np.mean(outlines)),
    }


def parts(predict: Predict, material: Material) -> Row:
    """Agreement with the teachers' parts inside of true person pixels, mean IoU of 24 parts."""
    agreement = MeanIou(24)
    for photo, mask_path in photos(material):
        rgb, true = read_photo(photo), read_mask(mask_path) == 1
        theirs = part_labels(material.ensemble(rgb))
        agreement.add(part_labels(predict(rgb))[true] - 1, theirs[true] - 1)
    return {"photos": len(photos(material)), "part_agreement": agreement.value()}


def nearest(people: Sequence[Person], true: Points) -> Points:
    """Key points of the person nearest to the marked ones `[17, 3]`; far away when nobody is."""
    known = true[:, 2] > 0
    found = [person.keypoints for person in people]
    if not found:
        return np.full((17, 3), -1e6, np.float32)
    away = [
        float(np.linalg.norm(points[known, :2] - true[known, :2], axis=1).mean())
        for points in found
    ]
    return found[int(np.argmin(away))]


def coco(predict: Predict, material: Material) -> Row:
    """PCK of COCO's people with eight visible points or more in boxes that are high enough, and how
    many of them are found at all."""
    folder = material.folder / "coco_person"
    path = folder / "person_keypoints.json"
    right: list[bool] = []
    count = seen = 0
    for name, people in sorted(read_annotations(json.loads(path.read_bytes()), path).items()):
        found: list[Person] | None = None
        for one in people:
            true = np.array(one["keypoints"], np.float32).reshape(17, 3)
            true[:, 2] = true[:, 2] == 2
            if true[:, 2].sum() < COCO_POINTS or one["bbox"][3] < COCO_HEIGHT:
                continue
            if found is None:
                found = decode_people(predict(read_photo(folder / "images" / name)))
            count += 1
            seen += any(box_iou(person.box, one["bbox"]) > FOUND for person in found)
            radius = PCK * max(one["bbox"][2:]) / 2
            right += hits(nearest(found, true), true, radius).tolist()
    pck = float(np.mean(right))
    return {"people": count, "found": seen, "points": len(right), "pck": pck}


def sports(predict: Predict, material: Material) -> Row:
    """PCK of every tenth photo of `sports/`: all, and those upside-down (neck below mid-hip)."""
    folder = material.folder / "sports"
    content = json.loads((folder / "joints.json").read_bytes())
    neck = content["joints"].index("neck")
    right: dict[str, list[bool]] = {"all": [], "upside_down": []}
    photos_of = {"all": 0, "upside_down": 0}
    for name in sorted(content["images"])[::EVERY]:
        photo = folder / "images" / name
        true = coco_joints(content["images"][name], content["joints"], photo)
        if (true[:, 2] > 0).sum() < 2:
            continue
        found = decode_people(predict(read_photo(photo)))
        radius = PCK * extent(true[true[:, 2] > 0]) / 2
        these = hits(nearest(found, true), true, radius).tolist()
        x_y_seen = content["images"][name][neck]
        upside_down = x_y_seen[2] > 0 and true[[11, 12], 2].all()
        upside_down = upside_down and x_y_seen[1] > true[[11, 12], 1].mean()
        for group in ("all", "upside_down") if upside_down else ("all",):
            right[group] += these
            photos_of[group] += 1
    return {
        "photos": photos_of["all"],
        "pck": float(np.mean(right["all"])),
        "upside_down_photos": photos_of["upside_down"],
        "upside_down_pck": float(np.mean(right["upside_down"])),
    }


def clip_frames(material: Material, clip: str) -> list[Rgb]:
    """`FRAMES_A_CLIP` frames, evenly over the clip."""
    frames = [rgb for rgb, _ in read_frames(material.folder / "videos" / clip)]
    return frames[:: max(1, len(frames) // FRAMES_A_CLIP)][:FRAMES_A_CLIP]


def sure_points(predict: Predict, rgb: Rgb) -> tuple[Points, float] | None:
    """The reference's best person: key points (1 where it is sure), longer side of the box."""
    people = decode_people(predict(rgb))
    if not people:
        return None
    points = people[0].keypoints.copy()
    points[:, 2] = points[:, 2] >= TEACHER_SURE
    return (points, max(people[0].box[2:])) if points[:, 2].any() else None


def clips(predict: Predict, material: Material) -> Row:
    """Agreement of key points with the teachers' ensemble at 721 pixels on clips of dancers."""
    by_clip: dict[str, list[bool]] = {}
    for clip in CLIPS:
        agreeing = by_clip.setdefault(clip, [])
        for rgb in clip_frames(material, clip):
            if (sure := sure_points(material.reference, rgb)) is not None:
                true, side = sure
                agreeing += hits(
                    nearest(decode_people(predict(rgb)), true), true, NEAR * side
                ).tolist()
    every = [agrees for agreeing in by_clip.values() for agrees in agreeing]
    return {
        "points": len(every),
        "agreement": float(np.mean(every)),
        "by_clip": {clip: float(np.mean(agreeing)) for clip, agreeing in by_clip.items()},
    }


def jitter(predict: Predict, material: Material) -> Row:
    """Mean movement of key points from frame to frame while somebody stands still, as a share of
    the longer side of the box; points within `NEAR` of the teachers' in both frames."""
    moves: list[float] = []
    for stretch in _lists()["still"]:
        before: Points | None = None
        for rgb in _frames_of(material, stretch["clip"], range(*stretch["frames"])):
            sure = sure_points(material.reference, rgb)
            if sure is None:
                before = None
                continue
            true, side = sure
            found = nearest(decode_people(predict(rgb)), true).copy()
            away = np.linalg.norm(found[:, :2] - true[:, :2], axis=1)
            found[:, 2] = (true[:, 2] > 0) & (away <= NEAR * side)
            if before is not None:
                both = (before[:, 2] > 0) & (found[:, 2] > 0)
                step = np.linalg.norm(found[both, :2] - before[both, :2], axis=1)
                moves += (step / side).tolist()
            before = found
    return {"steps": len(moves), "movement": float(np.mean(moves))}


def nobody(predict: Predict, material: Material) -> Row:
    """Share of pixels taken for the dancer where nobody is: an empty room, parts of photos."""
    lists = _lists()
    room = _frames_of(material, "empty_then_people.mp4", lists["empty"])
    scenery = (
        read_photo(photo)[top : top + side, left : left + side]
        for photo, (left, top, side) in (
            (material.folder / "people" / "photos" / name, place)
            for name, place in lists["scenery"].items()
        )
    )
    shares = {
        kind: [float((dancer_labels(predict, rgb) > 0).mean()) for rgb in pictures]
        for kind, pictures in (("room", room), ("scenery", scenery))
    }
    return {
        "frames": len(shares["room"]),
        "crops": len(shares["scenery"]),
        "false_pixels": float(np.mean(shares["room"] + shares["scenery"])),
        "false_pixels_room": float(np.mean(shares["room"])),
        "false_pixels_scenery": float(np.mean(shares["scenery"])),
    }


def three(predict: Predict, material: Material) -> Row:
    """Share of the frames with exactly three people in which three were found."""
    numbers = _lists()["three"]
    counts = [
        len(decode_people(predict(rgb)))
        for rgb in _frames_of(material, "three_people.avi", numbers)
    ]
    return {"frames": len(counts), "right_count": float(np.mean(np.equal(counts, 3)))}


def _lists() -> dict[str, Any]:
    lists: dict[str, Any] = json.loads(FRAME_LISTS.read_bytes())
    return lists


def _frames_of(material: Material, clip: str, numbers: Sequence[int]) -> Iterator[Rgb]:
    wanted = set(numbers)
    for number, (rgb, _) in enumerate(read_frames(material.folder / "videos" / clip)):
        if number in wanted:
            yield rgb
        if number >= max(wanted):
            return


ROWS: dict[str, tuple[Callable[[Predict, Material], Row], Callable[[Material], list[Path]]]] = {
    "masks": (masks, lambda m: [file for pair in photos(m) for file in pair]),
    "close": (close, lambda m: [file for pair in photos(m) for file in pair]),
    "parts": (parts, lambda m: [file for pair in photos(m) for file in pair]),
    "coco": (coco, lambda m: sorted((m.folder / "coco_person" / "images").iterdir())),
    "sports": (sports, lambda m: sorted((m.folder / "sports" / "images").iterdir())[::EVERY]),
    "clips": (clips, lambda m: [m.folder / "videos" / clip for clip in CLIPS]),
    "jitter": (jitter, lambda m: [m.folder / "videos" / s["clip"] for s in _lists()["still"]]),
    "nobody": (nobody, lambda m: [m.folder / "videos" / "empty_then_people.mp4"]
               + [m.folder / "people" / "photos" / name for name in _lists()["scenery"]]),
    "three": (three, lambda m: [m.folder / "videos" / "three_people.avi"]),
}  # fmt: skip
"""Each row's function and the files it measures on."""
