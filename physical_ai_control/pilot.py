"""One solution of the MPC a tick: obstacles and bounds set up, solver called, answer checked, tail kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_control.body import Body
from physical_ai_control.mpc.bounds import input_bounds, state_bounds
from physical_ai_control.mpc.check import fault
from physical_ai_control.mpc.model import POSE, Limits, Rollout
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solver, shift
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import People
from physical_ai_control.policy.second import Better, SecondExpert
from physical_ai_control.policy.sight import beside
from physical_ai_control.surroundings import Surroundings
from physical_ai_core.geometry import Array
from physical_ai_core.robot import MotionLimits

TAIL_S = 0.5  # how long the last good solution may be driven on when no new one is believed
PROBES, PROBE_M = 2, 0.45  # sideways points from which the nearest wall of either side is looked up
DRIFT_M = 0.4  # a guess farther from the state than this is no guess


def limits_of(parameters: ControllerParameters, own: MotionLimits) -> Limits:
    """What is planned with: the parameters, and nowhere more than the robot's own limits."""
    p = parameters
    return Limits(
        min(p.acceleration_mps2, own.max_acceleration_mps2), min(p.deceleration_mps2, own.max_deceleration_mps2),
        min(p.yaw_rate_rps, own.max_yaw_rate_rps), min(p.yaw_acceleration_rps2, own.max_yaw_acceleration_rps2),
    )  # fmt: skip


class Drive(NamedTuple):
    """What to drive: `states (N+1, 5)` from now on: x, y, yaw, forward speed, yaw rate, whatever the model's own are;
    `fresh`: solved just now; `trouble`: why not."""

    states: Array
    inputs: Array  # (N, 2): forward and yaw acceleration
    slack: Array  # (2,): deepest, moving and static
    cost: float
    iterations: int
    fresh: bool
    trouble: str
    gains: Array | None = None  # (N, 2, 5): the solver's own feedback on the inputs, where it has one
    lateral_mps: Array | None = None  # (N+1,): speed to the left, of a model that has one


class Pilot:
    """Holds the solver and its warm start."""

    def __init__(
        self, ocp: Ocp, solver: Solver, body: Body, static_margin_m: float, second: SecondExpert | None = None
    ) -> None:
        """`second`: proposes another start of the solver, taken where its plan costs less."""
        self.ocp, self.model, self._solver, self._second = ocp, ocp.model, solver, second
        self._circles, self._static_margin_m = body.circles, static_margin_m
        self._rollout = Rollout(ocp.model, ocp.steps, ocp.dt_s)
        self._inputs, self._times_s = input_bounds(ocp.model), np.arange(ocp.steps + 1.0) * ocp.dt_s
        self._guess: Guess | None = None
        self._guess_s = 0.0
        self._good_s = -np.inf

    def forget(self) -> None:
        """Next solve starts cold."""
        self._guess = None
        self._good_s = -np.inf

    def drive(
        self, now_s: float, x0: Array, reference: Array, top_mps: float, people: People, keep_m: Array,
        surroundings: Surroundings, iterations: int, cold_iterations: int,
    ) -> Drive | None:  # fmt: skip
        """Solve from `x0 (5,)` for `reference (N+1, 5)`; None when there is neither a solution nor a tail of one.
        Both are pose, forward speed and yaw rate; a sixth column is the speed to the left.

        `people` at the stages' moments, `keep_m (j, N+1)`: distance between base_link and centre to keep.
        """
        reference = reference.copy()
        reference[:, 2] += 2.0 * np.pi * np.round((x0[2] - reference[0, 2]) / (2.0 * np.pi))
        if not self.model.plain:
            before = None if self._guess is None else self._later(now_s).states[0]
            x0, reference = self.model.of_motion(x0[None], before)[0], self.model.of_motion(reference)
        guess, warm = self._start(now_s, x0, reference)
        problem = self._problem(x0, reference, guess, top_mps, people, keep_m, surroundings)
        solution = self._solver.solve(problem, guess, iterations if warm else cold_iterations)
        driven = self._rollout(x0, solution.inputs)
        trouble = fault(problem, solution, driven)
        if trouble:  # once more, from a stand: a stale guess is the usual cause
            still = Guess(_standing(x0, self.ocp.steps), np.zeros((self.ocp.steps, self.model.nu)))
            solution = self._solver.solve(problem, still, cold_iterations)
            driven = self._rollout(x0, solution.inputs)
            trouble = fault(problem, solution, driven)
        if not trouble:
            if self._second is not None:
                better = self._second.better(
                    problem, Better(solution, driven), cold_iterations,
                    lambda: surroundings.look(beside(reference))[0],
                    lambda other: self._problem(x0, reference, other, top_mps, people, keep_m, surroundings),
                )  # fmt: skip
                if better is not None:  # each solver's multipliers belong to its own plan
                    solution, driven = better
                    self._solver, self._second.solver = self._second.solver, self._solver
            self._guess, self._guess_s, self._good_s = Guess(driven, solution.inputs), now_s, now_s
            slack = solution.slack.max(axis=0)
            return self._told(Guess(driven, solution.inputs), slack, solution.cost, solution.iterations, solution.gains)
        if self._guess is not None and 0.0 <= now_s - self._good_s <= TAIL_S:
            return self._told(self._later(now_s), np.zeros(2), 0.0, cold_iterations, None, trouble)
        self.forget()
        return None

    def _later(self, now_s: float) -> Guess:
        assert self._guess is not None
        return shift(self._guess, (now_s - self._guess_s) / self.ocp.dt_s)

    def _told(
        self, way: Guess, slack: Array, cost: float, iterations: int, gains: Array | None, trouble: str = ""
    ) -> Drive:
        """The model's trajectory as the motion of base_link."""
        if self.model.plain:
            return Drive(way.states, way.inputs, slack, cost, iterations, not trouble, trouble, gains)
        motion, left = self.model.motion(way.states), self.model.twists(way.states)[:, 1]
        inputs = np.diff(motion[:, POSE:], axis=0) / self.ocp.dt_s
        lateral = left if left.any() else None
        return Drive(motion, inputs, slack, cost, iterations, not trouble, trouble, None, lateral)

    def _start(self, now_s: float, x0: Array, reference: Array) -> tuple[Guess, bool]:
        elapsed = now_s - self._guess_s
        if self._guess is not None and 0.0 <= elapsed <= TAIL_S:
            guess = self._later(now_s)
            guess.states[:, 2] += 2.0 * np.pi * np.round((x0[2] - guess.states[0, 2]) / (2.0 * np.pi))
            if np.hypot(*(guess.states[0, :2] - x0[:2])) < DRIFT_M and abs(guess.states[0, 2] - x0[2]) < 0.6:
                guess.states[0] = x0
                return guess, True
        states = reference.copy()
        states[0] = x0
        return Guess(states, np.zeros((self.ocp.steps, self.model.nu))), False

    def _problem(
        self, x0: Array, reference: Array, guess: Guess, top_mps: float, people: People, keep_m: Array,
        surroundings: Surroundings,
    ) -> Problem:  # fmt: skip
        ocp, (u_low, u_high) = self.ocp, self._inputs
        low, high = state_bounds(self.model, x0, top_mps, self._times_s)
        away = np.zeros((ocp.steps + 1, ocp.rows, 4))
        self._keep_from_people(away[:, : ocp.moving], guess, people, keep_m)
        self._keep_from_walls(away[:, ocp.moving :], guess, surroundings)
        return Problem(x0, reference, away, low, high, u_low, u_high)

    def _keep_from_people(self, away: Array, guess: Guess, people: People, keep_m: Array) -> None:
        """The object modes that come nearest to the guess, one a row over all stages."""
        if not len(people.radius):
            return
        gap = np.hypot(*np.moveaxis(people.mean - guess.states[None, :, :2], -1, 0)) - keep_m
        rows = np.argsort(gap.min(axis=1), kind="stable")[: away.shape[1]]
        away[:, : len(rows), :2] = np.swapaxes(people.mean[rows], 0, 1)
        away[:, : len(rows), 2] = keep_m[rows].T

    def _keep_from_walls(self, away: Array, guess: Guess, surroundings: Surroundings) -> None:
        """Nearest obstacles of each circle of the body, and of a point on either side of the front one."""
        if surroundings.empty:
            return
        xy, yaw = guess.states[:, :2], guess.states[:, 2]
        ahead = np.column_stack([np.cos(yaw), np.sin(yaw)])
        side = np.column_stack([-ahead[:, 1], ahead[:, 0]])
        front = self._circles[0]
        points = [xy + offset * ahead for offset, _ in self._circles]
        points += [points[0] + PROBE_M * side, points[0] - PROBE_M * side]
        rows = np.vstack([self._circles, front, front])[: away.shape[1]]
        _, nearest = surroundings.look(np.stack(points[: len(rows)], axis=1))
        away[:, : len(rows), :2] = nearest
        away[:, : len(rows), 2] = rows[:, 1] + self._static_margin_m
        away[:, : len(rows), 3] = rows[:, 0]


def _standing(x0: Array, steps: int) -> Array:
    states = np.tile(x0, (steps + 1, 1))
    states[1:, POSE:] = 0.0
    return states
