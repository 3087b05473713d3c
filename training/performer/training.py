"""The training loop of a performer: the schedule fits the minutes given."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from training.distributed import ProcessGroup
from training.errors import TrainingError
from training.loop import best_device, has_bfloat16, out_of_memory, update_average
from training.performer.adversarial import Adversary
from training.performer.batches import Batch, batches
from training.performer.body_features import BodyFeatures, body_loss
from training.performer.data import Augment, Examples
from training.performer.discriminator import CONDITION
from training.performer.losses import (
    composited,
    crop_accuracy,
    decay,
    network_input,
    pictures,
    ramp,
    reconstruction,
)
from training.performer.shown_poses import ShownPoses
from training.reporting import TrainingProgress
from training.run_folder import RunFolder
from transfer.performers.condition import Ingredients
from transfer.performers.generator import Generator
from transfer.performers.trained import save_generator
from transfer.performers.trained_files import WEIGHTS_NAME

WARM_UP_STEPS = 10
RUNNING_MEAN = 0.998
SAVE_SECONDS = 20.0
MEASURE_SECONDS = 60.0
FIRST_MEASURE_SECONDS = 15.0
NOTED_STEPS = 100
"""The losses in a run's history are the mean of so many steps: one batch is easy, the next hard."""
PREVIOUS_NOISE = 0.04
"""Standard deviation of the noise on a fed-back picture: its errors must be forgiven, or they
build up."""

WEIGHTS = {
    "pixels": 1.0,
    "likeness": 0.5,
    "alpha": 0.1,
    "body": 0.4,
    "adversarial": 0.002,
    "features": 0.1,
}
"""Of the losses; those of the discriminator grow to this over `RAMP`."""


class NotANumber(TrainingError):
    """The loss is no number any more."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One frame as the generator drew it."""

    batch: Batch
    x: Tensor
    layer: Tensor
    picture: Tensor


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
        group: ProcessGroup | None = None,
    ) -> None:
        """Goes on with the run's checkpoint when there is one.

        `group`: the processes that share the work; each has `batch` examples a step.
        """
        self._group = group or ProcessGroup()
        on = self._device = device or best_device()
        preset = generator.preset
        self.generator = generator.to(on, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = Generator(preset).to(on, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean.load_state_dict(generator.state_dict())
        torch.manual_seed(seed)
        self._adversary = Adversary(preset.learning_rate, on, self._group)
        self._body = BodyFeatures.load().to(on)
        self._run, self._ingredients = run, ingredients
        self._total, self._rate, self._batch = minutes * 60, preset.learning_rate, preset.batch
        self._seed, self._step, self.seen = seed, 0, 0
        self.seconds, self._waited = 0.0, 0.0
        self._slowed = False
        self.held_out: dict[str, float] = {}
        self._steps = torch.optim.Adam(self.generator.parameters(), self._rate, betas=(0.5, 0.99))
        if (state := run.load()) is not None:
            self._restore(state)

    def run(
        self,
        data: Examples,
        held_out: Examples,
        augment: Augment,
        report: Callable[[TrainingProgress], None],
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
                self._train_at_batch_size(data, held_out, augment, report, stop)
                return
            except NotANumber:
                good = self._run.load()
                if good is None or self._slowed:
                    raise
                self._restore(good)
                self._slowed, self._rate = True, self._rate / 2
                note("The loss was no number any more: back to the last good state, more slowly.")
            except (MemoryError, RuntimeError) as error:
                alone = self._group.count == 1
                if not out_of_memory(error) or self._batch == 1 or not alone:
                    raise
                self._batch //= 2
                note(f"Out of memory: training goes on with {self._batch} pictures at a time.")

    def _train_at_batch_size(
        self,
        data: Examples,
        held_out: Examples,
        augment: Augment,
        report: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> None:
        """Train with the batch size that there is."""
        saved = time.monotonic()
        measured = saved - MEASURE_SECONDS + FIRST_MEASURE_SECONDS
        first = self._step * self._group.count + self._group.rank
        every = self._group.count
        pinned = self._device.type == "cuda"
        shown = ShownPoses(self._run.path, held_out) if self._group.first else None
        with closing(
            batches(data, self._batch, augment, self._seed, first, every, pinned)
        ) as ready:
            recent: deque[dict[str, float]] = deque(maxlen=NOTED_STEPS)
            began = time.monotonic()
            for batch in ready:
                self._waited += time.monotonic() - began
                losses = self._learn(batch)
                recent.append(losses)
                now = time.monotonic()
                self.seconds += now - began
                report(self._progress(losses))
                self.seconds, stopped = self._group.agree(self.seconds, stop(), self._device)
                over = self.seconds >= self._total or stopped
                writes = self._group.first
                if shown is not None and (over or shown.due(self.seconds)):
                    shown.write(self.seconds, self.mean.eval(), self._ingredients)
                if writes and (over or now - measured >= MEASURE_SECONDS):
                    self._measure(held_out, recent)
                    measured = time.monotonic()
                if writes and (over or now - saved >= SAVE_SECONDS):
                    self._save()
                    saved = time.monotonic()
                if over:
                    return
                began = time.monotonic()

    def _progress(self, losses: dict[str, float]) -> TrainingProgress:
        starved = self._waited / max(self.seconds, 1e-9)
        return TrainingProgress(
            self.seconds, self._total, self._step, self.seen, losses, self.held_out, starved
        )

    def _learn(self, frames: Sequence[Batch]) -> dict[str, float]:
        """`frames`: the batch, and perhaps the one of the frames before."""
        progress = min(self.seconds / self._total, 1.0)
        rate = self._rate * min(1.0, (self._step + 1) / WARM_UP_STEPS) * decay(progress)
        for group in self._steps.param_groups:
            group["lr"] = rate
        self.generator.train()
        drawn = self._draw([batch.to(self._device) for batch in frames])
        judged = ramp(progress, self._total)
        losses = self._reconstruction_losses(drawn)
        if judged > 0:
            losses |= self._adversarial_losses(drawn[0], rate)
        weights = {
            name: WEIGHTS[name] * (judged if name in ("adversarial", "features") else 1.0)
            for name in losses
        }
        loss = torch.stack([weights[name] * value for name, value in losses.items()]).sum()
        if self._group.any(not math.isfinite(float(loss.detach())), self._device):
            raise NotANumber(
                f"The loss is no number any more after {self.seen} pictures; the last good state "
                "is kept."
            )
        self._steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._group.average(self.generator)
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
        self._steps.step()
        self._step += 1
        self.seen += len(frames[0].rgb) * self._group.count
        update_average(self.mean, self.generator, self._step, RUNNING_MEAN)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _draw(self, frames: Sequence[Batch]) -> list[_Drawn]:
        """In the order of `frames`; the earlier is drawn first, and perhaps fed back."""
        drawn: list[_Drawn] = []
        previous: Tensor | None = None
        for batch in reversed(frames):
            x = network_input(batch, previous, self._ingredients)
            with self._autocast():
                layer = self.generator(x).float()
            drawn.insert(0, _Drawn(batch, x, layer, composited(layer, pictures(batch.plate))))
            if self._ingredients.previous:
                noise = PREVIOUS_NOISE * torch.randn_like(layer) * layer[:, 3:].detach()
                previous = (layer.detach() + noise).clamp(0, 1)
        return drawn

    def _reconstruction_losses(self, drawn: Sequence[_Drawn]) -> dict[str, Tensor]:
        """The losses against true pictures; `body` of the first of `drawn` alone."""
        losses = _mean([reconstruction(one.layer, one.batch) for one in drawn])
        generated, true = drawn[0].picture, pictures(drawn[0].batch.rgb)
        with self._autocast():
            losses["body"] = body_loss(self._body, generated, true)
        return losses

    def _adversarial_losses(self, drawn: _Drawn, rate: float) -> dict[str, Tensor]:
        """What the discriminator says."""
        condition, true = drawn.x[:, :CONDITION], pictures(drawn.batch.rgb)
        where = drawn.batch.mask[:, None].float()
        return self._adversary.losses(condition, true, drawn.picture, where, rate)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device))

    def _measure(self, held_out: Examples, recent: Sequence[dict[str, float]]) -> None:
        self.held_out = crop_accuracy(self.mean.eval(), held_out, self._ingredients)
        line: dict[str, Any] = {"seconds": round(self.seconds, 1), "seen": self.seen}
        losses = {name: fmean(one[name] for one in recent if name in one) for name in recent[-1]}
        self._run.note(line | {"losses": losses, "held_out": self.held_out})

    def checkpoint(self) -> dict[str, Any]:
        """All that is needed to go on from here."""
        return {
            "generator": self.generator.state_dict(),
            "mean": self.mean.state_dict(),
            "steps": self._steps.state_dict(),
            "opponents": {"": self._adversary.state()},  # As older versions named it.
            "step": self._step,
            "seen": self.seen,
            "seconds": self.seconds,
            "waited": self._waited,
        }

    def _save(self) -> None:
        self._run.save(self.checkpoint())
        save_generator(self.mean, self._run.path / WEIGHTS_NAME)

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.generator.load_state_dict(state["generator"])
            self.mean.load_state_dict(state["mean"])
            self._steps.load_state_dict(state["steps"])
            self._adversary.restore(state["opponents"][""])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"{self._run.path} was begun with other options, or with some that this version "
                "no longer has: name another folder, or ask for the same."
            ) from error
        self._step, self.seen = int(state["step"]), int(state["seen"])
        self.seconds, self._waited = float(state["seconds"]), float(state["waited"])


def _mean(losses: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in losses]).mean() for name in losses[0]}
