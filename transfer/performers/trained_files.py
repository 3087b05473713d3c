"""Names of the files of a trained performer, for those who look without PyTorch.

```
RUN/
  performer.json          sizes, body frame, condition: `transfer.performers.trained.Trained`
  plate.png               the target's clean plate
  thumbnail.jpg           whom it shows
  generator.safetensors   the generator's weights; replaced whole while it learns
  generator_int8.tflite   the same in int8, by `run.py export-model`; used while it is the newer one
  generator.onnx          for other programs, by `run.py export-model --format onnx`
  mending.safetensors, mending_int8.tflite    of the preset warp, instead of the generator
  references.npz          its references: `transfer.target.references`
```
"""

from __future__ import annotations

import json
from pathlib import Path

from transfer.errors import TransferError

PERFORMER_NAME = "performer.json"
PLATE_NAME = "plate.png"
THUMBNAIL_NAME = "thumbnail.jpg"
WEIGHTS_NAME = "generator.safetensors"
INT8_NAME = "generator_int8.tflite"
ONNX_NAME = "generator.onnx"
MENDING_NAME = "mending.safetensors"
MENDING_INT8_NAME = "mending_int8.tflite"
WARP = "warp"
"""The preset whose pixels are the target's own, mended by a network."""
_MODELS = Path(__file__).parents[1] / "models"
BASE_GENERATOR = _MODELS / "base-realtime.safetensors"
"""The weights that come with the program to start a generator's training from, fp16."""
BASE_MENDING = _MODELS / "base-mending.safetensors"
BASE_MENDING_INT8 = _MODELS / "base-mending.tflite"
"""The mending network that comes with the program, in fp16 to start from and in int8 to play."""


def check_run(run: Path) -> None:
    """Raise `TransferError` when there is no such folder."""
    if not run.is_dir():
        raise TransferError(f"There is no run {run}: give the folder that `run.py train` made.")


def is_trained(folder: Path) -> bool:
    """Whether a folder is a trained performer's run."""
    return (folder / PERFORMER_NAME).is_file()


def has_weights(run: Path) -> bool:
    """Whether a run has learnt anything yet."""
    return (run / WEIGHTS_NAME).is_file() or (run / MENDING_NAME).is_file()


def preset_of(run: Path) -> str:
    """What a run was made with; empty when that cannot be read."""
    try:
        return str(json.loads((run / PERFORMER_NAME).read_bytes())["preset"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def networks_of(run: Path) -> list[str]:
    """Names of the networks that saw what a run learnt from; empty when that is not known."""
    try:
        return [str(name) for name in json.loads((run / PERFORMER_NAME).read_bytes())["networks"]]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return []


def title_of(run: Path) -> str:
    """Whom a run shows; the folder's name when that cannot be read."""
    try:
        return str(json.loads((run / PERFORMER_NAME).read_bytes())["title"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return run.name
