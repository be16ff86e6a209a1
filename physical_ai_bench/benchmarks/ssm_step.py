"""What one step of the world model's recurrence costs: C, numba, numpy, beside Mamba of the same size elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_bench.page import Page
from physical_ai_core.errors import DependencyError, PhysicalAIError
from physical_ai_world_model.ssm.packing import Floats, tensor_sizes
from physical_ai_world_model.ssm.recurrence import Recurrence, Wanted
from physical_ai_world_model.ssm.shape import Shape

AGENTS: Final = (1, 8, 32, 128, 256)
BACKENDS: Final[tuple[Wanted, ...]] = ("c", "numba", "numpy")
BLOCKS: Final = 20  # of one, then of the other: all see the same noise of the machine
WARM: Final = 5  # calls of each block that are not counted
BLOCK_S: Final = 0.02  # about so long a block is
CALLS: Final = (5, 200)  # fewest and most of a block
STREAM_BYTES: Final = 64 << 20
DT_S: Final = 0.05


@dataclass
class Work:
    """Something to time: `call` is one step of `agents`; `why` it cannot run, where it cannot."""

    name: str
    agents: int
    call: Callable[[], Any] | None
    why: str = ""
    times_ns: list[int] = field(default_factory=list)

    def percentile_us(self, percent: float) -> float:
        return float(np.percentile(self.times_ns, percent)) / 1e3

    def best_block_us(self) -> float:
        """The median of the block with the least median: the machine left alone, or nearly so."""
        return float(np.median(np.reshape(self.times_ns, (BLOCKS, -1)), axis=1).min()) / 1e3


def random_weights(shape: Shape, seed: int) -> dict[str, NDArray[np.float32]]:
    """Of the size that training gives: decays from 0.1 to 4 a second, gates mostly below one."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, size in tensor_sizes(shape).items():
        if name.endswith("norm.weight"):
            value = 1.0 + 0.1 * rng.normal(size=size)
        elif name.endswith("A_log"):
            value = np.log(rng.uniform(0.1, 4.0, size))
        elif name.endswith("dt_proj.bias"):
            value = rng.uniform(-5.0, 0.0, size)
        else:
            value = rng.normal(size=size) / np.sqrt(size[-1])
        found[name] = value.astype(np.float32)
    return found


def ssm_step_page(shape: Shape | None = None) -> Page:
    """Measure and tell. Set OMP_NUM_THREADS=1 before numpy is imported."""
    shape = shape or Shape()
    weights = random_weights(shape, 0)
    engines, missing = _engines(weights, shape)
    works = [*_own(engines, missing, 1), *_peers(shape)]
    for n in AGENTS[1:]:
        works += _own(engines, missing, n)
    _interleave([work for work in works if work.agents == 1])
    for n in AGENTS[1:]:
        _interleave([work for work in works if work.agents == n])
    first = next(work for work in works if work.times_ns)
    rows = [_row(work, first.percentile_us(50)) for work in works]
    after = f"after {STREAM_BYTES >> 20} MB of other data"
    for name, agents, cold in (("c", 0, False), (f"c, {after}", 1, True), (f"c, {after}", 0, True)):
        if "c" in engines:
            work = Work(name, agents, _call(engines["c"], agents))
            _interleave([work], cold)
            rows.append(_row(work, first.percentile_us(50)))
    header = ("step", "agents", "p50 µs", "p99 µs", "best block µs", "p50 per agent µs", f"× {first.name}, one agent")
    return Page("ssm_step", "One step of the state space", _about(shape), header, rows, _notes(engines, shape, first))


def _about(shape: Shape) -> str:
    return (
        f"`physical-ai bench ssm_step`: one step of the recurrence (width {shape.width}, {shape.inner} channels of"
        f" {shape.state} states, {shape.layers} layers) with embedding and norms, through `Recurrence.step` in Python:"
        " checks, copy of the inputs and of the answer are in it. The peers take one token through as many layers of"
        " Mamba of the same width, states and rank, `mamba_ssm` without norms and residuals. One thread. CPU time of"
        f" the thread for every call, blocks of one and then of the other, the first {WARM} calls of each block not"
        " counted."
    )


def _engines(weights: dict[str, NDArray[np.float32]], shape: Shape) -> tuple[dict[str, Recurrence], dict[str, str]]:
    engines: dict[str, Recurrence] = {}
    missing: dict[str, str] = {}
    for name in BACKENDS:
        try:
            engines[name] = Recurrence(weights, shape, name)
        except PhysicalAIError as error:
            missing[name] = str(error)
    return engines, missing


def _own(engines: dict[str, Recurrence], missing: dict[str, str], agents: int) -> Iterator[Work]:
    for name in BACKENDS:
        yield Work(name, agents, _call(engines[name], agents) if name in engines else None, missing.get(name, ""))


def _call(engine: Recurrence, agents: int) -> Callable[[], Floats]:
    features = np.random.default_rng(1).normal(size=(agents, engine.shape.features)).astype(np.float32)
    dt, state = np.full(agents, DT_S, np.float32), engine.new_state(agents)
    return lambda: engine.step(features, dt, state)


def _peers(shape: Shape) -> Iterator[Work]:
    from physical_ai_learning.world_model.step_peers import MAMBA_MEND, mamba_ssm_step, transformers_step

    for name, make in (("mamba_ssm Mamba.step", mamba_ssm_step), ("transformers Mamba, cache", transformers_step)):
        try:
            yield Work(name, 1, make(shape))
        except DependencyError as error:
            mend = f"Install: {MAMBA_MEND}." if make is mamba_ssm_step else error.mend
            yield Work(name, 1, None, f"{error.cause} {mend}")


def _interleave(works: list[Work], cold: bool = False) -> None:
    """Blocks in turn; `cold`: other data goes through the caches before every call, as between two ticks of a robot."""
    timed = [(work, work.call) for work in works if work.call is not None]
    counts = {id(work): CALLS[0] if cold else _calls_of(call) for work, call in timed}
    there, here = np.zeros(STREAM_BYTES // 8), np.zeros(STREAM_BYTES // 8)
    for _ in range(BLOCKS):
        for work, call in timed:
            for _ in range(WARM):
                call()
            for _ in range(counts[id(work)]):
                if cold:
                    np.copyto(there, here)
                begun = time.thread_time_ns()
                call()
                work.times_ns.append(time.thread_time_ns() - begun)


def _calls_of(call: Callable[[], Any]) -> int:
    call()
    begun = time.thread_time()
    for _ in range(3):
        call()
    return int(np.clip(3 * BLOCK_S / max(time.thread_time() - begun, 1e-9), *CALLS))


def _row(work: Work, unit_us: float) -> tuple[str, ...]:
    if not work.times_ns:
        return (work.name, str(work.agents), work.why, "", "", "", "")
    p50, p99 = work.percentile_us(50), work.percentile_us(99)
    each = f"{p50 / work.agents:.2f}" if work.agents else ""
    cells = (f"{p50:.1f}", f"{p99:.1f}", f"{work.best_block_us():.1f}", each, f"{p50 / unit_us:.1f}")
    return (work.name, str(work.agents), *cells)


def _notes(engines: dict[str, Recurrence], shape: Shape, first: Work) -> str:
    engine = next(iter(engines.values()))
    weights, state = engine.weight_bytes, engine.new_state(1).nbytes
    memory, cache = copy_rate(STREAM_BYTES), copy_rate(weights)
    clock = [-time.thread_time_ns() + time.thread_time_ns() for _ in range(2000)]
    p50 = first.percentile_us(50)
    lines = [f"- {recurrence.backend}" for recurrence in engines.values()]
    lines += [
        f"- A step of one agent reads {weights / 1e3:.0f} kB of weights, and reads and writes {state / 1e3:.0f} kB of"
        f" state. At {first.name}'s p50 that is {weights / p50 / 1e3:.1f} GB/s of weights.",
        f"- A copy of {STREAM_BYTES >> 20} MB in the same run moves {memory / 1e9:.1f} GB/s (read and written bytes"
        f" together), a copy of as much as the weights, which stays in the caches, {cache / 1e9:.1f} GB/s: the weights"
        f" alone cost {weights / memory * 1e6:.1f} µs from memory and {weights / cache * 1e6:.1f} µs from the caches."
        " C passes over them once for every four agents.",
        "- A step of no agents is what Python, numpy and the call cost.",
        f"- The clock's own cost, {np.median(clock) / 1e3:.2f} µs a call, is in every figure.",
    ]
    return "\n".join(lines)


def copy_rate(size: int) -> float:
    """Bytes per second, read and written together, of a copy; the best of several, as STREAM takes it."""
    there, here = np.ones(size // 8), np.ones(size // 8)
    rounds, best = max(1, (8 << 20) // size), np.inf
    for _ in range(10):
        begun = time.thread_time_ns()
        for _ in range(rounds):
            np.copyto(there, here)
        best = min(best, (time.thread_time_ns() - begun) / rounds)
    return 2e9 * size / float(best)
