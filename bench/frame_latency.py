"""A frame on its way to a performer's picture, without browser and connection: its time."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from bench.clip import FPS, Clip
from bench.loop import Row
from inference.analyzer import Analyzer
from inference.pool import NetworkPool
from transfer.performers.factory import find_performer

WARM_UP = 10
"""Frames that are not counted: memory is found and caches are filled."""


def measure_frame_latency(
    path: Path, clip: Clip, seconds: float, pool: NetworkPool, kind: str | None = None
) -> Row:
    """Frame after frame for `seconds`, nothing else running, shown as a dataset or a trained run.

    `draw` is condition, generator and composite, or search and blending of nearest poses.

    Raises:
        TransferError: `path` holds no performer.
    """
    _, make = find_performer(str(path), kind)
    performer, analyzer = make(None), Analyzer(pool)
    times: list[tuple[float, float]] = []
    until = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < until or len(times) <= WARM_UP:
        rgb = np.asarray(cv2.cvtColor(clip.frame(number), cv2.COLOR_YUV2RGB_I420), np.uint8)
        began = time.perf_counter()
        analysis = analyzer.analyse(rgb, number / FPS)
        analysed = time.perf_counter()
        performer.perform(rgb, analysis, number / FPS)
        times.append((analysed - began, time.perf_counter() - analysed))
        number += 1
    analyse, draw = np.array(times[WARM_UP:]).T * 1000
    return {
        "frame_p50_ms": round(float(np.median(analyse + draw)), 1),
        "frame_p95_ms": round(float(np.quantile(analyse + draw, 0.95)), 1),
        "stages": {
            "analyse": round(float(np.median(analyse)), 1),
            "draw": round(float(np.median(draw)), 1),
        },
        "frames": len(times) - WARM_UP,
    }
