"""A dataset as a film, as a person left it."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np

from capture.dataset import Dataset
from run import main


def test_who_was_erased_has_no_mask_and_what_was_left_out_is_not_shown(
    juggler: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(juggler, tmp_path / "d")
    dataset = Dataset.open(folder)
    dataset.edit_pairs({0: {"left_out": True}, 1: {"erased": True}}, dataset.revision)
    assert main(["film", str(folder), f"--out={tmp_path / 'film.mp4'}"]) == 0
    with av.open(str(tmp_path / "film.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 119
    masks = [np.asarray(frame[:, 640:]) for frame in frames[:2]]
    assert masks[0][:, 20:].max() < 40
    assert masks[1].max() > 150
