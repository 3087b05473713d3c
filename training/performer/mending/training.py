"""The training loop of a mending network: by wall clock, checkpoints as it goes.

No adversary: what is shown are real pixels, there is nothing to make sharper, and in the first
minute it would cost half the pictures.
"""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.errors import TrainingError
from training.loop import best_device, has_bfloat16, out_of_memory, prefetch, update_average
from training.performer.body_features import BodyFeatures, body_loss
from training.performer.data import PLAIN
from training.performer.losses import composited, decay, pictures, reconstruction
from training.performer.measuring.picture_metrics import ssim
from training.performer.mending.examples import AUGMENT, Batch, Example, MendingData
from training.performer.mending.looks import Look
from training.performer.mending.shown_frames import ShownFrames
from training.reporting import TrainingProgress
from training.run_folder import RunFolder
from transfer.performers.condition import PARTS
from transfer.performers.warp.mending import AGREEMENT
from transfer.performers.warp.network import MendingNetwork, encode, layer_of, save_network

RATE = 1e-3
BATCH, WHOLE_EVERY = 8, 4
"""Windows a step; every fourth step whole crops, a quarter as many."""
WARM_UP_STEPS = 10
LONGEST_MEAN = 0.998
FIRST_SAVE_SECONDS, SAVE_SECONDS = 15.0, 20.0
MEASURE_SECONDS = 60.0
NOTED_STEPS = 100
MEASURED = 20
"""Held-out frames."""

WEIGHTS = {"pixels": 1.0, "likeness": 0.5, "alpha": 0.1, "body": 0.4, "drawn": 0.1, "share": 0.03}
"""Of the losses. `drawn`: the drawn colour by itself must be right; `share`: what it costs to draw
where a reference agrees."""


class MendingTraining:
    """One mending network being trained, on one person or on many."""

    def __init__(
        self,
        network: MendingNetwork,
        run: RunFolder,
        weights: Path,
        minutes: float,
        looks: bool,
        seed: int = 0,
        device: torch.device | None = None,
    ) -> None:
        """Goes on with the run's checkpoint when there is one.

        `weights`: where the running mean is written; `looks`: whether colours are changed, for
        a network of many people.
        """
        self._device = device or best_device()
        torch.manual_seed(seed)
        self.network = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.network)
        self._body = BodyFeatures.load().to(self._device)
        self._steps = torch.optim.Adam(self.network.parameters(), RATE, betas=(0.5, 0.99))
        self._run, self._weights = run, weights
        self._total, self._looks, self._seed = minutes * 60, looks, seed
        self._batch = BATCH
        self._step, self.seen, self.seconds, self._waited = 0, 0, 0.0, 0.0
        self.held_out: dict[str, float] = {}
        self._shown: ShownFrames | None = None
        if (state := run.load()) is not None:
            self._restore(state)

    def show(self, held_out: Sequence[MendingData]) -> None:
        """Write pictures of held-out frames as the first network mends them: what is learnt from
        need not be ready for that."""
        self._shown = ShownFrames(self._run.path, held_out)
        if not self.seen:
            self._shown.write(0.0, self.mean.eval())

    def run(
        self,
        data: Sequence[MendingData],
        held_out: Sequence[MendingData],
        report: Callable[[TrainingProgress], None],
        stop: Callable[[], bool] = lambda: False,
        note: Callable[[str], None] = print,
    ) -> None:
        """Train until the time is spent or `stop` says so; saves as it goes and at the end.

        `data`: each is as likely, then each of its frames.

        Raises:
            TrainingError: the loss is no number any more; the last good state stays.
            CaptureError: the disk is full; the last state that was saved stays.
        """
        while self.seconds < self._total:
            try:
                self._learn_from(data, held_out, report, stop)
                return
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self._batch == 1:
                    raise
                self._batch //= 2
                note(f"Out of memory: training goes on with {self._batch} pictures at a time.")

    def _learn_from(
        self,
        data: Sequence[MendingData],
        held_out: Sequence[MendingData],
        report: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> None:
        saved = time.monotonic() - SAVE_SECONDS + FIRST_SAVE_SECONDS
        measured = time.monotonic()
        shown = self._shown or ShownFrames(self._run.path, held_out)
        recent: deque[dict[str, float]] = deque(maxlen=NOTED_STEPS)
        with closing(prefetch(lambda step: self._draw(data, step), self._step)) as ready:
            began = time.monotonic()
            for batch in ready:
                self._waited += time.monotonic() - began
                recent.append(self._learn(batch))
                now = time.monotonic()
                self.seconds += now - began
                report(self._progress(recent[-1]))
                over = self.seconds >= self._total or stop()
                if over or shown.due(self.seconds):
                    shown.write(self.seconds, self.mean.eval())
                if over or now - measured >= MEASURE_SECONDS:
                    self._measure(held_out, recent)
                    measured = time.monotonic()
                if over or now - saved >= SAVE_SECONDS:
                    self._save()
                    saved = time.monotonic()
                if over:
                    return
                began = time.monotonic()

    def _draw(self, data: Sequence[MendingData], step: int) -> Batch:
        random = np.random.default_rng((self._seed, step))
        whole = (step + 1) % WHOLE_EVERY == 0
        examples: list[Example] = []
        for _ in range(max(1, self._batch // 4) if whole else self._batch):
            clip = data[int(random.integers(len(data)))]
            look = Look.draw(random) if self._looks else None
            place = int(random.integers(len(clip)))
            examples.append(clip.example(place, AUGMENT, random, not whole, look))
        return Batch.of(examples)

    def _learn(self, batch: Batch) -> dict[str, float]:
        rate = RATE * min(1.0, (self._step + 1) / WARM_UP_STEPS)
        rate *= decay(min(self.seconds / self._total, 1.0))
        for group in self._steps.param_groups:
            group["lr"] = rate
        self.network.train()
        losses = self._losses(batch.to(self._device))
        loss = torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
        if not math.isfinite(float(loss.detach())):
            raise TrainingError(
                f"The loss is no number any more after {self.seen} pictures; the last good state "
                "is kept."
            )
        self._steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._steps.step()
        self._step += 1
        self.seen += len(batch.rgb)
        update_average(self.mean, self.network, self._step, LONGEST_MEAN)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        x = encode(batch.parts, batch.planes)
        with self._autocast():
            corrections = self.network(x)
        layer, drawn, share = layer_of(x, corrections)
        losses = reconstruction(layer, batch)
        true, mask = pictures(batch.rgb), batch.mask[:, None].float()
        with self._autocast():
            losses["body"] = body_loss(self._body, composited(layer, pictures(batch.plate)), true)
        inside = mask.sum().clamp_min(1)
        losses["drawn"] = ((drawn - true).abs() * mask).sum() / (3 * inside)
        agreed = x[:, PARTS + AGREEMENT : PARTS + AGREEMENT + 1] * mask
        losses["share"] = (share * agreed).sum() / agreed.sum().clamp_min(1)
        return losses

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device))

    def _progress(self, losses: dict[str, float]) -> TrainingProgress:
        starved = self._waited / max(self.seconds, 1e-9)
        return TrainingProgress(
            self.seconds, self._total, self._step, self.seen, losses, self.held_out, starved
        )

    @torch.inference_mode()
    def _measure(self, held_out: Sequence[MendingData], recent: Sequence[dict[str, float]]) -> None:
        """SSIM and error (0..255) in the crops of held-out frames."""
        self.mean.eval()
        likeness, errors = [], []
        for clip in held_out:
            step = max(1, len(clip) * len(held_out) // MEASURED)
            for place in range(0, len(clip), step):
                example = clip.example(place, PLAIN, np.random.default_rng(0), False)
                batch = Batch.of([example]).to(self._device)
                x = encode(batch.parts, batch.planes)
                layer, _, _ = layer_of(x, self.mean(x))
                picture, true = composited(layer, pictures(batch.plate)), pictures(batch.rgb)
                likeness.append(float(ssim(picture, true)))
                errors.append(float((picture - true).abs().mean() * 255))
        if likeness:
            self.held_out = {"ssim": fmean(likeness), "error": fmean(errors)}
        losses = {name: fmean(one[name] for one in recent) for name in recent[-1]}
        line = {"seconds": round(self.seconds, 1), "seen": self.seen, "losses": losses}
        self._run.note(line | {"held_out": self.held_out})

    def _save(self) -> None:
        self._run.save(
            {
                "network": self.network.state_dict(),
                "mean": self.mean.state_dict(),
                "steps": self._steps.state_dict(),
                "step": self._step,
                "seen": self.seen,
                "seconds": self.seconds,
                "waited": self._waited,
            }
        )
        save_network(self.mean, self._weights)

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.network.load_state_dict(state["network"])
            self.mean.load_state_dict(state["mean"])
            self._steps.load_state_dict(state["steps"])
            self._step, self.seen = int(state["step"]), int(state["seen"])
            self.seconds = float(state["seconds"])
            self._waited = float(state["waited"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"{self._run.path} was begun with other options: name another folder."
            ) from error
