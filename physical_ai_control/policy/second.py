"""The second expert: one more guess beside the last plan, solved like it, and taken only where that came out better.

Nothing that the policy says is driven. Its proposal is where a second run of the same solver begins; of the two
answers, each rolled out on the model and checked, the one with less cost and violation is the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np

from physical_ai_control.mpc.check import fault
from physical_ai_control.mpc.model import Model, Rollout
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution, Solver
from physical_ai_control.policy.merit import merit, violation
from physical_ai_control.policy.network import load
from physical_ai_control.policy.proposal import Reach, target, track
from physical_ai_control.policy.sight import Floats, features, scene_of
from physical_ai_core.errors import ParameterError
from physical_ai_core.geometry import Array

NEAR_M: Final = 0.1  # a plan with more room than this to every row is asked nothing about
GAIN: Final = 0.02  # another plan must be better by this share, and by this cost: no dithering
LEAST_GAIN: Final = 0.1


class Proposer(Protocol):
    """Features (SIZE,) in, an action (ACTIONS,) out: the network, or anything to compare it with."""

    def __call__(self, seen: Floats) -> Array | Floats: ...


class Better(NamedTuple):
    """A plan that is to be driven instead, and the roll-out (N+1, 5) of its inputs."""

    solution: Solution
    driven: Array


class SecondExpert:
    """Holds a solver of its own, whose multipliers belong to the proposals. Counts what became of them."""

    def __init__(self, ocp: Ocp, solver: Solver, proposer: Proposer, every: int = 1) -> None:
        """`every`: it is asked at every so-manieth tick that has something near. Raises ParameterError for a model that
        is not the unicycle."""
        if not ocp.model.plain:
            raise ParameterError(
                f"The policy proposes for the unicycle, not for the model '{ocp.model.name}'.", "Switch the policy off."
            )
        self.solver, self._ocp, self._proposer, self._every = solver, ocp, proposer, every
        self._rollout = Rollout(ocp.model, ocp.steps, ocp.dt_s)
        self._ticks = 0
        self.asked = self.taken = 0

    def better(
        self, problem: Problem, first: Better, iterations: int, room: Callable[[], Array] | None = None,
        rows_at: Callable[[Guess], Problem] | None = None,
    ) -> Better | None:  # fmt: skip
        """Another plan than `first`, where there is one that costs less.

        `room`: clearances beside the reference, as `sight.beside` asks for them. `rows_at`: the problem with the
        distance rows that belong to another guess; without it the rows do not depend on the guess.
        """
        ocp = self._ocp
        if self._roomy(problem, first.driven):
            return None
        self._ticks += 1
        if self._ticks % self._every:
            return None
        self.asked += 1
        guess = self.propose(problem, None if room is None else room())
        theirs = problem if rows_at is None else rows_at(guess)
        found = self.solver.solve(theirs, guess, iterations)
        driven = self._rollout(problem.x0, found.inputs)
        if fault(theirs, found, driven):
            return None
        costs = []
        for states, inputs in ((first.driven, first.solution.inputs), (driven, found.inputs)):
            judged = problem if rows_at is None else rows_at(Guess(states, inputs))
            costs.append(merit(ocp, judged, states, inputs))
        if costs[1] > costs[0] - max(LEAST_GAIN, GAIN * costs[0]):
            return None
        self.taken += 1
        return Better(found, driven)

    def propose(self, problem: Problem, room: Array | None = None) -> Guess:
        """The policy's guess for a problem: states and inputs that belong together."""
        action = np.nan_to_num(np.asarray(self._proposer(features(scene_of(problem, self._ocp, room))), dtype=float))
        way = target(problem.x0, problem.reference, action, self._ocp.dt_s)
        reach = reach_of(self._ocp.model, float(problem.x_high[:, 3].max()))
        states, inputs = track(problem.x0.tolist(), way.tolist(), self._ocp.dt_s, reach)
        return Guess(np.array(states), np.array(inputs))

    def _roomy(self, problem: Problem, states: Array) -> bool:
        rows = problem.keep_away
        wider = problem._replace(keep_away=rows + np.array([0.0, 0.0, NEAR_M, 0.0]) * (rows[..., 2:3] > 0.0))
        return not violation(self._ocp, wider, states).any()


def reach_of(model: Model, speed_mps: float) -> Reach:
    """Limits of the roll-out at this top speed."""
    forward, turn = model.inputs
    return Reach(max(0.0, speed_mps), model.states[1].limit, (forward.low, turn.low), (forward.high, turn.high))


def second_expert(weights: str, ocp: Ocp, make: Callable[[Ocp], Solver]) -> SecondExpert | None:
    """The second expert of a file of weights, with a solver from `make`; None without a file.

    Raises InputError for a file that cannot be used, ParameterError for a model that it does not know.
    """
    return SecondExpert(ocp, make(ocp), load(Path(weights))) if weights else None
