"""A generator's opponent: learns to tell made from real, and says what gives it away."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.loop import has_bfloat16
from training.performer.discriminator import (
    Judges,
    discriminator_loss,
    feature_matching,
    generator_loss,
)
from training.together import Together


class Opponent:
    """Judges, and their optimiser."""

    def __init__(
        self, frames: int, scales: int, rate: float, device: torch.device, together: Together
    ) -> None:
        """`frames`: how many are judged together; `scales`: at how many sizes."""
        self._device, self._together = device, together
        self._judges = Judges(frames, scales).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._steps = torch.optim.Adam(self._judges.parameters(), rate, betas=(0.5, 0.99))

    def judge(
        self, condition: Tensor, true: Tensor, made: Tensor, where: Tensor, rate: float
    ) -> dict[str, Tensor]:
        """Learn from real and made pictures, then the losses of whoever made them.

        `condition`, `true`, `made` and `where`, 1 where it matters, are `[N, C, S, S]`; gradients
        flow into `made` alone.
        """
        for group in self._steps.param_groups:
            group["lr"] = rate
        with self._autocast():
            real = self._judges(torch.cat([condition, true], dim=1))
            fake = self._judges(torch.cat([condition, made.detach()], dim=1))
            loss = discriminator_loss(real, fake, where)
        self._steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._together.average(self._judges)
        self._steps.step()
        with self._autocast():
            fake = self._judges(torch.cat([condition, made], dim=1))
        return {
            "adversarial": generator_loss(fake, where),
            "features": feature_matching(real, fake, where),
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"judges": self._judges.state_dict(), "steps": self._steps.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._judges.load_state_dict(state["judges"])
        self._steps.load_state_dict(state["steps"])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device))
