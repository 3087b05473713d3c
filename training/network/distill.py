"""The training loop of a student: time is what is given, everything else follows from it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import torch
from torch import Tensor

from training.errors import TrainingError
from training.loop import best_device, has_bfloat16, out_of_memory, update_average
from training.network.augment import Augmenter
from training.network.batches import batches, weights_of
from training.network.held_out import held_out_accuracy
from training.network.labelled import Packed
from training.network.losses import losses, total
from training.network.optimiser import Optimiser
from training.network.sheet import SeenPictures
from training.network.student import Student
from training.network.student_files import save_student
from training.network.student_network import StudentNetwork, normalised
from training.reporting import TrainingProgress
from training.run_folder import RunFolder

WARM_UP = 0.03
"""Share of the time in which the learning rate rises."""
WEIGHT_DECAY = 0.02
RUNNING_MEAN = 0.999
"""Of the weights: the mean is what is measured and kept (Polyak averaging)."""
GENTLE = 0.15
"""Share of the learning rate when some of the start's weights are to be kept."""
SMALLER = 0.75
"""Side of the pictures at first, as a share of the preset's crop: nearly twice as many fit into a
minute (progressive resizing, as in Tan, Le, "EfficientNetV2", ICML 2021, section 4)."""
SMALLER_FOR = 0.6
"""Share of the time in which they are smaller."""
MEASURE_SECONDS = (10.0, 240.0)
"""Held-out pictures are measured a dozen times a run, but not oftener or less often than this."""
SAVE_SECONDS = 60.0


class Training:
    """One student being trained."""

    def __init__(
        self,
        student: Student,
        run: RunFolder,
        minutes: float,
        learning_rate: float | None = None,
        seed: int = 0,
        device: torch.device | None = None,
        keep: float = 0.0,
    ) -> None:
        """Goes on with the run's checkpoint when there is one.

        Args:
            student: what to begin with.
            run: where checkpoints and the history are kept.
            minutes: of training, over all sittings.
            learning_rate: at its highest; defaults to the preset's, less when `keep` is not 0.
            seed: of the training pictures.
            device: defaults to a GPU when there is one.
            keep: 0..1, share of the first weights in the result: what the student knew already
                is not forgotten over a single scene (Wortsman et al., "Robust fine-tuning of
                zero-shot models", CVPR 2022, section 3). The statistics of its BatchNorms stay.
        """
        self._device = device or best_device()
        self._preset = student.preset
        self._keep = keep
        self._first = {name: value.clone() for name, value in student.state_dict().items()}
        self.student = student.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = copy.deepcopy(self.student).requires_grad_(False)
        self._run = run
        self._total = minutes * 60
        least, most = MEASURE_SECONDS
        self._measure_seconds = min(max(self._total / 12, least), most)
        usual = student.preset.learning_rate * (GENTLE if keep else 1)
        self._rate = learning_rate or usual
        self._seed = seed
        self._batch = student.preset.batch
        self._step = self.seen = 0
        self.seconds = 0.0
        self.accuracy: dict[str, float] = {}
        self._optimiser = Optimiser(self.student, WEIGHT_DECAY)
        if (state := run.load()) is not None:
            self._restore(state)

    def run(
        self,
        learnt: Sequence[Packed],
        held_out: Sequence[Packed],
        report: Callable[[TrainingProgress], None],
        stop: Callable[[], bool] = lambda: False,
        note: Callable[[str], None] = print,
    ) -> None:
        """Train until the time is spent or `stop` says so; saves as it goes and at the end.

        Out of memory, it goes on with half the batch and says so through `note`.

        Raises:
            TrainingError: the loss is no number any more; the last good state stays.
            CaptureError: the disk is full; the last state that was saved stays.
        """
        seen = SeenPictures(self._run.path, held_out or learnt)
        if self._keep and not self._step:  # What is there to be compared with.
            self._measure(held_out, {})
            seen.show(0.0, self.result())
        while self.seconds < self._total:
            try:
                if self._train_at_batch_size(learnt, held_out, seen, report, stop):
                    return
                continue
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self._batch == 1:
                    raise
            self._batch //= 2
            note(f"Out of memory: training goes on with {self._batch} pictures at a time.")

    def result(self) -> Student:
        """The student that has come of it so far, on the CPU."""
        student: Student = copy.deepcopy(self._mean).cpu()
        student.load_state_dict(
            {
                name: torch.lerp(value, self._first[name], self._keep)
                if value.is_floating_point()
                else value
                for name, value in student.state_dict().items()
            }
        )
        return student

    def _train_at_batch_size(
        self,
        learnt: Sequence[Packed],
        held_out: Sequence[Packed],
        seen: SeenPictures,
        report: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> bool:
        """Train with the batch size and the side of the pictures that there are now.

        Returns whether that was all; if not, the pictures are to be larger from here.
        """
        side = self._side()
        augmenter = Augmenter(learnt, weights_of(learnt), (side, side))
        measured = saved = time.monotonic()
        with closing(batches(augmenter, self._batch, self._seed, self._step)) as ready:
            began = time.monotonic()
            for pictures, targets in ready:
                losses = self._learn(pictures, targets)
                now = time.monotonic()
                self.seconds += now - began
                over = self.seconds >= self._total or stop()
                if over or now - measured >= self._measure_seconds:
                    self._measure(held_out, losses)
                    measured = time.monotonic()
                report(self._progress(losses))
                if over or seen.due(self.seconds):
                    seen.show(self.seconds, self.result())
                if over or now - saved >= SAVE_SECONDS:
                    self._save()
                    saved = time.monotonic()
                if over or self._side() != side:
                    return over
                began = time.monotonic()
        return False

    def _progress(self, losses: dict[str, float]) -> TrainingProgress:
        return TrainingProgress(
            self.seconds, self._total, self._step, self.seen, losses, self.accuracy
        )

    def _side(self) -> int:
        """Of the square pictures that are due, pixels; a multiple of 32."""
        crop = self._preset.crop
        return int(crop * SMALLER) // 32 * 32 if self.seconds < SMALLER_FOR * self._total else crop

    def _learn(self, pictures: Tensor, targets: dict[str, Tensor]) -> dict[str, float]:
        self.student.train()
        if self._keep:
            for module in self.student.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        x = normalised(pictures.to(self._device)).to(memory_format=torch.channels_last)
        targets = {name: value.to(self._device) for name, value in targets.items()}
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device)):
            heads = self.student(x)
        by_head = losses(heads, targets)
        loss = total(by_head)
        if not math.isfinite(float(loss.detach())):
            raise TrainingError(
                f"The loss is no number any more after {self.seen} pictures; the last good state "
                "is kept. Start again with a smaller --learning-rate."
            )
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        self._optimiser.step(self._rate * _schedule(self.seconds / self._total))
        self._step += 1
        self.seen += len(pictures)
        update_average(self._mean, self.student, self._step, RUNNING_MEAN)
        return {name: float(value.detach()) for name, value in by_head.items()}

    def _measure(self, held_out: Sequence[Packed], losses: dict[str, float]) -> None:
        self.accuracy = held_out_accuracy(StudentNetwork(self.result()).heads, held_out)
        line: dict[str, Any] = {"seconds": round(self.seconds, 1), "seen": self.seen}
        self._run.note(line | {"losses": losses, "held_out": self.accuracy})

    def _save(self) -> None:
        self._run.save(
            {
                "student": self.student.state_dict(),
                "mean": self._mean.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "step": self._step,
                "seen": self.seen,
                "seconds": self.seconds,
            }
        )
        save_student(self.result(), self._run.path / "student.safetensors")

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.student.load_state_dict(state["student"])
            self._mean.load_state_dict(state["mean"])
            self._optimiser.load_state_dict(state["optimiser"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"{self._run.path} was begun by another version of this program: name another "
                f"folder, and go on from its weights with --from {self._run.path}."
            ) from error
        self._step, self.seen = int(state["step"]), int(state["seen"])
        self.seconds = float(state["seconds"])


def _schedule(progress: float) -> float:
    """Share of the learning rate: a linear rise, then half a cosine down to 1 %."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.01)
    along = min((progress - WARM_UP) / (1 - WARM_UP), 1.0)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2
