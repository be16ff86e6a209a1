"""What the controller's ticks cost and how evenly they come: counted by whoever runs the core, never decided by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from physical_ai_control.mpc.problem import Guess, Problem, Solution, Solver
from physical_ai_control.servo.clock import Histogram

PACE: Final = "controller: pace"  # of its status on /diagnostics
FINE: Final = 50  # bins a decade: a percentile is at most 4.7 % too high

Clock = Callable[[], float]


class PaceMeter:
    """Histograms of bounded size, from the start on: solver, tick, and from one tick's begin to the next one's.

    A solution misses its deadline when it is there later than one period after its tick began.

    Example:
        meter = PaceMeter(100.0)
        core = ControllerCore(parameters, around_solver=meter.around)
        with meter.tick():
            core.tick(stamp_s)
    """

    def __init__(self, rate_hz: float, wall: Clock = time.perf_counter, cpu: Clock = time.thread_time) -> None:
        self._period_s, self._wall, self._cpu = 1.0 / rate_hz, wall, cpu
        self.solves = self.missed = self.ticks = self.over_period = 0
        self.times = {name: Histogram(FINE) for name in ("solve", "solve_cpu", "tick", "tick_cpu", "between")}
        self._begun_s: float | None = None  # of the tick that runs
        self._last_s: float | None = None

    def around(self, solver: Solver) -> Solver:
        """The same solver, timed."""
        return _Timed(solver, self)

    @contextmanager
    def tick(self) -> Iterator[None]:
        """Around everything that a tick does."""
        begun_s, cpu_s = self._wall(), self._cpu()
        if self._last_s is not None:
            self.times["between"].add(1e6 * (begun_s - self._last_s))
        self._begun_s = self._last_s = begun_s
        try:
            yield
        finally:
            self.ticks += 1
            self.times["tick"].add(1e6 * (self._wall() - begun_s))
            self.times["tick_cpu"].add(1e6 * (self._cpu() - cpu_s))
            self._begun_s = None

    def pause(self) -> None:
        """The ticks end here; until the next one is no period."""
        self._last_s = None

    @contextmanager
    def solve(self) -> Iterator[None]:
        """Around one call of the solver."""
        begun_s, cpu_s = self._wall(), self._cpu()
        try:
            yield
        finally:
            ended_s = self._wall()
            self.solves += 1
            self.missed += ended_s - (begun_s if self._begun_s is None else self._begun_s) > self._period_s
            self.over_period += ended_s - begun_s > self._period_s
            self.times["solve"].add(1e6 * (ended_s - begun_s))
            self.times["solve_cpu"].add(1e6 * (self._cpu() - cpu_s))

    def values(self) -> dict[str, str]:
        """For diagnostics."""
        found = {
            "rate_hz": f"{1.0 / self._period_s:.1f}",
            "ticks": str(self.ticks),
            "solves": str(self.solves),
            "deadline_misses": str(self.missed),
            "solves_over_period": str(self.over_period),
        }
        for name, times in self.times.items():
            found[f"{name}_p50_us"] = f"{times.percentile_us(50):.0f}"
            found[f"{name}_p99_us"] = f"{times.percentile_us(99):.0f}"
            found[f"{name}_max_us"] = f"{times.most_us:.0f}"
            found[f"{name}_histogram_us"] = times.text()
        return found


class _Timed:
    """A solver between two looks at the clock."""

    def __init__(self, solver: Solver, meter: PaceMeter) -> None:
        self._solver, self._meter = solver, meter

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        with self._meter.solve():
            return self._solver.solve(problem, guess, iterations)
