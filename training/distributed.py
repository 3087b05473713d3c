"""Several processes, on one machine or many, that train one network: as `torchrun` starts them.

Each draws its own examples; gradients are averaged before every step, so that all keep the same
weights (synchronous data parallelism, as in Li et al., "PyTorch Distributed", VLDB 2020; without
its overlap of computing and sending, and with the freedom to run a network twice in one step). The
first process alone looks at the clock, measures and writes.
"""

from __future__ import annotations

import os

import torch
from torch import distributed, nn


class ProcessGroup:
    """The processes of a training; one alone needs no others."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @classmethod
    def join(cls) -> ProcessGroup:
        """Meet the others that `torchrun` started; alone without it."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        distributed.init_process_group("nccl" if on_gpu else "gloo")
        return cls(distributed.get_rank(), count)

    @property
    def first(self) -> bool:
        """Whether this is the process that measures and writes."""
        return self.rank == 0

    def agree(self, seconds: float, stop: bool, device: torch.device) -> tuple[float, bool]:
        """What the first process's clock says, and whether to stop: the same for all."""
        if self.count == 1:
            return seconds, stop
        said = torch.tensor([seconds, float(stop)], dtype=torch.float64, device=device)
        distributed.broadcast(said, 0)
        return float(said[0]), bool(said[1])

    def any(self, here: bool, device: torch.device) -> bool:
        """Whether it is so in any process."""
        if self.count == 1:
            return here
        somewhere = torch.tensor([float(here)], device=device)
        distributed.all_reduce(somewhere)
        return bool(somewhere[0] > 0)

    def average(self, network: nn.Module) -> None:
        """Of the gradients of all processes."""
        if self.count == 1:
            return
        gradients = [one.grad for one in network.parameters() if one.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            distributed.barrier()

    def leave(self) -> None:
        """The training is over."""
        if self.count > 1:
            distributed.destroy_process_group()
