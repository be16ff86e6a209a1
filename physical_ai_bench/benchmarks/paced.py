"""The controller at a rate of 100 Hz within the running graph: does a solution come too late, what does one take?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from physical_ai_bench.page import Page
from physical_ai_control.pace import FINE
from physical_ai_control.servo.clock import Histogram

TARGET_MISSES, TARGET_P99_MS = 0, 1.0
ABOUT = (
    "`physical-ai bench paced --minutes {minutes:g}`: the demo's graph over DDS, every node its own process, the"
    " controller at {rate:.0f} Hz with a new solution in every tick, driving a patrol among people all the time."
    " *Solver*: one call of the QP solver with its linearisation. *Solution*: that with obstacles, bounds, roll-out and"
    " check, as `controller/status` tells it ten times a second. *Tick*: everything from the clock's message to the"
    " last word said. Wall times are of this machine with all that ran on it; CPU times are of the controller's thread."
    " Counted by the node itself over every tick, in bins 4.7 % wide; percentiles are upper edges. A solution is *late*"
    " when it is there more than one period of wall time after its tick began. The second"
    " window has the controller at a real-time priority, where the kernel grants it."
)
HEADER = ("controller", "what", "p50", "p99", "max", "target")


@dataclass(frozen=True)
class Machine:
    """What else the processors did in the window: `busy` cores of `cores`, of them `graph` ours; `load` its average."""

    cores: int
    busy: float
    graph: float
    load: float
    stolen_percent: float

    def text(self) -> str:
        others = max(0.0, self.busy - self.graph)
        return (
            f"Load of the machine: {self.busy:.2f} of {self.cores} cores busy, {self.graph:.2f} of them with this graph"
            f" and {others:.2f} with other work; load average {self.load:.1f}; the hypervisor took"
            f" {self.stolen_percent:.1f} %."
        )


@dataclass(frozen=True)
class Paced:
    """One window. `first`, `last`: the node's counters around it; `cores`: CPU of each node over wall time."""

    minutes: float
    rate_hz: float
    granted: str  # what the kernel gave the controller's process
    wall_s: float
    graph_s: float  # of the graph's clock
    first: Mapping[str, str]
    last: Mapping[str, str]
    late_ticks: int  # of the node's own count on the graph's clock
    solve_ms: Sequence[float]  # of controller/status
    modes: Mapping[str, int]
    cores: Mapping[str, float]
    machine: Machine
    collisions: int = 0

    @property
    def name(self) -> str:
        return self.granted if "FIFO" in self.granted else "ordinary"

    def count(self, name: str) -> int:
        return int(self.last[name]) - int(self.first.get(name, "0"))

    def histogram(self, name: str) -> Histogram:
        key = f"{name}_histogram_us"
        return Histogram.of_text(self.last[key], FINE).since(Histogram.of_text(self.first.get(key, ""), FINE))

    def kept(self) -> bool:
        """Both targets."""
        return self.count("deadline_misses") <= TARGET_MISSES and self.solver_p99_ms <= TARGET_P99_MS

    @property
    def solver_p99_ms(self) -> float:
        return 1e-3 * self.histogram("solve").percentile_us(99)


def paced_page(windows: Sequence[Paced]) -> Page:
    """The table, a window after the other, and what it says."""
    rows = [row for paced in windows for row in _rows(paced)]
    notes = [note for paced in windows for note in _notes(paced)]
    about = ABOUT.format(minutes=windows[0].minutes, rate=windows[0].rate_hz)
    return Page("paced", "The controller at 100 Hz within the graph", about, HEADER, rows, "\n\n".join(notes))


def _rows(paced: Paced) -> list[tuple[str, ...]]:
    def times(name: str, what: str, target: str = "") -> tuple[str, ...]:
        found = paced.histogram(name)
        return (paced.name, what, *(f"{1e-3 * found.percentile_us(p):.3f}" for p in (50, 99, 100)), target)

    def number(what: str, value: str, target: str = "") -> tuple[str, ...]:
        return (paced.name, what, value, "", "", target)

    told = np.percentile(paced.solve_ms, [50, 99, 100]) if len(paced.solve_ms) else np.full(3, np.nan)
    pace, ticks = paced.graph_s / paced.wall_s, paced.count("ticks")
    graph = sum(cores for name, cores in paced.cores.items() if name != "simulator")
    return [
        number("solutions", str(paced.count("solves"))),
        number("**late solutions**", f"**{paced.count('deadline_misses')}**", str(TARGET_MISSES)),
        number("solver calls longer than a period", str(paced.count("solves_over_period"))),
        times("solve", "**solver, wall, ms**", f"p99 ≤ {TARGET_P99_MS:g}"),
        times("solve_cpu", "solver, CPU, ms"),
        (paced.name, "solution, wall, ms", *(f"{value:.3f}" for value in told), ""),
        times("tick", "tick, wall, ms"),
        times("tick_cpu", "tick, CPU, ms"),
        times("between", "from tick to tick, wall, ms"),
        number("ticks a second of the graph's clock", f"{ticks / paced.graph_s:.2f}", f"{paced.rate_hz:g}"),
        number("ticks that the graph's clock left out or held up", str(paced.late_ticks)),
        number("pace of the graph's clock (1: real time)", f"{pace:.2f}"),
        number("controller, cores", f"{paced.cores.get('controller', float('nan')):.2f}"),
        number("graph without simulator, cores", f"{graph:.2f}"),
    ]


def _notes(paced: Paced) -> list[str]:
    modes = ", ".join(f"{name} {n}" for name, n in sorted(paced.modes.items(), key=lambda item: -item[1]))
    verdict = "both targets are reached." if paced.kept() else "not reached: " + _short(paced)
    tick, solver = paced.histogram("tick_cpu").percentile_us(50), paced.histogram("solve_cpu").percentile_us(50)
    period_us = 1e6 / paced.rate_hz
    enough = "fits into" if paced.histogram("tick_cpu").percentile_us(99) < period_us else "does not fit into"
    return [
        f"{paced.name}: {verdict} A tick takes {1e-3 * tick:.1f} ms of CPU in the middle, of it the solver"
        f" {100 * solver / max(tick, 1e-9):.0f} %; with its p99 it {enough} a period of {1e-3 * period_us:g} ms. The"
        " rest is reading the messages, choosing the way, obstacles and bounds, and saying the answer.",
        f"{paced.machine.text()} {paced.wall_s:.0f} s of wall time, {paced.graph_s:.0f} s of the graph's clock, which"
        " waits for the graph where that cannot follow: the ticks come by it."
        f" Modes on `controller/status`: {modes}. Collisions: {paced.collisions}.",
    ]


def _short(paced: Paced) -> str:
    missing = []
    if paced.count("deadline_misses") > TARGET_MISSES:
        missing.append(f"{paced.count('deadline_misses')} solutions of {paced.count('solves')} were late")
    if paced.solver_p99_ms > TARGET_P99_MS:
        missing.append(f"the solver's p99 is {paced.solver_p99_ms:.2f} ms of wall time")
    return "; ".join(missing) + "."
