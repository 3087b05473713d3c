"""What a student can learn from: photos, masks, joints, people of COCO, videos, datasets.

Each picture becomes a `Sample`: its name, its files' SHA-256, and how to label it.

Of a dataset: pairs with the raw heads that were kept beside them are learnt from as they are, of
the others some a second are shown to the teachers, and poses that a person mended are believed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capture import photos
from capture.dataset import Dataset
from capture.errors import CaptureError
from capture.pairs import PairRecord
from capture.photos import NotAPicture
from capture.video import probe, read_frames
from inference.arrays import Labels, Rgb
from inference.body import KEYPOINT_NAMES
from training.errors import TrainingError
from training.network.coco_people import marked_people, people_of, read_annotations
from training.network.known_people import from_known, from_teachers
from training.network.labelled import Labelled
from training.network.labelling import TRUSTED, from_heads, from_joints, from_mask, from_people
from training.network.teachers import Teachers

VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")
MASK_FOLDERS = ("person_masks", "masks")
FRAMES_A_SECOND = 3.0
"""Frames taken from a video or a dataset without heads: neighbours teach little that is new."""
FEW_FRAMES = 50
"""Of a short dataset so many are taken all the same: some must be held out."""

PEOPLE_FILE = "people.json"
"""Beside `images/` and `masks/`: everybody's key points, in COCO's form."""

MASK, JOINTS, COCO, TEACHER, DATASET = "mask", "joints", "coco", "teacher", "dataset"
PEOPLE, ATHLETES = "people", "athletes"


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture that can be labelled."""

    name: str
    """Unique within the run: source, file and frame."""
    files: tuple[Path, ...]
    """Whose SHA-256 the network's metadata lists: the picture first, then labels."""
    kind: str
    """MASK, JOINTS, COCO, TEACHER or DATASET."""
    label: Callable[[Teachers | None], Labelled]
    """Reads and labels; `TrainingError` or `CaptureError` in a sentence when it cannot."""
    held_out: bool = False

    @property
    def needs_teacher(self) -> bool:
        """False where everything is known already."""
        return self.kind != DATASET


def find_samples(
    paths: Sequence[Path], holdout: float, note: Callable[[str], None] = lambda sentence: None
) -> list[Sample]:
    """All samples of datasets, folders and videos; of each source every n-th is held out.

    Args:
        paths: datasets, folders, photos, videos.
        holdout: share 0..0.5 that is kept for measuring: every `round(1 / holdout)`-th by name.
        note: told which files of a folder were passed over.

    Raises:
        TrainingError: a path does not exist or holds nothing to learn from.
    """
    samples: list[Sample] = []
    for path in paths:
        found = sorted(_of_path(path, note), key=lambda sample: sample.name)
        if not found:
            raise TrainingError(
                f"{path} holds nothing to learn from: give datasets, or "
                f"folders with photos (jpg, png, webp, tif ...) or videos ({', '.join(VIDEOS)})."
            )
        every = round(1 / holdout) if holdout > 0 else len(found) + 1
        samples += [
            Sample(s.name, s.files, s.kind, s.label, holdout > 0 and number % every == 0)
            for number, s in enumerate(found)
        ]
    return samples


def checksum(path: Path) -> str:
    """SHA-256 of a file; `TrainingError` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}.") from error


def _of_path(path: Path, note: Callable[[str], None]) -> Iterator[Sample]:
    if not path.exists():
        raise TrainingError(f"There is no {path}: give a dataset, a folder, a photo or a video.")
    if path.is_file():
        yield from _of_file(path)
    elif (path / "dataset.json").is_file():
        yield from _of_dataset(path)
    elif (masks := _mask_folder(path)) is not None:
        if (path / PEOPLE_FILE).is_file():
            yield from _of_known(path, masks)
        else:
            yield from _of_masks(path, masks)
    elif annotations := sorted(path.glob("*.json")):
        yield from _of_annotations(path, annotations[0])
    else:
        inside = sorted(path.iterdir())
        for inner in inside:
            if inner.is_dir() and ((inner / "dataset.json").is_file() or _mask_folder(inner)):
                yield from _of_path(inner, note)
            elif inner.is_file():
                yield from _of_file(inner)
        taken = [one for one in inside if photos.is_photo(one) or _is_video(one)]
        photos.tell_passed_over(path, inside, taken, note)


def _of_file(path: Path) -> Iterator[Sample]:
    if photos.is_photo(path):
        yield Sample(path.name, (path,), TEACHER, partial(_label_photo, path))
    elif _is_video(path):
        try:
            info = probe(path)
        except CaptureError as error:  # Left out and said when it is labelled, as a broken photo.
            yield Sample(path.name, (path,), TEACHER, partial(_refuse, error))
            return
        video = _Video(path)
        frames = info.frames or round((info.duration_s or 0) * info.fps)
        for index in range(0, frames, max(1, round(info.fps / FRAMES_A_SECOND))):
            name = f"{path.name}#{index:06d}"
            yield Sample(name, (path,), TEACHER, partial(_label_frame, video, index))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS and not path.name.startswith(".")


class _Video:
    """Frames by number; asked for in rising order, each is decoded once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: Iterator[tuple[Rgb, float]] = iter(())
        self._next = 0

    def frame(self, index: int) -> Rgb:
        """uint8 `[H, W, 3]`; `TrainingError` when the video ends before."""
        if index < self._next or self._next == 0:
            self._frames, self._next = read_frames(self._path), 0
        for rgb, _ in self._frames:
            self._next += 1
            if self._next > index:
                return rgb
        raise TrainingError(f"{self._path.name} has no frame {index}.")


def _refuse(error: CaptureError, teachers: Teachers | None) -> Labelled:
    raise error


def _label_photo(path: Path, teachers: Teachers | None) -> Labelled:
    assert teachers is not None
    return from_teachers(read_photo(path), teachers)


def _label_frame(video: _Video, index: int, teachers: Teachers | None) -> Labelled:
    assert teachers is not None
    return from_teachers(video.frame(index), teachers)


def _of_dataset(path: Path) -> Iterator[Sample]:
    try:
        dataset = Dataset.open(path)
    except CaptureError as error:
        yield Sample(path.name, (), DATASET, partial(_refuse, error))
        return
    # Of a single pair no duration is known.
    due, every = 0.0, min(1 / FRAMES_A_SECOND, dataset.seconds / FEW_FRAMES or math.inf)
    for record in dataset.used:
        frame, heads = dataset.frame_path(record.index), dataset.heads_path(record.index)
        name = f"{path.name}/{record.index:06d}"
        if record.edits:
            # A person said that what the network saw is wrong.
            if (points := _marked_by_hand(record)) is not None:
                mended = f"{name} {json.dumps(record.edits, sort_keys=True)}"
                yield Sample(mended, (frame,), TEACHER, partial(_label_mended, frame, points))
        elif heads.is_file():
            label = partial(_label_pair, dataset, record.index)
            yield Sample(name, (frame, heads), DATASET, label)
        elif record.time_s >= due:
            due += every * (1 + (record.time_s - due) // every)
            yield Sample(name, (frame,), TEACHER, partial(_label_photo, frame))


def _marked_by_hand(record: PairRecord) -> NDArray[np.float32] | None:
    """`[17, 3]`, third value 1 where a key point is known; None where nobody is sure."""
    points = record.mended()
    if points is None or not (record.confirmed or "keypoints" in record.edits):
        return None
    marked = points.astype(np.float32)
    marked[:, 2] = marked[:, 2] >= TRUSTED
    return marked


def _label_mended(frame: Path, points: NDArray[np.float32], teachers: Teachers | None) -> Labelled:
    assert teachers is not None
    rgb = read_photo(frame)
    return from_joints(rgb, points, teachers.parts, teachers.mask(rgb))


def _label_pair(dataset: Dataset, index: int, teachers: Teachers | None) -> Labelled:
    return from_heads(dataset.frame(index), dataset.heads(index))


def _mask_folder(path: Path) -> Path | None:
    return next((path / name for name in MASK_FOLDERS if (path / name).is_dir()), None)


def _of_masks(path: Path, masks: Path) -> Iterator[Sample]:
    pictures = next((path / name for name in ("photos", "images") if (path / name).is_dir()), path)
    for photo in sorted(pictures.iterdir()):
        mask = masks / f"{photo.stem}.png"
        if photos.is_photo(photo) and mask.is_file():
            label = partial(_label_mask, photo, mask)
            yield Sample(f"{path.name}/{photo.name}", (photo, mask), MASK, label)


def _label_mask(photo: Path, mask: Path, teachers: Teachers | None) -> Labelled:
    assert teachers is not None
    rgb, labels = _with_mask(photo, mask)
    if not (labels == 1).any():
        raise TrainingError(f"{mask.name} marks nobody (1 = person, 0 = nobody, 255 = ignore).")
    return from_mask(rgb, labels, teachers.parts, teachers.people(rgb))


def _with_mask(photo: Path, mask: Path) -> tuple[Rgb, Labels]:
    rgb, labels = read_photo(photo), read_mask(mask)
    if labels.shape != rgb.shape[:2]:
        raise TrainingError(
            f"{mask.name} is {labels.shape[1]}x{labels.shape[0]}, its photo "
            f"{rgb.shape[1]}x{rgb.shape[0]}: they must be of one size."
        )
    return rgb, labels


def _of_known(path: Path, masks: Path) -> Iterator[Sample]:
    """Pictures with masks of somebody and everybody's key points; the teachers label those
    without a mask."""
    annotations = path / PEOPLE_FILE
    people = read_annotations(_json(annotations), annotations)
    images = next((path / name for name in ("images", "photos") if (path / name).is_dir()), path)
    for name, these in sorted(people.items()):
        photo = _annotated(images, name)
        mask = masks / f"{Path(name).stem}.png"
        if photo is None:
            continue
        if not mask.is_file():
            label = partial(_label_photo, photo)
            yield Sample(f"{path.name}/{name}", (photo,), TEACHER, label)
        else:
            label = partial(_label_known, photo, mask, these)
            # Joints that a human marked where a teacher would not know them are drawn oftener.
            human = bool(these) and all(
                one.get("marked_by") == "human" and "segmentation" not in one for one in these
            )
            kind = ATHLETES if human else PEOPLE
            yield Sample(f"{path.name}/{name}", (photo, mask), kind, label)


def _label_known(
    photo: Path, mask: Path, people: list[dict[str, Any]], teachers: Teachers | None
) -> Labelled:
    assert teachers is not None
    rgb, labels = _with_mask(photo, mask)
    drawn, keypoints = marked_people(people, labels.shape, photo.name)
    return from_known(rgb, labels, drawn, keypoints, teachers.parts)


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{path} cannot be read as JSON: {error}.") from error
    return content


def _of_annotations(path: Path, annotations: Path) -> Iterator[Sample]:
    content = _json(annotations)
    images = next((path / name for name in ("images", "photos") if (path / name).is_dir()), path)
    if isinstance(content, dict) and "joints" in content:
        yield from _of_joints(path, images, annotations, content)
    elif isinstance(content, dict) and "annotations" in content:
        for name, people in sorted(read_annotations(content, annotations).items()):
            if (photo := _annotated(images, name)) is not None:
                label = partial(_label_coco, photo, people)
                yield Sample(f"{path.name}/{name}", (photo, annotations), COCO, label)
    else:
        raise TrainingError(
            f"{annotations} is neither in COCO's form nor a list of joints: see docs/user-guide.md."
        )


def _annotated(folder: Path, name: str) -> Path | None:
    """The photo of an annotation; names come from a file, so they must not leave the folder."""
    photo = folder / Path(name).name
    return photo if photo.is_file() else None


def _of_joints(
    path: Path, images: Path, annotations: Path, content: dict[str, Any]
) -> Iterator[Sample]:
    for name, marks in sorted(content["images"].items()):
        if (photo := _annotated(images, name)) is not None:
            label = partial(_label_joints, photo, marks, content["joints"])
            yield Sample(f"{path.name}/{name}", (photo, annotations), JOINTS, label)


def _label_joints(photo: Path, marks: Any, names: list[str], teachers: Teachers | None) -> Labelled:
    assert teachers is not None
    rgb = read_photo(photo)
    joints = coco_joints(marks, names, photo)
    return from_joints(rgb, joints, teachers.parts, teachers.mask(rgb))


def coco_joints(marks: Any, names: Sequence[str], photo: Path) -> NDArray[np.float32]:
    """Marked joints `[[x, y, visible], ...]` in COCO's order, `[17, 3]`, 0 = not marked."""
    values = np.asarray(marks, np.float32)
    if values.shape != (len(names), 3) or not np.isfinite(values).all():
        raise TrainingError(f"The joints of {photo.name} are not {len(names)} triples of numbers.")
    joints = np.zeros((17, 3), np.float32)
    for mark, name in zip(values, names, strict=True):
        if name in KEYPOINT_NAMES and mark[2] > 0:
            joints[KEYPOINT_NAMES.index(name)] = mark[0], mark[1], 1
    return joints


def _label_coco(photo: Path, people: list[dict[str, Any]], teachers: Teachers | None) -> Labelled:
    assert teachers is not None
    rgb = read_photo(photo)
    return from_people(rgb, *people_of(people, rgb.shape[:2], photo.name), teachers.parts)


def read_photo(path: Path) -> Rgb:
    """uint8 `[H, W, 3]`, RGB, at least 16 pixels each way; `TrainingError` when it is none."""
    try:
        rgb = photos.read_photo(path)
    except NotAPicture as error:
        raise TrainingError(
            f"{path.name} is no picture that can be read, or it is cut short."
        ) from error
    if min(rgb.shape[:2]) < 16:
        raise TrainingError(f"{path.name} is too small: 16 x 16 pixels are the least.")
    return rgb


def read_mask(path: Path) -> Labels:
    """uint8 `[H, W]`: 0 = nobody, 1 = person, 255 = ignore; `TrainingError` when unreadable."""
    try:
        return np.asarray(photos.open_photo(path).convert("L"), np.uint8)
    except NotAPicture as error:
        raise TrainingError(f"{path.name} is no mask that can be read.") from error


def sentence(error: Exception) -> str:
    """What to tell about a picture that was left out."""
    return str(error) if isinstance(error, TrainingError | CaptureError) else repr(error)
