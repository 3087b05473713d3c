"""Pictures beside each other as one small film in the bytes of an mp4."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np

from inference.arrays import Rgb

QUALITY = "20"
"""x264's constant rate factor."""


def film(rows: Sequence[Sequence[Rgb]], fps: float) -> bytes:
    """Each row's pictures one after the other, rows side by side; all of one height.

    Raises `ValueError` when there is none.
    """
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = None
        for pictures in zip(*rows, strict=True):
            beside = np.hstack(pictures)
            beside = beside[: beside.shape[0] // 2 * 2, : beside.shape[1] // 2 * 2]
            if stream is None:
                stream = container.add_stream("libx264", rate=max(1, round(fps)))
                stream.height, stream.width = beside.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": QUALITY, "preset": "veryfast"}
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(beside), format="rgb24")
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError("there are no pictures")
        container.mux(stream.encode(None))
    return out.getvalue()
