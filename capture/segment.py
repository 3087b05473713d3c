"""Pictures become label maps and poses, one PNG and one JSON file each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.files import write_whole
from capture.photos import is_photo, read_photo, tell_passed_over
from capture.pictures import encode_labels
from inference.analysis import Analysis, Person
from inference.analyzer import Analyzer


def find_pictures(
    paths: Iterable[Path], note: Callable[[str], None] = lambda sentence: None
) -> list[Path]:
    """The pictures among files and in folders, each folder sorted by name.

    `note` is told what was passed over in a folder.

    Raises:
        CaptureError: a path does not exist, two pictures have the same name, or there is none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            everything = list(path.iterdir())
            inside = sorted(one for one in everything if one.is_file() and is_photo(one))
            tell_passed_over(path, everything, inside, note)
            if not inside:
                raise CaptureError(f"There is no picture in the folder {path}.")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise CaptureError(f"There is no file {path}.")
    names: dict[str, Path] = {}
    for path in found:
        if path.stem in names:
            raise CaptureError(
                f"{names[path.stem]} and {path} would both become {path.stem}.png: "
                "rename one, or give them different folders for --out."
            )
        names[path.stem] = path
    return found


def check_apart(pictures: Sequence[Path], out: Path) -> None:
    """Raise `CaptureError` when a label map would take the place of one of the pictures."""
    given = {(one.stat().st_dev, one.stat().st_ino) for one in pictures}
    for path in pictures:
        made = out / f"{path.stem}.png"
        if made.is_file() and (made.stat().st_dev, made.stat().st_ino) in given:
            raise CaptureError(
                f"{made} is one of the pictures: name another folder for the label maps."
            )


def segment_picture(path: Path, out: Path, analyzer: Analyzer) -> None:
    """Write `out/NAME.png` (palette label map) and `out/NAME.json` (everybody, best first).

    Raises:
        CaptureError: it is no picture, is too large, or the result cannot be written.
    """
    rgb = read_photo(path)
    analyzer.reset()
    analysis = analyzer.analyse(rgb, 0.0)
    write_whole(out / f"{path.stem}.png", encode_labels(analysis.labels))
    text = json.dumps(as_json(analysis)) + "\n"
    write_whole(out / f"{path.stem}.json", text.encode())


def as_json(analysis: Analysis) -> dict[str, Any]:
    """`{"size": [w, h], "people": [...], "dancer": index or null}`, in pixels of the picture."""
    height, width = analysis.labels.shape
    people = sorted(_everybody(analysis), key=lambda person: -person.score)
    dancer = next((i for i, one in enumerate(people) if one is analysis.person), None)
    return {
        "size": [width, height],
        "people": [
            {
                "score": round(float(person.score), 4),
                "box": [round(float(side), 2) for side in person.box],
                "keypoints": [
                    [round(float(x), 2), round(float(y), 2), round(float(score), 4)]
                    for x, y, score in person.keypoints
                ],
            }
            for person in people
        ],
        "dancer": dancer,
    }


def _everybody(analysis: Analysis) -> Iterator[Person]:
    if analysis.person is not None:
        yield analysis.person
    yield from analysis.others
