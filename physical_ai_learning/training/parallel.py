"""Workers of one training: as many processes as `torchrun` starts, on GPUs (NCCL) or CPUs (gloo), or this one alone.

    torchrun --standalone --nproc-per-node 4 --max-restarts 3 -m MODULE …

Every worker runs the same code on the same plan of batches and takes its share of each, so what is learnt does not
depend on how many there are. The first worker alone writes. Alone, nothing of torch.distributed is begun.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor, nn

from physical_ai_core.errors import InputError, PhysicalAIError

WAIT: Final = timedelta(minutes=10)  # for the others, before a worker gives up and torchrun begins them all anew
RESTARTS: Final = 3
AHEAD: Final = "TORCHELASTIC_RUN_ID"  # set by torchrun in its workers


class WorkersError(PhysicalAIError):
    """Workers that ended more often than they may be begun anew."""


@dataclass(frozen=True)
class Crew:
    """This worker among all: `rank` of `size`, on `device`."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        return self.rank == 0

    def whole(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over all workers as they come (DistributedDataParallel)."""
        return module if self.size == 1 else nn.parallel.DistributedDataParallel(module)

    def sharded(self, module: nn.Module) -> nn.Module:
        """The module with its weights, gradients and optimiser state spread over the workers (FSDP2).

        Pays where weights, gradient and two moments (16 bytes a weight in float32) do not fit one GPU; below that,
        `whole` moves less. `full_state` and `set_full_state` read and write it as if it were whole.
        """
        if self.size == 1:
            return module
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(torch.device(self.device).type, (self.size,))
        for part in module.children():
            if any(True for _ in part.parameters()):
                fully_shard(part, mesh=mesh)
        found: nn.Module = fully_shard(module, mesh=mesh)
        return found

    def total_(self, *tensors: Tensor) -> None:
        """Sums each tensor over all workers, in place."""
        if self.size > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def told(self, values: Sequence[float]) -> list[float]:
        """The first worker's values, for every worker: what decides must be the same for all."""
        if self.size == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(found, 0)
        return [float(v) for v in found.tolist()]

    def every(self, value: Any) -> list[Any]:
        """Each worker's value, by rank, for every worker."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The first worker goes through, then the others."""
        if not self.first:
            dist.barrier()
        yield
        if self.first and self.size > 1:
            dist.barrier()


@contextmanager
def crew(device: str = "cpu") -> Iterator[Crew]:
    """The workers that torchrun started, each on a GPU of its own with `cuda`; without torchrun one worker.

    Raises InputError where there are more workers than GPUs.
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if AHEAD in os.environ else 1
    if size == 1:
        yield Crew(device=device)
        return
    rank, here = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    cuda = device.startswith("cuda")
    if cuda:
        if here >= torch.cuda.device_count():
            raise InputError(
                f"There is no GPU for worker {here}: {torch.cuda.device_count()} are here.",
                "Start as many workers as there are GPUs, or train with --device cpu.",
            )
        torch.cuda.set_device(here)
        device = f"cuda:{here}"
    dist.init_process_group("nccl" if cuda else "gloo", timeout=WAIT)
    try:
        yield Crew(rank, size, device)
    finally:
        dist.destroy_process_group()


def share(weights: Sequence[int], size: int) -> list[slice]:
    """Cuts what comes in order into `size` runs of nearly equal weight, for as many workers; some may be empty."""
    whole, runs, first, before = sum(weights), [], 0, 0.0
    for k in range(1, size + 1):
        last = first
        while last < len(weights) and (k == size or before + weights[last] / 2 <= whole * k / size):
            before += weights[last]
            last += 1
        runs.append(slice(first, last))
        first = last
    return runs


def full_state(module: nn.Module) -> dict[str, Tensor]:
    """Weights of a module, whole and on the CPU, for the first worker; the others, who call it too, get none."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    found: dict[str, Tensor] = get_model_state_dict(
        module, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    return found


def set_full_state(module: nn.Module, state: dict[str, Tensor]) -> None:
    """The other way: what the first worker gives becomes every worker's. All of them call it."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    several = dist.is_initialized()
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=several)
    set_model_state_dict(module, state, options=options)


def launch(module: str, arguments: Sequence[str], workers: int, restarts: int = RESTARTS) -> None:
    """Run `python -m MODULE ARGUMENTS` as so many workers on this machine, begun anew where one ends badly.

    Raises WorkersError when they ended more than `restarts` times.
    """
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}",
        f"--max-restarts={restarts}", "-m", module, *arguments,
    ]  # fmt: skip
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    process = subprocess.Popen(command, env={"OMP_NUM_THREADS": threads, **os.environ})
    try:
        code = process.wait()
    except BaseException:
        process.send_signal(signal.SIGTERM)  # torchrun ends its workers
        process.wait()
        raise
    if code:
        raise WorkersError(
            f"The workers of {module} ended with code {code} after {restarts} restarts.",
            "Look above for the first error; what was learnt until the last checkpoint is kept: run the same again.",
        )
