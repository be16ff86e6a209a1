"""This controller's solvers on somebody's benchmark scenario: the `reset` / `solve` interface of a scenario module.

A scenario module has `N`, `DT`, `TS`, `M`, `DSAFE`, `XMIN`, `XMAX`, `UMAX`, `Q`, `R`, `QN`, `ZL`, `ZQ`, a `Scenario`,
and `closed_loop(controller, seeds=…, name=…)`, timing each `solve(x0, reference, obstacles (N+1, M, 2)) -> (u, ok)`.
What is timed here is the solver and the copying into its buffers; whether the answer is right is for the caller to look
at, in `states` and `inputs`, when the clock stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from physical_ai_control.mpc.problem import Guess, Ocp, Problem, shift
from physical_ai_control.mpc.riccati.engine import Backend
from physical_ai_control.mpc.riccati.solver import COLD_MU, SETTLED, WARM_MU, RiccatiSolver
from physical_ai_control.mpc.solvers import RealTimeIteration, WholeNlp
from physical_ai_core.geometry import Array

COLD_ITERATIONS: Final = 5
FREE: Final = 1e3  # a bound as far as this is none
TURN: Final = 2.0 * np.pi


def ocp_of(scenario: Any) -> Ocp:
    """The scenario weighs tracking and inputs by DT, slack not; here slack is relative to the rest instead."""
    s, q = scenario, scenario.Q
    return Ocp(
        steps=s.N, dt_s=s.DT, moving=s.M, static=0, weight_along=q[0], weight_across=q[1], weight_yaw=q[2],
        weight_speed=q[3], weight_yaw_rate=q[4], weight_acceleration=s.R[0], weight_yaw_acceleration=s.R[1],
        terminal_factor=float(s.QN[0] / q[0]), slack_linear=(s.ZL / s.DT, s.ZL / s.DT),
        slack_quadratic=(s.ZQ / s.DT, s.ZQ / s.DT),
    )  # fmt: skip


class RiccatiController:
    """The suite's own solver; the warm start is shifted by the solver itself."""

    def __init__(
        self, scenario: Any, iterations: int, backend: Backend | None = None, braking_mps2: float = 0.0
    ) -> None:
        """`braking_mps2`: of the terminal set; 0: none."""
        s, ocp = scenario, replace(ocp_of(scenario), braking_mps2=braking_mps2)
        bounded = tuple(i for i in range(len(s.XMIN)) if max(abs(s.XMIN[i]), abs(s.XMAX[i])) < FREE)
        self._solver = RiccatiSolver(ocp, backend, bounded)
        self.backend = self._solver.backend
        given, answer = self._solver.engine.given, self._solver.engine.answer
        given["x_low"][:], given["x_high"][:] = s.XMIN, s.XMAX
        given["u_low"][:], given["u_high"][:] = -s.UMAX, s.UMAX
        given["keep_away"][..., 2] = s.DSAFE
        self._x0, self._reference, self._away = given["x0"], given["reference"], given["keep_away"][..., :2]
        self._guess_x, self._guess_u, self._options = given["guess_x"], given["guess_u"], given["options"]
        self._info, self._call, self._iterations = answer["info"], self._solver.engine.call, iterations
        self._shift, self._cold = s.TS / s.DT, True
        self.states, self.inputs, self.slack = answer["states"], answer["inputs"], answer["slack"]

    def reset(self, x0: Array, ref: Array) -> None:
        """Forget the warm start."""
        self._solver.forget()
        self._cold = True

    def solve(self, x0: Array, ref: Array, obstacles: Array) -> tuple[Array, bool]:
        """First input for the state; `ok`: the solver's own word."""
        self._x0[:], self._reference[:], self._away[:] = x0, ref, obstacles
        apart = x0.item(2) - ref.item(2)
        if abs(apart) > np.pi:
            self._reference[:, 2] += TURN * round(apart / TURN)
        options, most = self._options, self._iterations
        options[0], options[5] = WARM_MU, self._shift
        if self._cold:
            self._guess_x[:], self._guess_u[:] = self._reference, 0.0
            options[0], options[5], most, self._cold = COLD_MU, -1.0, COLD_ITERATIONS, False
        status = self._call()
        for _ in range(most - 1):
            if self._info[5] < SETTLED:
                break
            options[0], options[5] = WARM_MU, 0.0
            status = self._call()
        self._cold = status > 1
        return self.inputs[0].copy(), status == 0


class HpipmController:
    """casadi's HPIPM behind the same interface, its buffers written in place."""

    def __init__(self, scenario: Any, iterations: int) -> None:
        s, ocp = scenario, ocp_of(scenario)
        self._solver, self._iterations = RealTimeIteration(ocp, "hpipm"), iterations
        self._form, (w, p, low, high) = self._solver.form, self._solver.ins
        bounds = (np.tile(s.XMIN, (s.N + 1, 1)), np.tile(s.XMAX, (s.N + 1, 1)), -s.UMAX, s.UMAX)
        away = np.zeros((s.N + 1, s.M, 4))
        away[..., 2] = s.DSAFE
        problem = Problem(np.zeros(5), np.zeros((s.N + 1, 5)), away, *bounds)
        p[:] = self._form.parameters(problem)
        low[:], high[:] = self._form.bounds(problem)
        self._reference = p[: 5 * (s.N + 1)].reshape(s.N + 1, 5)
        self._away = p[5 * (s.N + 1) :].reshape(s.N - 1, s.M, 4)[..., :2]
        self._w, self._low, self._high = w, low[:5], high[:5]
        self._out = self._solver.outs[0]
        self._guess: Guess | None = None
        self._shift = s.TS / s.DT
        self.states, self.inputs, self.slack = np.zeros((s.N + 1, 5)), np.zeros((s.N, 2)), np.zeros((s.N, 2))

    def reset(self, x0: Array, ref: Array) -> None:
        """Forget the warm start."""
        self._guess = None

    def solve(self, x0: Array, ref: Array, obstacles: Array) -> tuple[Array, bool]:
        """As above."""
        self._reference[:], self._away[:] = ref, obstacles[1:-1]
        self._reference[:, 2] += TURN * round((x0[2] - ref[0, 2]) / TURN)
        self._low[:] = self._high[:] = x0
        most, guess = self._iterations, self._guess
        if guess is None:
            most, guess = COLD_ITERATIONS, Guess(self._reference, np.zeros_like(self.inputs))
        else:
            guess = _blend(guess, self._shift)
        self._w[:] = self._form.pack(guess)
        for i in range(most):
            if i:
                self._w[:] = self._out
            self._solver.evaluate()
        found = self._form.unpack(self._out, 0.0, most)
        self.states, self.inputs, self.slack = found.states, found.inputs, found.slack
        ok = bool(np.isfinite(self._out).all())
        self._guess = Guess(self.states, self.inputs) if ok else None
        return self.inputs[0], ok


class NlpController:
    """ipopt or fatrop, to convergence, warm started."""

    def __init__(self, scenario: Any, plugin: str = "ipopt") -> None:
        s = scenario
        self._solver, self._scenario = WholeNlp(ocp_of(s), plugin), s
        self._bounds = (np.tile(s.XMIN, (s.N + 1, 1)), np.tile(s.XMAX, (s.N + 1, 1)), -s.UMAX, s.UMAX)
        self._away = np.zeros((s.N + 1, s.M, 4))
        self._away[..., 2] = s.DSAFE
        self._guess: Guess | None = None
        self.states, self.inputs, self.slack = np.zeros((s.N + 1, 5)), np.zeros((s.N, 2)), np.zeros((s.N, 2))

    def reset(self, x0: Array, ref: Array) -> None:
        """Forget the warm start."""
        self._guess = None

    def solve(self, x0: Array, ref: Array, obstacles: Array) -> tuple[Array, bool]:
        """As above."""
        s = self._scenario
        self._away[..., :2] = obstacles
        reference = ref.copy()
        reference[:, 2] += TURN * round((x0[2] - ref[0, 2]) / TURN)
        guess = Guess(reference, np.zeros((s.N, 2))) if self._guess is None else shift(self._guess, s.TS / s.DT)
        found = self._solver.solve(Problem(x0, reference, self._away, *self._bounds), guess, 0)
        self.states, self.inputs, self.slack = found.states, found.inputs, found.slack
        ok = bool(np.isfinite(found.states).all() and np.isfinite(found.inputs).all())
        self._guess = Guess(found.states, found.inputs) if ok else None
        return found.inputs[0], ok


def _blend(guess: Guess, share: float) -> Guess:
    """The guess later by a share of a step (0 to 1); its end stays."""
    states, inputs = guess.states.copy(), guess.inputs.copy()
    states[:-1] += share * (guess.states[1:] - guess.states[:-1])
    inputs[:-1] += share * (guess.inputs[1:] - guess.inputs[:-1])
    return Guess(states, inputs)
