"""Runs for the benchmark of the MPC's second expert: a scenario's own loop, and routes through held-out clutter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from physical_ai_bench.benchmarks.mpc import load_scenario
from physical_ai_control.body import Body
from physical_ai_control.mpc.benchmark import ocp_of
from physical_ai_control.mpc.model import Limits, Rollout
from physical_ai_control.mpc.models.unicycle import declare
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution, Solver, shift
from physical_ai_control.mpc.solvers import make_solver
from physical_ai_control.people import People, nobody
from physical_ai_control.pilot import Pilot
from physical_ai_control.policy.network import load
from physical_ai_control.policy.second import Better, Proposer, SecondExpert
from physical_ai_control.policy.sight import Floats
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Drivetrain
from physical_ai_learning.policy.places import CELL_M, SPACING_M, Place, along, barn, drawn, field_of

ITERATIONS, COLD = 1, 4
CLUTTER_SPEED, CLUTTER_TOP = 0.7, 1.0
MARGIN_M: Final = 0.05
LIMIT: Final = 3.0  # a run ends unfinished after so many times what the free route takes
DRAWN_SEED: Final = 90_000  # far from those of training
NOISE: Final = np.array([0.002, 0.002, 0.002, 0.01, 0.02])
GOAL_M: Final = 0.3
CUT: Final = 50  # points of a route that are smoothed over
ALONE, POLICY, FIXED, IPOPT = "MPC alone", "MPC + policy", "MPC + fixed proposals", "ipopt, converged"


class Run(NamedTuple):
    """One run of one way."""

    cost: float
    goal_s: float  # NaN: not reached
    contact: bool
    failures: int
    steps: float  # interior-point steps a tick, all solves
    cpu_us: Array  # of each tick
    asked: float  # shares of the ticks
    taken: float


class Fixed:
    """Proposals that were not learnt: left, right, standing, the reference itself, in turn."""

    def __init__(self) -> None:
        self._next = 0
        self._all = np.array([[0.6, 0.6, 0.6, 0, 0], [-0.6, -0.6, -0.6, 0, 0], [0, 0, 0, -1, -1], [0, 0, 0, 0, 0]])

    def __call__(self, seen: Floats) -> Array:
        self._next = (self._next + 1) % len(self._all)
        return np.asarray(self._all[self._next])


class Counted:
    """A solver whose steps are counted."""

    def __init__(self, solver: Solver, log: list[int]) -> None:
        self._solver, self._log = solver, log

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        found = self._solver.solve(problem, guess, iterations)
        self._log.append(found.iterations)
        return found


class Way(NamedTuple):
    """One line of the table: its solver, and what proposes beside the last plan (None: nothing)."""

    name: str
    solver: str
    proposer: Callable[[], Proposer] | None


def ways(weights: Path | None) -> list[Way]:
    """All lines; without weights none of the policy. Raises InputError."""
    found = [Way(ALONE, "riccati", None), Way(FIXED, "riccati", Fixed), Way(IPOPT, "ipopt", None)]
    if weights is not None:
        net = load(weights)
        found.insert(1, Way(POLICY, "riccati", lambda: net))
    return found


class Solvers:
    """Solver, second expert and counts of one way on one problem."""

    def __init__(self, way: Way, ocp: Ocp) -> None:
        self.log: list[int] = []
        self.solver: Solver = Counted(make_solver(way.solver, ocp), self.log)
        self.second = None
        if way.proposer is not None:
            self.second = SecondExpert(ocp, Counted(make_solver(way.solver, ocp), self.log), way.proposer())

    def told(self, cost: float, goal_s: float, contact: bool, failures: int, cpu_us: Sequence[float]) -> Run:
        ticks, second = len(cpu_us), self.second
        asked, taken = (0, 0) if second is None else (second.asked, second.taken)
        return Run(cost, goal_s, contact, failures, sum(self.log) / ticks, np.array(cpu_us), asked / ticks,
                   taken / ticks)  # fmt: skip


class ScenarioController:
    """A way behind the scenario module's `reset` / `solve`."""

    def __init__(self, scenario: Any, way: Way) -> None:
        s = self._s = scenario
        model = declare(Limits(s.UMAX[0], s.UMAX[0], s.XMAX[4], s.UMAX[1]), Drivetrain())
        ocp = replace(ocp_of(s), model=model)
        self.solvers, self._rollout = Solvers(way, ocp), Rollout(model, s.N, s.DT)
        self._bounds = (np.tile(s.XMIN, (s.N + 1, 1)), np.tile(s.XMAX, (s.N + 1, 1)), -s.UMAX, s.UMAX)
        self._guess: Guess | None = None
        self.cpu_us: list[float] = []

    def reset(self, x0: Array, ref: Array) -> None:
        self._guess = None

    def solve(self, x0: Array, ref: Array, obstacles: Array) -> tuple[Array, bool]:
        began = time.thread_time_ns()
        s, used = self._s, self.solvers
        reference = ref.copy()
        reference[:, 2] += 2.0 * np.pi * np.round((x0[2] - reference[0, 2]) / (2.0 * np.pi))
        away = np.zeros((s.N + 1, s.M, 4))
        away[..., :2], away[..., 2] = obstacles, s.DSAFE
        problem = Problem(x0, reference, away, *self._bounds)
        cold = self._guess is None
        guess = Guess(reference, np.zeros((s.N, 2))) if self._guess is None else shift(self._guess, s.TS / s.DT)
        found = used.solver.solve(problem, guess, COLD if cold else ITERATIONS)
        plan = Better(found, self._rollout(x0, found.inputs))
        ok = bool(np.isfinite(plan.driven).all())
        if used.second is not None and ok:
            other = used.second.better(problem, plan, COLD)
            if other is not None:
                plan = other
                used.solver, used.second.solver = used.second.solver, used.solver
        self._guess = Guess(plan.solution.states, plan.solution.inputs) if ok else None
        self.cpu_us.append(1e-3 * (time.thread_time_ns() - began))
        return plan.solution.inputs[0], ok


def scenario_run(path: Path, way: Way, seed: int, steps: int | None) -> Run:
    scenario = load_scenario(path)
    controller = ScenarioController(scenario, way)
    result = scenario.closed_loop(controller, seeds=(seed,), steps=steps, verbose=False, name=way.name)
    goal_s = float("nan") if result["tgoal"] is None else float(result["tgoal"])
    return controller.solvers.told(
        float(result["J"]), goal_s, bool(result["coll"]), int(result["fail"]), controller.cpu_us
    )


def clutter_places(worlds: Path | None, count: int) -> list[Place]:
    """BARN worlds that were held out, or drawn ones of other seeds."""
    if worlds is not None:
        held = [_cut(place) for place in barn(worlds, held_out=True)]
        return [held[i] for i in np.linspace(0, len(held) - 1, min(count, len(held))).round().astype(int)]
    rng = np.random.default_rng(DRAWN_SEED)
    return [drawn(rng, DRAWN_SEED + i, cluttered=True) for i in range(count)]


def _cut(place: Place) -> Place:
    """The same with a smoother route, which passes things too closely or leads over them."""
    xy = uniform_filter1d(place.route[:, :2], CUT, axis=0, mode="nearest")
    return place._replace(route=along(xy))


class Movers:
    """Some who swing across the route, and their constant-velocity prediction."""

    def __init__(self, place: Place, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        at = rng.integers(len(place.route) // 4, len(place.route) - 40, count)
        self._centre = place.route[at, :2]
        turn = place.route[at, 2] + rng.uniform(0.9, 2.2, count)
        self._swing = rng.uniform(1.0, 2.0, count)[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
        self._rate, self._phase = 2.0 * np.pi / rng.uniform(12.0, 25.0, count), rng.uniform(0.0, 6.3, count)

    def at(self, t: float) -> tuple[Array, Array]:
        angle = (self._rate * t + self._phase)[:, None]
        return self._centre + self._swing * np.sin(angle), self._swing * self._rate[:, None] * np.cos(angle)

    def people(self, t: float, stages_s: Array) -> People:
        if not len(self._rate):
            return nobody(len(stages_s))
        place, speed = self.at(t)
        mean = place[:, None] + speed[:, None] * stages_s[:, None]
        count = len(place)
        return People(mean, np.zeros(mean.shape[:2]), np.full(count, 0.3), np.ones(count))


def clutter_run(place: Place, movers: int, way: Way, ocp: Ocp, body: Body, seed: int) -> Run:
    """Along the route at 0.7 m/s with the pilot of the controller; a contact is one of the body's circles."""
    used = Solvers(way, ocp)
    pilot = Pilot(ocp, used.solver, body, MARGIN_M, used.second)
    crowd, rng = Movers(place, movers, seed), np.random.default_rng(seed)
    cells = np.where(field_of(place) <= 0.0, 100, 0).astype(np.int8)
    grid = m.OccupancyGrid(0.0, "odom", CELL_M, np.array([*place.corner, 0.0]), cells)
    stages_s: Array = np.arange(ocp.steps + 1, dtype=np.float64) * ocp.dt_s
    keep_m = np.full((movers, ocp.steps + 1), 0.75)
    route, at = place.route, 0
    x = np.array([*route[0], 0.0, 0.0])
    cost, failures, contact, goal_s, cpu_us = 0.0, 0, False, float("nan"), []
    step = Rollout(ocp.model, 1, ocp.dt_s)
    surroundings = None
    for tick in range(round(LIMIT * len(route) * SPACING_M / CLUTTER_SPEED / ocp.dt_s)):
        t = tick * ocp.dt_s
        window = route[at : at + 40, :2]
        at += int(np.argmin(((window - x[:2]) ** 2).sum(axis=1)))
        ahead = np.minimum(at + stages_s * CLUTTER_SPEED / SPACING_M, len(route) - 1.0)
        reference = np.zeros((ocp.steps + 1, 5))
        for column in range(3):
            reference[:, column] = np.interp(ahead, np.arange(len(route)), route[:, column])
        reference[:, 3] = np.where(ahead < len(route) - 1.0, CLUTTER_SPEED, 0.0)
        if surroundings is None or tick % 10 == 0:
            surroundings = Surroundings(grid, x[:2], 50, np.zeros((0, 3)), 0.0)
        people = crowd.people(t, stages_s)
        began = time.thread_time_ns()
        drive = pilot.drive(t, x, reference, CLUTTER_TOP, people, keep_m, surroundings, ITERATIONS, COLD)
        cpu_us.append(1e-3 * (time.thread_time_ns() - began))
        failures += int(drive is None or not drive.fresh)
        brake = np.clip(np.array([-x[3], -x[4]]) / ocp.dt_s, -1.5, 1.5)
        u = brake if drive is None else drive.inputs[0]
        gaps = _gaps(x, crowd.at(t)[0], surroundings, body)
        slack = np.maximum(0.0, np.array([0.75, MARGIN_M]) - gaps)
        error = x - reference[0]
        error[2] = (error[2] + np.pi) % (2.0 * np.pi) - np.pi
        cost += ocp.dt_s * float(np.array(ocp.state_weights) @ error**2 + np.array(ocp.input_weights) @ u**2)
        cost += ocp.dt_s * float((slack * (500.0 + 2500.0 * slack)).sum())
        contact = contact or bool(gaps[0] < 0.6 - 1e-3 and x[3] > 0.05) or bool(gaps[1] < 0.0)
        if np.hypot(*(x[:2] - route[-1, :2])) < GOAL_M:
            goal_s = t
            break
        x = step(x, u[None])[1] + NOISE * rng.standard_normal(5)
    return used.told(cost, goal_s, contact, failures, cpu_us)


def _gaps(x: Array, movers: Array, surroundings: Surroundings, body: Body) -> Array:
    """To the nearest centre of a mover, and of the body's circles to what stands."""
    away = np.hypot(*(movers - x[:2]).T).min(initial=50.0)
    ahead = np.array([np.cos(x[2]), np.sin(x[2])])
    circles = x[:2] + body.circles[:, :1] * ahead
    return np.array([away, float((surroundings.look(circles)[0] - body.circles[:, 1]).min())])
