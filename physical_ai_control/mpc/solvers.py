"""Solvers of the optimal-control problem: real-time iterations over a QP solver, or a whole NLP solver.

`RealTimeIteration` linearises, solves one QP through a plugin of casadi, takes the full step, and does so a bounded
number of times (Diehl, Bock, Schlöder 2005). The Hessian is that of the cost alone, which is quadratic here
(Gauss-Newton): always convex. `RiccatiSolver` (riccati/) does the same with the suite's own QP solver. `WholeNlp`
(ipopt, fatrop) runs to convergence and is the yardstick, not the product: its time has no bound.
"""

from __future__ import annotations

from typing import Any, Final

import casadi as ca
import numpy as np

from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution, Solver
from physical_ai_control.mpc.riccati.solver import RiccatiSolver
from physical_ai_control.mpc.transcription import NS, Transcription
from physical_ai_core.errors import ParameterError
from physical_ai_core.native import BuildError

QP_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "hpipm": {"hpipm": {"iter_max": 30, "mode": "speed"}},
    "piqp": {"piqp": {"max_iter": 40}},
    "osqp": {"osqp": {"max_iter": 400, "eps_abs": 1e-4, "eps_rel": 1e-4, "verbose": False}},
    "daqp": {},
    "proxqp": {"proxqp": {"max_iter": 200, "verbose": False}},
    "qrqp": {"print_iter": False, "print_header": False, "max_iter": 60},
}
NLP_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "ipopt": {"ipopt": {"print_level": 0, "sb": "yes", "max_iter": 60, "warm_start_init_point": "yes", "tol": 1e-5}},
    "fatrop": {"structure_detection": "auto", "fatrop": {"print_level": 0, "max_iter": 60, "tol": 1e-5}},
}


class RealTimeIteration:
    """Bounded sequential quadratic programming through one QP plugin of casadi.

    `evaluate()` reads the buffers `ins` (variables, parameters, low, high) and writes `outs` (variables, cost, …).
    """

    def __init__(self, ocp: Ocp, qp: str) -> None:
        self.form = form = Transcription(ocp)
        nlp = form.nlp
        hessian, gradient = ca.hessian(nlp.f, nlp.w)
        jacobian = ca.jacobian(nlp.g, nlp.w)
        parts = ca.Function("parts", [nlp.w, nlp.p], [hessian, gradient, jacobian, nlp.g, nlp.f])
        options = {"error_on_fail": False, **QP_OPTIONS[qp]}
        if qp == "hpipm":
            n, nx, nu, end = ocp.steps, ocp.model.nx, ocp.model.nu + NS, form.ends * NS
            options.update(
                N=n, nx=[nx] * n + [nx + end], nu=[nu] * (n - 1) + [nu + end, 0],
                ng=[0] + [ocp.rows] * (n - 1) + [form.ends * ocp.rows],
            )  # fmt: skip
        solve = ca.conic("qp", qp, {"h": hessian.sparsity(), "a": jacobian.sparsity()}, options)
        w, p = ca.MX.sym("w", form.size), ca.MX.sym("p", nlp.p.numel())
        low, high = ca.MX.sym("low", form.size), ca.MX.sym("high", form.size)
        h, gradient, a, g, f = parts(w, p)
        step = solve(h=h, g=gradient, a=a, lba=form.g_low - g, uba=form.g_high - g, lbx=low - w, ubx=high - w)
        # Every output is asked for: the HPIPM plugin writes its multipliers without looking whether anyone wants them.
        outputs = [w + step["x"], f + step["cost"], step["lam_a"], step["lam_x"]]
        self._iterate = ca.Function("iterate", [w, p, low, high], outputs)
        # Fixed buffers: casadi's conversion of numpy arguments costs as much as the linearisation.
        self.ins = [np.zeros(self._iterate.numel_in(i)) for i in range(4)]
        self.outs = [np.zeros(self._iterate.numel_out(i)) for i in range(4)]
        self._buffer: Any
        self._buffer, self.evaluate = self._iterate.buffer()
        for i in range(4):
            self._buffer.set_arg(i, self.ins[i].data)
            self._buffer.set_res(i, self.outs[i].data)

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        """`cost` is that of the last quadratic model."""
        form = self.form
        self.ins[0][:], self.ins[1][:] = form.pack(guess), form.parameters(problem)
        self.ins[2][:], self.ins[3][:] = form.bounds(problem)
        for i in range(iterations):
            if i:
                self.ins[0][:] = self.outs[0]
            self.evaluate()
        return form.unpack(self.outs[0].copy(), float(self.outs[1][0]), iterations)


class WholeNlp:
    """One of casadi's NLP solvers, run to convergence."""

    def __init__(self, ocp: Ocp, plugin: str) -> None:
        self._form = form = Transcription(ocp)
        nlp = form.nlp
        options = {"print_time": False, "error_on_fail": False, **NLP_OPTIONS[plugin]}
        if plugin == "fatrop":
            options["equality"] = form.nlp.gap_rows.tolist()
        self._nlp = ca.nlpsol("nlp", plugin, {"x": nlp.w, "p": nlp.p, "f": nlp.f, "g": nlp.g}, options)

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        form = self._form
        low, high = form.bounds(problem)
        answer = self._nlp(
            x0=form.pack(guess), p=form.parameters(problem), lbx=low, ubx=high, lbg=form.g_low, ubg=form.g_high
        )
        count = int(self._nlp.stats().get("iter_count", iterations))
        return form.unpack(np.asarray(answer["x"], dtype=float).ravel(), float(answer["f"]), count)


def make_solver(name: str, ocp: Ocp) -> Solver:
    """`name`: "riccati", a QP plugin (hpipm, piqp, …) for real-time iterations, or an NLP solver (ipopt, fatrop).

    Where riccati has neither a C compiler nor numba, hpipm takes its place.
    """
    if name == "riccati":
        try:
            return RiccatiSolver(ocp)
        except BuildError:
            return RealTimeIteration(ocp, "hpipm")
    if name in NLP_OPTIONS:
        return WholeNlp(ocp, name)
    if name in QP_OPTIONS:
        return RealTimeIteration(ocp, name)
    raise ParameterError(
        f"'{name}' is no solver.", f"Choose one of {', '.join(['riccati', *QP_OPTIONS, *NLP_OPTIONS])}."
    )
