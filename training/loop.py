"""What both training loops, of a student and of a performer, have in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

T = TypeVar("T")

_AHEAD = 4
_THREADS = 2


def prefetch(make: Callable[[int], T], first: int) -> Generator[T]:
    """`make(first)`, `make(first + 1)` and so on for ever, in order, made ahead by threads."""
    with ThreadPoolExecutor(_THREADS, "batches") as threads:
        waiting: deque[Future[T]] = deque()
        number = first
        try:
            while True:
                while len(waiting) < _AHEAD:
                    waiting.append(threads.submit(make, number))
                    number += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@torch.no_grad()
def update_average(mean: nn.Module, network: nn.Module, step: int, longest: float) -> None:
    """Move a running mean of weights towards the network's (Polyak averaging), on its device.

    `step`: of the training, from 1: a young mean forgets its beginning soon. `longest`: share that
    an old mean keeps at each step, 0..1.
    """
    means, ours = mean.state_dict(), network.state_dict()
    floating = [name for name, value in means.items() if value.is_floating_point()]
    # All at once: on a GPU a step is as long as the number of its calls.
    decay = min(longest, (1 + step) / (10 + step))
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    average([means[name] for name in floating], [ours[name] for name in floating], step)
    for name in means.keys() - floating:
        means[name].copy_(ours[name])


def out_of_memory(error: Exception) -> bool:
    """PyTorch has an exception of its own on GPUs only."""
    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError)
        or "not enough memory" in str(error)
        or "can't allocate memory" in str(error)
    )


def best_device() -> torch.device:
    """A CUDA GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is quick here: on CPUs only with the instructions for it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
