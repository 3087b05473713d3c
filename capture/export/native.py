"""The dataset's own layout, as it lies on disk (see docs/architecture.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from capture.export.entries import Entry, Pairs
from capture.manifest import MANIFEST_NAME
from capture.pairs import POSES_NAME

PASSES = 2
WHOLE = True
"""Pairs that a person left out are in it as well: they say so themselves."""


def entries(pairs: Pairs) -> Iterator[Entry]:
    """`dataset.json`, `poses.jsonl`, and the files of the complete pairs: nothing else."""
    dataset = pairs.dataset
    manifest = json.dumps(dataset.manifest.to_json(), indent=1, ensure_ascii=False) + "\n"
    yield Entry(MANIFEST_NAME, manifest.encode())
    yield Entry(POSES_NAME, (record.to_line() for record in pairs.every()))
    for record in pairs.every():
        frame, labels = dataset.frame_path(record.index), dataset.labels_path(record.index)
        yield Entry(f"frames/{frame.name}", frame)
        yield Entry(f"parts/{labels.name}", labels)
        heads = dataset.heads_path(record.index)
        if heads.is_file():
            yield Entry(f"heads/{heads.name}", heads)
