"""A trained performer as an ONNX file, for other programs: float, BatchNorm folded.

Input `condition` is what `transfer.performers.generator.encode` makes, output `layer` is RGB
weighted by alpha, and alpha, 0..1.
"""

from __future__ import annotations

import copy
import importlib
import json
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.errors import TrainingError
from training.network.export_tflite import require_packages
from transfer.performers import condition
from transfer.performers.generator import Generator
from transfer.performers.layers import fold_batch_norms
from transfer.performers.trained import Trained

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""That this needs."""
CLOSE = 1e-3
"""How far, of 0..1, ONNX Runtime's pictures may be from PyTorch's."""


def as_onnx(generator: Generator, about: Trained, given: Sequence[Tensor]) -> tuple[bytes, float]:
    """The file, and how far its pictures are from the generator's at most.

    Args:
        generator: as it was trained.
        about: what it was made for; goes into the file's metadata.
        given: real conditions `[1, CHANNELS, S, S]` to compare with.

    Raises:
        TrainingError: packages are missing, or the pictures differ by more than `CLOSE`.
    """
    require_packages(PACKAGES)
    folded = copy.deepcopy(generator).eval()
    fold_batch_norms(folded)
    onnx: Any = importlib.import_module("onnx")
    # It is told about packages that this network does not need.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            folded, (given[0],), input_names=["condition"], output_names=["layer"], dynamo=True,
            verbose=False,
        )  # fmt: skip
    model = program.model_proto
    said = {
        "title": about.title,
        "size": str(about.size),
        "condition_version": str(condition.VERSION),
        "ingredients": json.dumps(about.ingredients.to_json()),
    }
    onnx.helper.set_model_props(model, said)
    content: bytes = model.SerializeToString()
    away = _compare(content, folded, given)
    if away > CLOSE:
        raise TrainingError(f"In ONNX Runtime the pictures differ by {away:.4f}: nothing written.")
    return content, away


def _compare(content: bytes, generator: Generator, given: Sequence[Tensor]) -> float:
    runtime: Any = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    away = 0.0
    for x in given:
        [made] = session.run(["layer"], {"condition": x.numpy()})
        with torch.inference_mode():
            wanted = generator(x).numpy()
        away = max(away, float(np.abs(made - wanted).max()))
    return away
