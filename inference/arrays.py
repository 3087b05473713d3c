"""The arrays that go from module to module, by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""A picture: uint8 `[H, W, 3]`, RGB, top row first, C-contiguous."""

Labels = NDArray[np.uint8]
"""A label map: uint8 `[H, W]`, 0 = background, 1..24 = BodyPix part id + 1."""

Keypoints = NDArray[np.float32]
"""Float32 `[17, 3]` in COCO order: x, y in pixels of the frame, score 0..1."""
