"""A generator's adversary: a discriminator that learns beside it, and the losses it gives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.distributed import ProcessGroup
from training.loop import has_bfloat16
from training.performer.discriminator import (
    PatchDiscriminator,
    discriminator_loss,
    feature_matching,
    generator_loss,
)

_PREFIX = "scales.0."
"""Of the weights' names in checkpoints of older versions, which could judge at several sizes."""


class Adversary:
    """A discriminator, and its optimiser."""

    def __init__(self, rate: float, device: torch.device, group: ProcessGroup) -> None:
        self._device, self._group = device, group
        self._discriminator = PatchDiscriminator().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._steps = torch.optim.Adam(self._discriminator.parameters(), rate, betas=(0.5, 0.99))

    def losses(
        self, condition: Tensor, true: Tensor, generated: Tensor, where: Tensor, rate: float
    ) -> dict[str, Tensor]:
        """Learn from real and generated pictures, then the losses of their generator.

        `condition`, `true`, `generated` and `where`, 1 where it matters, are `[N, C, S, S]`;
        gradients flow into `generated` alone.
        """
        for group in self._steps.param_groups:
            group["lr"] = rate
        with self._autocast():
            real = self._discriminator(torch.cat([condition, true], dim=1))
            fake = self._discriminator(torch.cat([condition, generated.detach()], dim=1))
            loss = discriminator_loss(real, fake, where)
        self._steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._group.average(self._discriminator)
        self._steps.step()
        with self._autocast():
            fake = self._discriminator(torch.cat([condition, generated], dim=1))
        return {
            "adversarial": generator_loss(fake, where),
            "features": feature_matching(real, fake, where),
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"judges": self._discriminator.state_dict(), "steps": self._steps.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        judges = {name.removeprefix(_PREFIX): value for name, value in state["judges"].items()}
        self._discriminator.load_state_dict(judges)
        self._steps.load_state_dict(state["steps"])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device))
