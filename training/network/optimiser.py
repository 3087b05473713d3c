"""The optimiser of a student: Muon for the convolutions within, AdamW for everything else.

Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024) turns a
step's matrix into the nearest orthogonal one, so that rarely used directions are learnt as quickly
as the strong ones. Steps have the size that AdamW's have (Liu et al., "Muon is Scalable for LLM
Training", 2025, section 2.2): one learning rate serves both. A step costs a fifth more time, and
is worth it: the model card's table of tries says how much.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

NARROW = 16
"""Convolutions with fewer channels on either side, the first and the last, are AdamW's."""


class Optimiser:
    """Steps of all weights of a network."""

    def __init__(self, network: nn.Module, weight_decay: float) -> None:
        """`network`: on its device, channels last; `RuntimeError` when it is not.

        Weights that need no gradient stay as they are.
        """
        self._kernels: list[Tensor] = []
        rest: list[Tensor] = []
        for weight in (one for one in network.parameters() if one.requires_grad):
            wide = weight.ndim == 4 and min(weight.shape[:2]) >= NARROW
            (self._kernels if wide else rest).append(weight)
        # The same memory, not a copy: what Muon changes is the network.
        self._matrices = [
            _turned(kernel.detach()).view(len(kernel), -1) for kernel in self._kernels
        ]
        self._muon = torch.optim.Muon(
            self._matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        self._adam = torch.optim.AdamW(rest, weight_decay=weight_decay, fused=True)

    def step(self, rate: float) -> None:
        """Follow the gradients that the weights have, and clear them. `rate`: of learning."""
        for matrix, kernel in zip(self._matrices, self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else _turned(kernel.grad).flatten(1)
        for optimiser in (self._muon, self._adam):
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()  # type: ignore[no-untyped-call]
            optimiser.zero_grad(set_to_none=True)
        for kernel in self._kernels:
            kernel.grad = None

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"muon": self._muon.state_dict(), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint; `KeyError` or `ValueError` when it is of other weights."""
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])


def _turned(kernel: Tensor) -> Tensor:
    """`[outputs, inputs, height, width]` with the inputs last, as they lie in memory.

    Their order means nothing to Muon.
    """
    return kernel.permute(0, 2, 3, 1)
