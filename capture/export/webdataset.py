"""WebDataset: shards (tar files) of samples, a sample being the files that share a stem."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from typing import IO, cast

from capture.export.entries import SPLITS, Content, Entry, Pairs
from capture.export.zipping import BLOCK, Outlet, pieces
from capture.pairs import PairRecord
from capture.pictures import encode_labels

PASSES = 1

SHARD_BYTES = 128_000_000
"""A shard is closed before a sample that would make its pictures larger than this."""


def entries(pairs: Pairs) -> Iterator[Entry]:
    """`train-000000.tar`, ..., `val-000000.tar`, ...; each holds samples like
    `000123.jpg`, `000123.parts.png`, `000123.json`.
    """
    for split in SPLITS:
        shards = groupby(_numbered(pairs, pairs.every(split)), key=lambda item: item[0])
        for number, samples in shards:
            records = (record for _, record in samples)
            yield Entry(f"{split}-{number:06d}.tar", _shard(pairs, records))


def _numbered(pairs: Pairs, records: Iterator[PairRecord]) -> Iterator[tuple[int, PairRecord]]:
    """Each pair with the number of its shard."""
    number, size = 0, 0
    for record in records:
        dataset = pairs.dataset
        paths = (dataset.frame_path(record.index), dataset.labels_path(record.index))
        bytes_ = sum(path.stat().st_size for path in paths)
        if size and size + bytes_ > SHARD_BYTES:
            number, size = number + 1, 0
        size += bytes_
        yield number, record


def _shard(pairs: Pairs, records: Iterator[PairRecord]) -> Iterator[bytes]:
    outlet = Outlet()
    created = pairs.created.timestamp()
    with tarfile.open(
        fileobj=cast(IO[bytes], outlet), mode="w|", format=tarfile.USTAR_FORMAT
    ) as archive:
        for record in records:
            for entry in _sample(pairs, record):
                content = b"".join(pieces(entry.content))
                info = tarfile.TarInfo(entry.path)
                info.size, info.mtime = len(content), created
                archive.addfile(info, BytesIO(content))
            if outlet.size >= BLOCK:
                yield outlet.taken()
    yield outlet.taken()


def _sample(pairs: Pairs, record: PairRecord) -> Iterator[Entry]:
    """What comes after the first dot of a name is the field's name."""
    frame = pairs.dataset.frame_path(record.index)
    yield Entry(frame.name, frame)
    yield Entry(f"{frame.stem}.parts.png", _label_map(pairs, record))
    yield Entry(f"{frame.stem}.json", json.dumps(record.to_json()).encode())


def _label_map(pairs: Pairs, record: PairRecord) -> Content:
    if record.erased:
        return encode_labels(pairs.dataset.labels(record.index))
    return pairs.dataset.labels_path(record.index)
