"""A real recording to export: a clip analysed by a real network, one empty frame, one deleted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from capture.dataset import Dataset
from capture.manifest import ModelInfo, Source
from capture.video import read_frames
from capture.writer import DatasetWriter
from inference.analyzer import Analyzer, AnalyzerOptions
from inference.pool import NetworkPool

CLIP = Path(__file__).parents[2] / "data" / "juggler_320.mp4"
MODEL = "bodypix_mobilenet_v1_075_1280_720_16_per_tensor_quant.tflite"

NOBODY, DELETED, COUNT = 5, 7, 24


@dataclass(frozen=True)
class Recorded:
    """A dataset and the numbers of some of its pairs."""

    dataset: Dataset
    nobody: int = NOBODY
    deleted: int = DELETED
    count: int = COUNT - 1


@pytest.fixture(scope="session")
def recorded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Twenty-four frames; in one of them nobody is, another was deleted; with heads."""
    path = tmp_path_factory.mktemp("recorded") / "dataset"
    model = ModelInfo(MODEL, "0" * 64, (321, 177), "cpu", 0.6)
    source = Source("import", CLIP.name)
    writer = DatasetWriter.create(path, source, model, title='../"Tänzer"', keep_heads=True)
    pool = NetworkPool.open(str(models / MODEL), "cpu", long_side=321)
    try:
        analyzer = Analyzer(pool, AnalyzerOptions(keep_heads=True))
        for index, (rgb, time_s) in zip(range(COUNT), read_frames(CLIP), strict=False):
            picture = np.zeros_like(rgb) if index == NOBODY else rgb
            writer.write(index, time_s, picture, analyzer.analyse(picture, time_s), [])
    finally:
        pool.close()
    writer.close()
    dataset = Dataset.open(path)
    dataset.delete_pairs([DELETED])
    assert dataset.labels(0).any()
    assert not dataset.labels(NOBODY).any()
    return Recorded(dataset)
