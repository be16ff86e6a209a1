"""Real-time iterations through the suite's own QP solver, behind the `Solver` protocol."""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution
from physical_ai_control.mpc.riccati.engine import Backend, make_engine

COLD_MU, WARM_MU = 1.0, 0.1  # where the barrier begins: without and with the multipliers of the last solve
REACH: Final = 1e-3  # how much a multiplier says about a distance, in m per unit of cost a metre
MOST: Final = 30  # interior-point iterations of one QP
FAR: Final = 1e6  # bounds beyond it are none
FAR_M = 0.5  # a guess farther from the last answer has nothing to do with its multipliers
SETTLED: Final = 1e-4  # a step smaller than this ends the iterations on one problem
STATUS: Final = ("solved", "iteration limit", "input not finite, or bounds that cross", "no finite answer")


class RiccatiSolver:
    """Gauss-Newton real-time iteration (Diehl, Bock, Schlöder 2005): linearise, one QP, the full step.

    `backend` says what runs ("c", "numba"), `why` why nothing faster does. Gains of the last recursion come with the
    solution: `du = gains[k] @ (x - states[k])` (N, nu, nx) is the QP's own feedback around it, barrier terms included.
    """

    def __init__(
        self, ocp: Ocp, backend: Backend | None = None, bounded: tuple[int, ...] | None = None, accuracy: float = 2e-3
    ) -> None:
        """`accuracy`: complementarity at which a QP counts as solved. Raises BuildError."""
        self.engine = engine = make_engine(ocp, backend, bounded)
        self.backend, self.why = engine.backend, engine.why
        self._given, self._answer, self._ends = engine.given, engine.answer, engine.sizes.ends
        self._options, self._info = engine.given["options"], engine.answer["info"]
        self._options[1:5] = accuracy, min(1e-4, 10.0 * accuracy), REACH, MOST
        self._last: Guess | None = None

    def forget(self) -> None:
        """The next solve begins without the multipliers of the last."""
        self.engine.memory.flat[:] = 0.0
        self._last = None

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        """`iterations` of the solution are the interior-point steps of all QPs together. Never raises on numbers: bad
        ones come back as NaN with a `status`."""
        given = self._given
        for name, value in (
            ("x0", problem.x0), ("reference", problem.reference), ("keep_away", problem.keep_away),
            ("guess_x", guess.states), ("guess_u", guess.inputs),
        ):  # fmt: skip
            given[name][...] = value
        for name, value in (
            ("x_low", problem.x_low), ("x_high", problem.x_high), ("u_low", problem.u_low), ("u_high", problem.u_high)
        ):  # fmt: skip
            bound = given[name]
            np.minimum(value, FAR, out=bound)
            np.maximum(bound, -FAR, out=bound)
        given["x_low"][0], given["x_high"][0] = -FAR, FAR  # not read, so they may not spoil the check either
        given["keep_away"][0] = 0.0
        if not self._ends:
            given["keep_away"][-1] = 0.0
        last = self._last
        if last is None or np.abs(last.states[:, :2] - guess.states[:, :2]).max() > FAR_M:
            self.forget()
            self._options[0] = COLD_MU
        else:
            self._options[0] = WARM_MU
        return self._iterate(iterations)

    def _iterate(self, iterations: int) -> Solution:
        options, info, answer = self._options, self._info, self._answer
        options[5] = -1.0
        status, count = self.engine.call(), int(info[0])
        options[0], options[5] = WARM_MU, 0.0
        for _ in range(iterations - 1):
            if status > 1 or info[5] < SETTLED:
                break
            status = self.engine.call()
            count += int(info[0])
        if status > 1:
            self._last = None
            for name in ("states", "inputs", "slack", "gains"):
                answer[name][...] = np.nan
        states, inputs = answer["states"].copy(), answer["inputs"].copy()
        if status <= 1:
            self._last = Guess(states, inputs)
        return Solution(
            states, inputs, answer["slack"].copy(), float(info[4]) if status <= 1 else float("nan"), count,
            STATUS[status], answer["gains"].copy(),
        )  # fmt: skip
