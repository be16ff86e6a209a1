"""The terminal set: from the end of the horizon the robot can brake to rest clear of what stands and moves there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from physical_ai_control.mpc import models
from physical_ai_control.mpc.model import Limits
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution
from physical_ai_control.mpc.riccati.engine import Backend
from physical_ai_control.mpc.riccati.solver import RiccatiSolver
from physical_ai_control.mpc.solvers import RealTimeIteration, WholeNlp
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Drivetrain

BRAKING_MPS2 = 1.0
DRIVETRAIN = Drivetrain(wheelbase_m=0.35, max_steering_rad=0.6, max_steering_rate_rps=1.5, max_lateral_mps=0.8)
NAMES = ("unicycle", "ackermann", "omni")


@lru_cache
def ocp_of(name: str = "unicycle", terminal: bool = True) -> Ocp:
    model = models.declared(name, Limits(0.9, 1.5, 1.4, 2.5), DRIVETRAIN)
    return Ocp(10, 0.1, moving=2, static=1, braking_mps2=BRAKING_MPS2 if terminal else 0.0, model=model)


@lru_cache
def own(name: str = "unicycle", terminal: bool = True, backend: Backend | None = None) -> RiccatiSolver:
    compiler = any(map(shutil.which, ("gcc", "cc", "clang")))
    return RiccatiSolver(ocp_of(name, terminal), backend or ("c" if compiler else "python"), accuracy=1e-8)


def toward(distance_m: float, name: str = "unicycle", seed: int = 0) -> tuple[Problem, Guess]:
    """At speed on a straight way, a circle of 0.5 m on it so far beyond where the horizon would end; more beside it."""
    rng, (ocp, n) = np.random.default_rng(seed), (ocp_of(name), ocp_of(name).steps)
    nx, k = ocp.model.nx, np.arange(n + 1)
    x0 = np.zeros(nx)
    x0[1:4] = rng.normal(0.0, 0.05), rng.normal(0.0, 0.05), 1.0
    reference = np.zeros((n + 1, nx))
    reference[:, 0], reference[:, 3] = 0.1 * k, 1.0
    away = np.zeros((n + 1, ocp.rows, 4))
    away[..., 0], away[..., 1], away[..., 2] = 1.5 + distance_m, rng.normal(0.0, 0.2), 0.5
    away[:, 1, :2] += 0.3, 0.4
    away[:, 2, :2], away[:, 2, 3] = [1.7 + distance_m, -0.3], 0.1
    most = np.array([1e4, 1e4, 1e4, 1.2, *([0.6] * (nx - 4))])
    low, high = np.tile(-most, (n + 1, 1)), np.tile(most, (n + 1, 1))
    low[:, 3] = -0.1
    limit = np.full(ocp.model.nu, 1.5)
    return Problem(x0, reference, away, low, high, -limit, limit), Guess(reference, np.zeros((n, ocp.model.nu)))


def lacking(p: Problem, found: Solution) -> float:
    """By how much the place where braking from the last state leads is too near to the worst of the points."""
    x = found.states[-1]
    way = x[3] ** 2 / (2.0 * BRAKING_MPS2)
    rest = [x[:2] + (way + row[3]) * np.array([np.cos(x[2]), np.sin(x[2])]) for row in p.keep_away[-1]]
    away: Array = np.hypot(*(np.array(rest) - p.keep_away[-1, :, :2]).T)
    return float((p.keep_away[-1, :, 2] - away).max())


@pytest.mark.parametrize("name", NAMES)
def test_it_agrees_with_hpipm_that_has_the_same_rows(name: str) -> None:
    other = RealTimeIteration(ocp_of(name), "hpipm")
    for seed in range(12):
        p, guess = toward(0.05 * seed, name, seed)
        own(name).forget()
        mine, right = own(name).solve(p, guess, 1), other.solve(p, guess, 1)
        assert mine.status == "solved" and mine.slack.shape == right.slack.shape == (11, 2)
        assert mine.cost == pytest.approx(right.cost, rel=1e-3, abs=1e-3)
        np.testing.assert_allclose(mine.inputs, right.inputs, atol=0.03)
        np.testing.assert_allclose(mine.slack[1:], right.slack[1:], atol=5e-3)


def test_c_gives_the_answer_of_plain_python() -> None:
    for seed in range(6):
        p, guess = toward(0.1 * seed, seed=seed)
        own().forget()
        own(backend="python").forget()
        first, second = own().solve(p, guess, 3), own(backend="python").solve(p, guess, 3)
        np.testing.assert_allclose(first.inputs, second.inputs, atol=1e-6)
        np.testing.assert_allclose(first.slack, second.slack, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_iterated_it_reaches_the_cost_of_a_whole_nlp_solver(name: str) -> None:
    whole = WholeNlp(ocp_of(name), "ipopt")
    for seed in range(3):
        p, guess = toward(0.1, name, seed)
        own(name).forget()
        mine = own(name).solve(p, guess, 25)
        right = whole.solve(p, Guess(mine.states, mine.inputs), 60)
        assert mine.cost <= 1.02 * right.cost + 0.01


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("distance_m", [0.0, 0.1, 0.3])
def test_what_it_would_only_see_beyond_its_horizon_it_can_brake_for(name: str, distance_m: float) -> None:
    """Without the terminal set the plan ends at speed before what it cannot pass; with it, not."""
    p, guess = toward(distance_m, name)
    own(name).forget()
    found = own(name).solve(p, guess, 20)
    without = own(name, terminal=False).solve(p, guess, 20)
    assert lacking(p, without) > 0.05
    assert lacking(p, found) < 5e-3 + found.slack[-1].max()
    assert found.slack[-1].max() < 0.01


def test_where_the_way_beyond_is_free_it_changes_nothing() -> None:
    p, guess = toward(3.0)
    own().forget()
    own(terminal=False).forget()
    found, without = own().solve(p, guess, 5), own(terminal=False).solve(p, guess, 5)
    np.testing.assert_allclose(found.inputs, without.inputs, atol=1e-4)


def test_where_rest_is_out_of_reach_there_is_an_answer_with_slack() -> None:
    p, guess = toward(0.0)
    p.keep_away[..., 0] -= 1.0
    p.keep_away[..., 2] = 1.5
    own().forget()
    found = own().solve(p, guess, 10)
    assert found.status == "solved" and found.slack[-1].max() > 0.1
    assert (np.abs(found.inputs) <= 1.5 + 1e-6).all()


def test_a_longer_way_to_brake_ends_slower() -> None:
    p, guess = toward(0.2)
    p.keep_away[:, 0], p.keep_away[:, 1:, 2] = [6.2, 0.0, 5.0, 0.0], 0.0  # a wall across the way
    speeds = []
    for braking in (2.0, 0.5):
        solver = RiccatiSolver(replace(ocp_of(), braking_mps2=braking), own().backend, accuracy=1e-8)
        speeds.append(float(solver.solve(p, guess, 20).states[-1, 3]))
    assert speeds[0] > speeds[1] + 0.1
