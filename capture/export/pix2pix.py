"""Pairs side by side, as the aligned dataset of pytorch-CycleGAN-and-pix2pix reads them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from capture.export.entries import SPLITS, Entry, Pairs
from capture.pictures import encode_frame
from inference.body import PALETTE

PASSES = 1

README = """\
A|B pictures for pytorch-CycleGAN-and-pix2pix: A (left half) is the part mask in BodyPix's rainbow
colours, B (right half) the frame. Train mask to picture with

    python train.py --dataroot THIS_FOLDER --dataset_mode aligned --model pix2pix --direction AtoB

and look at what was held out (the last tenth of the recording) with

    python test.py --dataroot THIS_FOLDER --dataset_mode aligned --model pix2pix --direction AtoB \\
        --phase val

Flipping (on by default when training) exchanges left and right limbs: switch it off (--no_flip) if
that matters.
"""


def entries(pairs: Pairs) -> Iterator[Entry]:
    """`train/000000.jpg`, `val/000270.jpg`: mask on the left, frame on the right."""
    yield Entry("README.txt", README.encode())
    for split in SPLITS:
        for record in pairs.every(split):
            labels = pairs.dataset.labels(record.index)
            frame = pairs.dataset.frame(record.index)
            side_by_side = np.concatenate([np.take(PALETTE, labels, axis=0), frame], axis=1)
            yield Entry(f"{split}/{pairs.stem(record)}.jpg", encode_frame(side_by_side, "jpg"))
