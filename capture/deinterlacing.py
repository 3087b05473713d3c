"""Interlaced frames, two half pictures of two moments each, become whole pictures of one."""

from __future__ import annotations

from collections.abc import Iterator

import av.error
from av.filter import Graph
from av.video.frame import VideoFrame

FILTER = "bwdif"
"""FFmpeg's Bob Weaver filter: sharper than yadif where nothing moves, no combs where it does."""

_SMALLEST = 4
"""Rows and columns that the filter needs."""


class Deinterlacer:
    """Passes the frames of a stream on, one for one; what is interlaced is filtered."""

    def __init__(self) -> None:
        self.found = False
        """Whether a frame was interlaced so far."""
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def frames(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """The same frames in the same order; the filter holds one back from the first interlaced
        frame on, since it looks at both neighbours."""
        for frame in frames:
            shape = (frame.width, frame.height, frame.format.name)
            if shape != self._shape:
                yield from self._pulled(end=True)
                self._graph, self._shape = None, shape
            if frame.interlaced_frame and min(shape[:2]) >= _SMALLEST:
                self.found = True
                self._graph = self._graph or _graph(frame)
            if self._graph is None:
                yield frame
                continue
            self._graph.vpush(frame)
            del frame
            yield from self._pulled()
        yield from self._pulled(end=True)

    def _pulled(self, end: bool = False) -> Iterator[VideoFrame]:
        if self._graph is None:
            return
        if end:
            self._graph.vpush(None)
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            if frame.pts is not None:
                frame.pts //= 2  # The filter counts fields.
            yield frame


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "buffer",
        f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/90000:"
        f"colorspace={frame.colorspace}:range={frame.color_range}",
    )
    # A frame for each frame; which field is first, and whether there are two, says each frame.
    filtered = graph.add(FILTER, "mode=send_frame:parity=auto:deint=interlaced")
    source.link_to(filtered)
    filtered.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
