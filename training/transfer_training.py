"""The training loop of a performer: the schedule fits the minutes given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.discriminator import (
    CONDITION,
    PatchDiscriminator,
    discriminator_loss,
    feature_matching,
    generator_loss,
)
from training.errors import TrainingError
from training.loop import best_device, follow, has_bfloat16, out_of_memory
from training.picture_metrics import ssim
from training.run_folder import RunFolder
from training.transfer_data import PLAIN, Augment, Batch, Examples, batch_of, batches
from transfer.condition import Ingredients
from transfer.generator import Generator, encode
from transfer.trained import save_generator
from transfer.trained_files import WEIGHTS_NAME

ALONE = 0.35
"""Share of the time before the discriminator joins..."""
LEAST_ALONE_SECONDS = 90.0
"""...and so long at least: before, there is nothing worth judging."""
RAMP = 0.1
"""Share of the time over which its word comes to count."""
DECAY = 0.7
"""Share of the time after which the learning rate falls to nothing."""
WARM_UP_STEPS = 10
RUNNING_MEAN = 0.998
SAVE_SECONDS = 20.0
MEASURE_SECONDS = 60.0
FIRST_MEASURE_SECONDS = 15.0

OWN_PREVIOUS = 0.5
"""How often the previous picture is the network's own."""
PERSON = 4.0
"""How much more a pixel of the dancer weighs."""
LIKENESS, ALPHA, ADVERSARIAL, FEATURES = 0.5, 0.1, 0.05, 0.5
"""Weights of the losses beside the pixels' mean difference."""
OUTSIDE = 0.3
"""How much alpha outside the mask counts, against missing alpha inside."""


class NotANumber(TrainingError):
    """The loss is no number any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a run's progress."""

    seconds: float
    total_seconds: float
    seen: int
    losses: dict[str, float]
    held_out: dict[str, float]
    starved: float
    """Share of the time in which the step waited for data."""


class TransferTraining:
    """One performer being trained."""

    def __init__(
        self,
        generator: Generator,
        run: RunFolder,
        ingredients: Ingredients,
        minutes: float,
        seed: int = 0,
        device: torch.device | None = None,
    ) -> None:
        """Goes on with the run's checkpoint when there is one."""
        self._device = device or best_device()
        preset = generator.preset
        self.generator = generator.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = Generator(preset)
        self.mean.load_state_dict(generator.state_dict())
        torch.manual_seed(seed)
        self.judge = PatchDiscriminator().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._run, self._ingredients = run, ingredients
        self._total, self._rate, self._batch = minutes * 60, preset.learning_rate, preset.batch
        self._seed, self._step, self.seen = seed, 0, 0
        self.seconds, self._waited = 0.0, 0.0
        self._slowed = False
        self.held_out: dict[str, float] = {}
        self._generator_steps = torch.optim.Adam(
            self.generator.parameters(), self._rate, betas=(0.5, 0.99)
        )
        self._judge_steps = torch.optim.Adam(self.judge.parameters(), self._rate, betas=(0.5, 0.99))
        if (state := run.load()) is not None:
            self._restore(state)

    def run(
        self,
        data: Examples,
        held_out: Examples,
        augment: Augment,
        tell: Callable[[Told], None],
        stop: Callable[[], bool] = lambda: False,
        note: Callable[[str], None] = print,
    ) -> None:
        """Train until the time is spent or `stop` says so; saves as it goes and at the end.

        When the loss is no number any more it goes back to the last good state and on with half
        the learning rate, once; out of memory, with half the batch. Both are said through `note`.

        Raises:
            TrainingError: the loss is no number again; the last good state stays.
            CaptureError: the disk is full; the last state that was saved stays.
        """
        while self.seconds < self._total:
            try:
                self._sit(data, held_out, augment, tell, stop)
                return
            except NotANumber:
                good = self._run.load()
                if good is None or self._slowed:
                    raise
                self._restore(good)
                self._slowed, self._rate = True, self._rate / 2
                note("The loss was no number any more: back to the last good state, more slowly.")
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self._batch == 1:
                    raise
                self._batch //= 2
                note(f"Out of memory: training goes on with {self._batch} pictures at a time.")

    def _sit(
        self,
        data: Examples,
        held_out: Examples,
        augment: Augment,
        tell: Callable[[Told], None],
        stop: Callable[[], bool],
    ) -> None:
        """Train with the batch size that there is."""
        saved = time.monotonic()
        measured = saved - MEASURE_SECONDS + FIRST_MEASURE_SECONDS
        with closing(batches(data, self._batch, augment, self._seed, self._step)) as made:
            began = time.monotonic()
            for batch in made:
                self._waited += time.monotonic() - began
                found = self._learn(batch)
                now = time.monotonic()
                self.seconds += now - began
                starved = self._waited / max(self.seconds, 1e-9)
                told = Told(self.seconds, self._total, self.seen, found, self.held_out, starved)
                tell(told)
                over = self.seconds >= self._total or stop()
                if over or now - measured >= MEASURE_SECONDS:
                    self._measure(held_out, found)
                    measured = time.monotonic()
                if over or now - saved >= SAVE_SECONDS:
                    self._save()
                    saved = time.monotonic()
                if over:
                    return
                began = time.monotonic()

    def _learn(self, batch: Batch) -> dict[str, float]:
        progress = min(self.seconds / self._total, 1.0)
        rate = self._rate * min(1.0, (self._step + 1) / WARM_UP_STEPS) * _decay(progress)
        for optimiser in (self._generator_steps, self._judge_steps):
            for group in optimiser.param_groups:
                group["lr"] = rate
        self.generator.train()
        x, true, plate, mask = self._tensors(batch)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device)):
            layer = self.generator(x)
        picture, alpha = composited(layer.float(), plate)
        found = reconstruction(picture, alpha, true, mask)
        judged = ramp(progress, self._total)
        if judged > 0:
            found |= self._judged(x[:, :CONDITION], true, picture)
        weights = {"pixels": 1.0, "likeness": LIKENESS, "alpha": ALPHA,
                   "adversarial": ADVERSARIAL * judged, "features": FEATURES * judged}  # fmt: skip
        loss = torch.stack([weights[name] * value for name, value in found.items()]).sum()
        if not math.isfinite(float(loss.detach())):
            raise NotANumber(
                f"The loss is no number any more after {self.seen} pictures; the last good state "
                "is kept."
            )
        self._generator_steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
        self._generator_steps.step()
        self._step += 1
        self.seen += len(x)
        follow(self.mean, self.generator, self._step, RUNNING_MEAN)
        return {name: float(value.detach()) for name, value in found.items()}

    def _judged(self, condition: Tensor, true: Tensor, made: Tensor) -> dict[str, Tensor]:
        """What the judge says of the made pictures, once it has learnt from them."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device)):
            real, real_features = self.judge(condition, true)
            fake, _ = self.judge(condition, made.detach())
            loss = discriminator_loss(real.float(), fake.float())
        self._judge_steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._judge_steps.step()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device)):
            judged, features = self.judge(condition, made)
        return {
            "adversarial": generator_loss(judged.float()),
            "features": feature_matching(real_features, features),
        }

    def _tensors(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Network input, true picture, plate `[N, 3, S, S]` and mask `[N, 1, S, S]`."""
        on = self._device
        previous = batch.previous.to(on)
        if self._ingredients.previous:
            previous = self._own_previous(batch, previous)
        x = encode(batch.parts.to(on), batch.limbs.to(on), previous, self._ingredients)
        x = x.to(memory_format=torch.channels_last)
        return (
            x,
            pictures(batch.rgb.to(on)),
            pictures(batch.plate.to(on)),
            batch.mask.to(on)[:, None].float(),
        )

    @torch.no_grad()
    def _own_previous(self, batch: Batch, true: Tensor) -> Tensor:
        """Of half the examples the previous picture as it was made, not as it was: errors that
        the network makes it must also forgive, or they build up."""
        on = self._device
        x = encode(
            batch.parts_before.to(on), batch.limbs_before.to(on), torch.zeros_like(true),
            self._ingredients,
        )  # fmt: skip
        self.generator.eval()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device)):
            own = self.generator(x).float()
        self.generator.train()
        choose = torch.Generator().manual_seed(self._seed * 1_000_003 + self._step)
        ours = (torch.rand(len(true), generator=choose) < OWN_PREVIOUS).to(on)
        there = true.flatten(1).any(1)
        return torch.where((ours & there)[:, None, None, None], own, true)

    def _measure(self, held_out: Examples, found: dict[str, float]) -> None:
        self.held_out = crop_accuracy(self.mean.eval(), held_out, self._ingredients)
        line: dict[str, Any] = {"seconds": round(self.seconds, 1), "seen": self.seen}
        self._run.note(line | {"losses": found, "held_out": self.held_out})

    def _save(self) -> None:
        self._run.save(
            {
                "generator": self.generator.state_dict(),
                "mean": self.mean.state_dict(),
                "judge": self.judge.state_dict(),
                "generator_steps": self._generator_steps.state_dict(),
                "judge_steps": self._judge_steps.state_dict(),
                "step": self._step,
                "seen": self.seen,
                "seconds": self.seconds,
                "waited": self._waited,
            }
        )
        save_generator(self.mean, self._run.path / WEIGHTS_NAME)

    def _restore(self, state: dict[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.mean.load_state_dict(state["mean"])
        self.judge.load_state_dict(state["judge"])
        self._generator_steps.load_state_dict(state["generator_steps"])
        self._judge_steps.load_state_dict(state["judge_steps"])
        self._step, self.seen = int(state["step"]), int(state["seen"])
        self.seconds, self._waited = float(state["seconds"]), float(state["waited"])


def pictures(rgb: Tensor) -> Tensor:
    """uint8 `[N, S, S, 3]` to `[N, 3, S, S]`, 0..1."""
    return rgb.permute(0, 3, 1, 2).float() / 255


def composited(layer: Tensor, plate: Tensor) -> tuple[Tensor, Tensor]:
    """The generator's layer over the plate, and its alpha."""
    alpha = layer[:, 3:]
    return layer[:, :3] + plate * (1 - alpha), alpha


def reconstruction(picture: Tensor, alpha: Tensor, true: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Losses against the true picture, the dancer's pixels weighted by `PERSON`."""
    weight = 1 + (PERSON - 1) * mask
    # Hair and shoes that the mask misses are in the picture: there alpha may be more.
    inside = -(mask * alpha.clamp_min(1e-4).log())
    outside = -((1 - mask) * (1 - alpha).clamp_min(1e-4).log())
    return {
        "pixels": (weight * (picture - true).abs()).mean() / weight.mean(),
        "likeness": 1 - ssim(picture, true).mean(),
        "alpha": (inside + OUTSIDE * outside).mean(),
    }


@torch.inference_mode()
def crop_accuracy(
    generator: Generator, data: Examples, ingredients: Ingredients, most: int = 30
) -> dict[str, float]:
    """On true conditions of frames, without a previous picture: SSIM and mean absolute error
    (0..255) in the crop."""
    likeness, errors = [], []
    for place in range(0, len(data), max(1, len(data) // most)):
        batch = batch_of([data.example(place, PLAIN, np.random.default_rng(0))])
        previous = torch.zeros_like(batch.previous)
        x = encode(batch.parts, batch.limbs, previous, ingredients)
        layer = generator(x.to(memory_format=torch.channels_last))
        picture, _ = composited(layer, pictures(batch.plate))
        true = pictures(batch.rgb)
        likeness.append(float(ssim(picture, true)))
        errors.append(float((picture - true).abs().mean() * 255))
    return {"ssim": float(np.mean(likeness)), "error": float(np.mean(errors))}


def ramp(progress: float, total_seconds: float) -> float:
    """How much the discriminator's word counts, 0..1, at a share of the time."""
    alone = max(ALONE, LEAST_ALONE_SECONDS / total_seconds)
    return min(max((progress - alone) / RAMP, 0.0), 1.0)


def _decay(progress: float) -> float:
    if progress <= DECAY:
        return 1.0
    return max(0.5 * (1 + math.cos(math.pi * (progress - DECAY) / (1 - DECAY))), 0.001)
