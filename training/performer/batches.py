"""Batches of examples: some whole, most of them windows on the dancer, made ahead by threads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from training.loop import prefetch
from training.performer.data import Augment, Example, Examples, Random

WHOLE_EVERY = 4
"""Every so many steps see whole crops, a quarter as many; the others windows of half the side on
the dancer: most of a crop is background, so three times as much is learnt in the same time. Windows
alone fit the learnt frames best, but do worse on poses that are new."""


def window(frames: Sequence[Example], random: Random) -> list[Example]:
    """Squares of half the side, the same of each frame, around some pixel of the dancer in the
    first (anywhere when nobody is there)."""
    size = len(frames[0].mask)
    side = size // 2
    there = np.flatnonzero(frames[0].mask)
    middle = there[random.integers(len(there))] if len(there) else random.integers(size * size)
    top, left = (np.array(divmod(int(middle), size)) - side // 2).clip(0, size - side).tolist()
    return [_cut(frame, left, top, side) for frame in frames]


def _cut(one: Example, left: int, top: int, side: int) -> Example:
    """A square of an example."""
    inside = slice(top, top + side), slice(left, left + side)
    return Example(
        one.rgb[inside], one.parts[inside], one.mask[inside], one.limbs[inside], one.plate[inside]
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors, uint8 `[N, S, S(, 3)]`."""

    rgb: Tensor
    parts: Tensor
    mask: Tensor
    limbs: Tensor
    plate: Tensor

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Batch:
        """Examples side by side."""
        return cls(
            **{
                field.name: torch.from_numpy(
                    np.stack([getattr(one, field.name) for one in examples])
                )
                for field in fields(cls)
            }
        )

    def pinned(self) -> Batch:
        """In memory that a GPU fetches from by itself, while this process goes on (CUDA only)."""
        return self._each(Tensor.pin_memory)

    def to(self, device: torch.device) -> Batch:
        """On another device; nothing waits for what is pinned."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return type(self)(
            **{field.name: change(getattr(self, field.name)) for field in fields(self)}
        )


def batches(
    data: Examples,
    count: int,
    augment: Augment,
    seed: int,
    first: int = 0,
    every: int = 1,
    pinned: bool = False,
) -> Generator[list[Batch]]:
    """Batches `first`, `first + every` and so on: the frames, and with `augment.before` those
    before them.

    Of the endless row of examples that belongs to a seed, each step takes its own, whatever the
    threads, and however many processes (`every`) share them. All of a step are windows, or whole
    (`WHOLE_EVERY`) and fewer. `pinned`: the threads pin them, for a GPU to fetch.
    """

    def draw(number: int, whole: bool) -> list[Example]:
        random = np.random.default_rng((seed, number))
        frames = data.examples(int(random.integers(0, len(data))), augment, random)
        return frames if whole else window(frames, random)

    def make(number: int) -> list[Batch]:
        step, rank = divmod(first + (number - first) * every, every)
        whole = (step + 1) % WHOLE_EVERY == 0
        many = max(1, count // 4) if whole else count
        begin = step * every * count + rank * many
        drawn = [draw(begin + place, whole) for place in range(many)]
        made = [Batch.of(frames) for frames in zip(*drawn, strict=True)]
        return [batch.pinned() for batch in made] if pinned else made

    return prefetch(make, first)
