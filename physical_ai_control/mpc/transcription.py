"""Multiple shooting of the optimal-control problem in casadi: variables, cost, constraints, in stage order.

Variables: per stage `x (nx), u (nu), slack (2)`, at the end `x`. Constraints: per stage the gap
`step(x, u) - x_next`, then the distance rows. This order is what structured QP solvers (HPIPM) look for. With a
terminal set there are rows at the end too, on the place where braking leads; since HPIPM has no inputs there, their
slack is a state of the end and an input of the stage before it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution
from physical_ai_core.geometry import Array

NS = 2
SMOOTH_M2 = 1e-4  # keeps the distance differentiable at its zero
SLACK_MAX = 10.0
FREE = 1e9


class Nlp(NamedTuple):
    """Symbols: `w` variables, `p` parameters, `f` cost, `g` constraints; `gap_rows` are those that must be zero."""

    w: Any
    p: Any
    f: Any
    g: Any
    gap_rows: NDArray[np.bool_]


class Transcription:
    """Symbols once, and the packing of arrays into them."""

    def __init__(self, ocp: Ocp) -> None:
        self.ocp = ocp
        n, nx, nu = ocp.steps, ocp.model.nx, ocp.model.nu
        width = nx + nu + NS
        self.ends = int(ocp.braking_mps2 > 0.0)
        last = n * width + self.ends * NS
        self.size = last + nx + self.ends * NS
        lead = np.arange(n)[:, None] * width
        self._x = np.vstack([lead + np.arange(nx), last + np.arange(nx)])
        self._u = lead + nx + np.arange(nu)
        self._s = lead + nx + nu + np.arange(NS)
        if self.ends:
            self._s = np.vstack([self._s, last + nx + np.arange(NS)])
        self.nlp = self._build()
        gaps = self.nlp.gap_rows
        self.g_low, self.g_high = np.zeros(len(gaps)), np.where(gaps, 0.0, FREE)

    def parameters(self, problem: Problem) -> Array:
        return np.concatenate([problem.reference.ravel(), problem.keep_away[1 : self.ocp.steps + self.ends].ravel()])

    def bounds(self, problem: Problem) -> tuple[Array, Array]:
        low, high = np.zeros(self.size), np.full(self.size, SLACK_MAX)
        low[self._x[1:]], high[self._x[1:]] = problem.x_low[1:], problem.x_high[1:]
        low[self._x[0]] = high[self._x[0]] = problem.x0
        low[self._u], high[self._u] = problem.u_low, problem.u_high
        return low, high

    def pack(self, guess: Guess) -> Array:
        w = np.zeros(self.size)
        w[self._x], w[self._u] = guess.states, guess.inputs
        return w

    def unpack(self, w: Array, cost: float, iterations: int) -> Solution:
        return Solution(w[self._x], w[self._u], w[self._s], cost, iterations)

    def _build(self) -> Nlp:
        ocp, n, rows, nx = self.ocp, self.ocp.steps, self.ocp.rows, self.ocp.model.nx
        w, ref = ca.SX.sym("w", self.size), ca.SX.sym("ref", nx, n + 1)
        away = ca.SX.sym("away", 4, rows * (n - 1 + self.ends))
        f, g, gaps = 0, [], []
        for k in range(n + 1):
            x = w[self._x[k].tolist()]
            f = f + self._tracking(x, ref[:, k]) * (ocp.terminal_factor if k == n else 1.0)
            if k == n and not self.ends:
                break
            s = w[self._s[k].tolist()]
            for column in range(NS):
                f = f + ocp.slack_linear[column] * s[column] + 0.5 * ocp.slack_quadratic[column] * s[column] ** 2
            if k < n:
                u = w[self._u[k].tolist()]
                f = f + sum(weight * u[i] ** 2 for i, weight in enumerate(ocp.input_weights))
                g.append(ocp.model.step(x, u, ocp.dt_s) - w[self._x[k + 1].tolist()])
                gaps += [True] * nx
            if k == n - 1 and self.ends:
                before = (self._s[n] - nx - NS).tolist()
                g.append(w[before] - w[self._s[n].tolist()])
                gaps += [True] * NS
            for row in range(rows if k else 0):
                o = away[:, (k - 1) * rows + row]
                ahead = o[3] + (x[3] ** 2 / (2.0 * ocp.braking_mps2) if k == n else 0.0)
                dx = x[0] + ahead * ca.cos(x[2]) - o[0]
                dy = x[1] + ahead * ca.sin(x[2]) - o[1]
                g.append(ca.sqrt(dx**2 + dy**2 + SMOOTH_M2) - o[2] + s[0 if row < ocp.moving else 1])
                gaps.append(False)
        return Nlp(w, ca.vertcat(ca.vec(ref), ca.vec(away)), f, ca.vertcat(*g), np.array(gaps))

    def _tracking(self, x: Any, ref: Any) -> Any:
        ocp, c, s = self.ocp, ca.cos(ref[2]), ca.sin(ref[2])
        dx, dy = x[0] - ref[0], x[1] - ref[1]
        errors = [c * dx + s * dy, c * dy - s * dx, *(x[i] - ref[i] for i in range(2, ocp.model.nx))]
        return sum(weight * error**2 for weight, error in zip(ocp.state_weights, errors, strict=True))
