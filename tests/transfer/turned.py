"""A dataset as a phone leaves it that was turned while recording: pictures of two sizes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from PIL import Image


def turned(source: Path, out: Path, after: float = 0.5) -> tuple[int, int]:
    """Copy a dataset, all pairs beyond a share of it narrower; how many there are of each size."""
    shutil.copytree(
        source, out, ignore=shutil.ignore_patterns("plate.png", "usable.json", "references.npz")
    )
    lines = [json.loads(line) for line in (out / "poses.jsonl").read_text().splitlines()]
    first = round(len(lines) * after)
    for pair in lines[first:]:
        frame = out / "frames" / f"{pair['index']:06d}.jpg"
        parts = out / "parts" / f"{pair['index']:06d}.png"
        picture = Image.open(frame)
        size = (picture.width * 3 // 4 // 2 * 2, picture.height)
        share = size[0] / picture.width
        picture.resize(size).save(frame, quality=95, subsampling=0)
        Image.open(parts).resize(size, Image.Resampling.NEAREST).save(parts)
        for name in ("keypoints", "smoothed"):
            for point in pair.get(name) or []:
                point[0] *= share
    (out / "poses.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in lines))
    return first, len(lines) - first
