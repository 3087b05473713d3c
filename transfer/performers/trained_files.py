"""Names of the files of a trained performer, for those who look without PyTorch.

```
RUN/
  performer.json          sizes, body frame, condition: `transfer.performers.trained.Trained`
  plate.png               the target's clean plate
  thumbnail.jpg           whom it shows
  generator.safetensors   the generator's weights; replaced whole while it learns
  generator_int8.tflite   the same in int8, by `run.py export-model`; used while it is the newer one
  generator.onnx          for other programs, by `run.py export-model --format onnx`
```
"""

from __future__ import annotations

import json
from pathlib import Path

PERFORMER_NAME = "performer.json"
PLATE_NAME = "plate.png"
THUMBNAIL_NAME = "thumbnail.jpg"
WEIGHTS_NAME = "generator.safetensors"
INT8_NAME = "generator_int8.tflite"
ONNX_NAME = "generator.onnx"


def base_generator(preset: str) -> Path:
    """The weights that come with the program to start a preset's training from, fp16."""
    return Path(__file__).parents[1] / "models" / f"base-{preset}.safetensors"


def is_trained(folder: Path) -> bool:
    """Whether a folder is a trained performer's run."""
    return (folder / PERFORMER_NAME).is_file()


def title_of(run: Path) -> str:
    """Whom a run shows; the folder's name when that cannot be read."""
    try:
        return str(json.loads((run / PERFORMER_NAME).read_bytes())["title"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return run.name
