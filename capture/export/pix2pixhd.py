"""Label maps and pictures in the folders that NVIDIA's pix2pixHD reads."""

from __future__ import annotations

from collections.abc import Iterator

import cv2

from capture.export.entries import SPLITS, Entry, Pairs
from inference.arrays import Labels
from inference.body import LABEL_NAMES

PASSES = 1

FOLDERS = {"train": "train", "val": "test"}
"""pix2pixHD's name of each split."""

README = """\
Label maps (8 bits a pixel, 0 = background, 1..24 = BodyPix's parts, see labels.txt) and frames for
NVIDIA's pix2pixHD. There is one person in each label map, so there are no instance maps:

    python train.py --dataroot THIS_FOLDER --label_nc 25 --no_instance --no_flip
    python test.py --dataroot THIS_FOLDER --label_nc 25 --no_instance

test_label and test_img hold what was held out: the last tenth of the recording. --no_flip, because
a mirrored picture has its left and right limbs exchanged, and pix2pixHD does not exchange labels.
"""


def entries(pairs: Pairs) -> Iterator[Entry]:
    """`train_label/000000.png` beside `train_img/000000.jpg`, `test_label` beside `test_img`."""
    yield Entry("README.txt", README.encode())
    names = "".join(f"{label} {name}\n" for label, name in enumerate(LABEL_NAMES))
    yield Entry("labels.txt", names.encode())
    for split in SPLITS:
        folder = FOLDERS[split]
        for record in pairs.every(split):
            frame = pairs.dataset.frame_path(record.index)
            labels = pairs.dataset.labels(record.index)
            yield Entry(f"{folder}_label/{frame.stem}.png", _grey_png(labels))
            yield Entry(f"{folder}_img/{frame.name}", frame)


def _grey_png(labels: Labels) -> bytes:
    """Without a palette, which some readers would turn into colours."""
    _, data = cv2.imencode(".png", labels, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return data.tobytes()
