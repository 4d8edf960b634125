"""Processes: who else scores the same samples; torchrun and accelerate launch start them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = timedelta(days=30)  # the slowest process may have that much more to do


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's place among the others."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait_for_all(self) -> None:
        """Return when every process is here."""
        if self.world > 1:
            import torch.distributed as dist

            dist.barrier()


@contextmanager
def join_processes(environment: Mapping[str, str] = os.environ) -> Iterator[Processes]:
    """Meet the others that RANK and WORLD_SIZE tell of; alone where these are not set."""
    processes = Processes(
        int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    )
    if processes.world == 1:
        yield processes
        return
    import torch.distributed as dist

    dist.init_process_group("gloo", timeout=PATIENCE)  # also with GPUs: only waiting is shared
    try:
        yield processes
    finally:
        dist.destroy_process_group()
