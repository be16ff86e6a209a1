"""This controller's solvers on somebody's benchmark scenario: the `reset` / `solve` interface of a scenario module.

A scenario module has `N`, `DT`, `M`, `DSAFE`, `XMIN`, `XMAX`, `UMAX`, `Q`, `R`, `QN`, `ZL`, `ZQ`, `TS` and
`closed_loop(controller, seeds=…, name=…)`, which times each `solve` and counts what comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from physical_ai_control.mpc.model import successors
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, shift
from physical_ai_control.mpc.solvers import make_solver
from physical_ai_core.geometry import Array

COLD_ITERATIONS = 5
GAP = 0.05  # a solution that misses the model by more at any step, in any state, counts as failed


class ScenarioController:
    """One solver behind `reset(x0, ref)` and `solve(x0, ref, obstacles) -> (u, ok)`."""

    def __init__(self, scenario: Any, solver: str, iterations: int) -> None:
        s, q = scenario, scenario.Q
        self._scenario, self._iterations = scenario, iterations
        # The scenario weighs tracking and inputs by DT, slack not; here slack is relative to the rest instead.
        ocp = Ocp(
            steps=s.N, dt_s=s.DT, moving=s.M, static=0, weight_along=q[0], weight_across=q[1], weight_yaw=q[2],
            weight_speed=q[3], weight_yaw_rate=q[4], weight_acceleration=s.R[0], weight_yaw_acceleration=s.R[1],
            terminal_factor=float(s.QN[0] / q[0]), slack_linear=(s.ZL / s.DT, s.ZL / s.DT),
            slack_quadratic=(s.ZQ / s.DT, s.ZQ / s.DT),
        )  # fmt: skip
        self._solver = make_solver(solver, ocp)
        self._bounds = (np.tile(s.XMIN, (s.N + 1, 1)), np.tile(s.XMAX, (s.N + 1, 1)), -s.UMAX, s.UMAX)
        self._guess: Guess | None = None
        self._reference = np.zeros((s.N + 1, 5))

    def reset(self, x0: Array, ref: Array) -> None:
        """Forget the warm start."""
        self._guess = None

    def solve(self, x0: Array, ref: Array, obstacles: Array) -> tuple[Array, bool]:
        """First input for the state; `obstacles (N+1, M, 2)`. `ok` is this module's own verdict, not the solver's."""
        s = self._scenario
        reference = ref.copy()
        reference[:, 2] = np.unwrap(np.concatenate([[x0[2]], ref[:, 2]]))[1:]
        away = np.zeros((s.N + 1, s.M, 4))
        away[..., :2], away[..., 2] = obstacles, s.DSAFE
        cold = self._guess is None
        guess = Guess(reference, np.zeros((s.N, 2))) if self._guess is None else shift(self._guess, s.TS / s.DT)
        problem = Problem(x0, reference, away, *self._bounds)
        solution = self._solver.solve(problem, guess, COLD_ITERATIONS if cold else self._iterations)
        x, u = solution.states, solution.inputs
        if not (np.isfinite(x).all() and np.isfinite(u).all()):
            self._guess = None
            return np.zeros(2), False
        self._guess = Guess(x, u)
        gap = float(np.abs(successors(x[:-1], u, s.DT) - x[1:]).max())
        within = bool((np.abs(u) <= s.UMAX + 0.01).all() and np.abs(x[0] - x0).max() < 1e-3)
        return np.asarray(u[0]), within and gap < GAP


def compare(scenario: Any, solvers: Sequence[tuple[str, int]], seeds: Sequence[int] = (0, 1, 2, 3, 4)) -> list[Any]:
    """Results of the scenario's closed loop for each `(solver, iterations)`; prints one line each."""
    return [
        scenario.closed_loop(ScenarioController(scenario, name, count), seeds=tuple(seeds), name=f"{name} x{count}")
        for name, count in solvers
    ]
