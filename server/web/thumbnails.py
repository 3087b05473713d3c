"""Small versions of frames and label maps, made on demand and kept in a small cache."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path

from PIL import Image

MAX_CACHE_BYTES = 32 * 1024 * 1024


class Thumbnails:
    """Call `get` off the event loop; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()
        self._bytes = 0

    def get(self, path: Path, width: int) -> bytes:
        """The picture at `path` scaled to `width` pixels: JPEG of a frame, PNG of a label map.

        Raises:
            OSError: there is no such picture.
        """
        key = (path, path.stat().st_mtime_ns, width)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = _shrink(path, width)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._bytes += len(made)
            while self._bytes > MAX_CACHE_BYTES:
                _, old = self._kept.popitem(last=False)
                self._bytes -= len(old)
        return made


def _shrink(path: Path, width: int) -> bytes:
    out = io.BytesIO()
    with Image.open(path) as picture:
        size = (width, max(1, round(picture.height * width / picture.width)))
        if picture.mode == "P":
            picture.resize(size, Image.Resampling.NEAREST).save(out, "PNG")
        else:
            picture.draft("RGB", size)
            small = picture.convert("RGB").resize(size, Image.Resampling.BOX)
            small.save(out, "JPEG", quality=80)
    return out.getvalue()
