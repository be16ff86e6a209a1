"""The MPC's own QP solver: against HPIPM, against the conditions of optimality, and on input that is none."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from functools import lru_cache

import casadi as ca
import numpy as np
import pytest
from closed_loop import World, straight
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_control.mpc import solvers as solver_table
from physical_ai_control.mpc.problem import UNICYCLE, Guess, Ocp, Problem, Solution, shift
from physical_ai_control.mpc.riccati import engine, stage, translate
from physical_ai_control.mpc.riccati.solver import STATUS, RiccatiSolver
from physical_ai_control.mpc.solvers import QP_OPTIONS, RealTimeIteration, make_solver
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core.geometry import Array
from physical_ai_core.native import BuildError

OCP = Ocp(steps=12, moving=3, static=2)
TIGHT = 1e-8

needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("gcc", "cc", "clang"))), reason="no C compiler")
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


@lru_cache
def own(backend: engine.Backend = "c", accuracy: float = TIGHT) -> RiccatiSolver:
    if backend == "c" and not any(map(shutil.which, ("gcc", "cc", "clang"))):
        backend = "python"
    return RiccatiSolver(OCP, backend, accuracy=accuracy)


@lru_cache
def peer() -> RealTimeIteration:
    """HPIPM, as exact as it gets."""
    exact = {
        "iter_max": 100,
        "mode": "robust",
        "res_g_max": 1e-9,
        "res_b_max": 1e-9,
        "res_d_max": 1e-9,
        "res_m_max": 1e-9,
    }
    before = QP_OPTIONS["hpipm"]
    QP_OPTIONS["hpipm"] = {"hpipm": exact}
    try:
        return RealTimeIteration(OCP, "hpipm")
    finally:
        QP_OPTIONS["hpipm"] = before


def drawn(seed: int, crowded: float = 1.0) -> tuple[Problem, Guess]:
    """A robot somewhere, points around its way, bounds that bind, and a guess that is no trajectory."""
    rng = np.random.default_rng(seed)
    n = OCP.steps
    k = np.arange(n + 1)
    x0 = np.array([*rng.uniform(-5, 5, 2), rng.uniform(-3, 3), rng.uniform(-0.1, 0.85), rng.uniform(-0.8, 0.8)])
    yaw, speed = x0[2] + rng.uniform(-1, 1), rng.uniform(0.0, 1.5)
    reference = np.column_stack([
        x0[0] + 0.1 * speed * k * np.cos(yaw), x0[1] + 0.1 * speed * k * np.sin(yaw), 0 * k + yaw, 0 * k + speed, 0 * k,
    ])  # fmt: skip
    away = np.zeros((n + 1, OCP.rows, 4))
    away[..., :2] = x0[:2] + rng.uniform(-1.5, 1.5, (OCP.rows, 2)) / crowded
    away[..., 2] = rng.choice([0.3, 0.6], OCP.rows)
    away[..., 3] = rng.choice([0.0, 0.15, -0.15], OCP.rows)
    low, high = np.full((n + 1, 5), -1e4), np.full((n + 1, 5), 1e4)
    low[:, 3:], high[:, 3:] = [-0.2, -1.0], [rng.uniform(0.9, 1.4), 1.0]
    guess = Guess(reference + rng.normal(0.0, 0.1, reference.shape), rng.normal(0.0, 0.3, (n, 2)))
    limit = np.array([rng.uniform(0.5, 2.0), rng.uniform(1.0, 3.0)])
    return Problem(x0, reference, away, low, high, -limit, limit), guess


def one(solver: RiccatiSolver | RealTimeIteration, problem: Problem, guess: Guess) -> Solution:
    if isinstance(solver, RiccatiSolver):
        solver.forget()
    return solver.solve(problem, guess, 1)


def agrees(problem: Problem, guess: Guess) -> None:
    """The QP's optimum is one: strictly convex in the inputs. Costs must meet, and inputs to what that is worth."""
    mine, other = one(own(), problem, guess), one(peer(), problem, guess)
    assert mine.status == "solved"
    assert mine.cost == pytest.approx(other.cost, rel=1e-5, abs=1e-5)
    np.testing.assert_allclose(mine.inputs, other.inputs, atol=5e-3)
    np.testing.assert_allclose(mine.states, other.states, atol=2e-3)
    np.testing.assert_allclose(mine.slack[1:], other.slack[1:], atol=1e-3)


def test_it_agrees_with_hpipm_on_random_problems() -> None:
    for seed in range(80):
        agrees(*drawn(seed))


@pytest.mark.slow
def test_it_agrees_with_hpipm_on_thousands_of_random_problems() -> None:
    for seed in range(80, 4000):
        agrees(*drawn(seed, crowded=1.0 + seed % 3))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.5, 8.0))
def test_it_agrees_with_hpipm_wherever_the_points_are(seed: int, crowded: float) -> None:
    agrees(*drawn(seed, crowded))


def recorded(seconds: float) -> list[tuple[Problem, Guess]]:
    """The problems that a drive among people and posts poses."""
    people = np.array([[3.0, -2.0, 0.0, 1.0], [4.5, 2.0, -0.2, -0.9]])
    world = World(people=people, discs=np.array([[2.0, 0.3, 0.15]]), parameters=ControllerParameters(steps=12))
    world.plan(straight(6.0))
    pilot, posed = world.controller._pilot, []
    solve = pilot._solver.solve

    def listen(problem: Problem, guess: Guess, iterations: int) -> Solution:
        posed.append((problem, guess))
        return solve(problem, guess, iterations)

    pilot._solver.solve = listen  # type: ignore[method-assign]
    world.run(seconds)
    return posed


def test_it_agrees_with_hpipm_on_problems_of_a_drive() -> None:
    posed = recorded(2.0)
    ocp = Ocp(steps=12)
    mine, other = RiccatiSolver(ocp, own().backend, accuracy=TIGHT), RealTimeIteration(ocp, "hpipm")
    assert len(posed) > 30
    for problem, guess in posed[::4]:
        found, right = mine.solve(problem, guess, 1), other.solve(problem, guess, 1)
        assert found.status == "solved"
        assert found.cost <= right.cost + 1e-3 * (1.0 + abs(right.cost))


@pytest.mark.parametrize("seed", range(6))
def test_no_other_inputs_within_the_bounds_cost_less_in_the_linearised_problem(seed: int) -> None:
    problem, guess = drawn(seed)
    found = one(own(), problem, guess)
    cost = linear_cost(problem, guess)
    best = cost(found.inputs)
    assert best == pytest.approx(found.cost, rel=1e-5, abs=1e-5)
    rng = np.random.default_rng(seed)
    for _ in range(200):
        size = 10.0 ** rng.uniform(-3, -0.5)
        other = np.clip(found.inputs + size * rng.normal(size=found.inputs.shape), problem.u_low, problem.u_high)
        assert cost(other) >= best - 1e-6 * (1.0 + best)


def linear_cost(problem: Problem, guess: Guess) -> Callable[[Array], float]:
    """Cost of inputs in the linearised problem with the least slack; infinite where a state bound is broken."""
    n, weights = OCP.steps, engine.weights(OCP)
    told = [[np.array(part) for part in jacobians()(x, u)] for x, u in zip(guess.states, guess.inputs, strict=False)]
    after, slopes = [parts[2].ravel() for parts in told], [parts[:2] for parts in told]
    rows = [[stages().row(guess.states[k, :3], away) for away in problem.keep_away[k]] for k in range(1, n)]
    gap = np.array([[float(value) for value, _ in stage_rows] for stage_rows in rows])
    slope = np.array([[np.array(value).ravel() for _, value in stage_rows] for stage_rows in rows])

    def cost(inputs: Array) -> float:
        dx, total = problem.x0 - guess.states[0], 0.0
        for k in range(n + 1):
            state = guess.states[k] + dx
            if k and ((state < problem.x_low[k] - 1e-7) | (state > problem.x_high[k] + 1e-7)).any():
                return float("inf")
            e = state - problem.reference[k]
            c, s = np.cos(problem.reference[k, 2]), np.sin(problem.reference[k, 2])
            parts = np.array([c * e[0] + s * e[1], c * e[1] - s * e[0], *e[2:]])
            total += float(weights[:5] @ parts**2) * (OCP.terminal_factor if k == n else 1.0)
            if k == n:
                break
            total += float(weights[5:7] @ inputs[k] ** 2)
            if k:
                lacking = -(gap[k - 1] + slope[k - 1] @ dx[:3])
                for i, deepest in enumerate((lacking[: OCP.moving].max(), lacking[OCP.moving :].max())):
                    deep = max(0.0, float(deepest))
                    total += OCP.slack_linear[i] * deep + 0.5 * OCP.slack_quadratic[i] * deep**2
            dx = slopes[k][0] @ dx + slopes[k][1] @ (inputs[k] - guess.inputs[k]) + after[k] - guess.states[k + 1]
        return total

    return cost


@lru_cache
def stages() -> stage.Stage:
    return stage.build(UNICYCLE, OCP.dt_s, 1e-4)


@lru_cache
def jacobians() -> ca.Function:
    x, u = ca.SX.sym("x", 5), ca.SX.sym("u", 2)
    after = UNICYCLE.step(x, u, OCP.dt_s)
    return ca.Function("jacobians", [x, u], [ca.jacobian(after, x), ca.jacobian(after, u), after])


def test_where_every_way_leads_into_an_obstacle_it_answers_with_slack_and_within_the_bounds() -> None:
    problem, guess = drawn(3)
    problem.keep_away[..., :2], problem.keep_away[..., 2] = problem.x0[:2] + 0.05, 3.0
    found = one(own(), problem, guess)
    assert found.status == "solved" and found.slack[1:].min() > 1.0
    assert (np.abs(found.inputs) <= problem.u_high + 1e-6).all()


def test_a_row_without_reach_is_no_row() -> None:
    problem, guess = drawn(3)
    without = problem._replace(keep_away=problem.keep_away.copy())
    problem.keep_away[:, 1, 2] = without.keep_away[:, 1, 2] = 0.0
    without.keep_away[:, 1, :2] += 1e3
    np.testing.assert_allclose(one(own(), problem, guess).inputs, one(own(), without, guess).inputs, atol=1e-7)


def test_bounds_that_bind_are_reached_and_not_passed() -> None:
    problem, guess = drawn(5)
    problem.reference[:, 3] = 5.0
    problem.keep_away[..., 2] = 0.0
    problem.x_low[1:, 3], problem.x_high[1:, 3] = -2.0, 2.0
    problem.x0[3] = 0.0
    found = one(own(), problem, guess)
    assert found.inputs[0, 0] == pytest.approx(problem.u_high[0], abs=1e-4)
    assert found.states[:, 3].max() <= 2.0 + 1e-6


def test_a_position_may_have_bounds_too() -> None:
    problem, _ = drawn(8)
    problem.keep_away[..., 2] = 0.0
    problem.x0[:] = 0.0, 0.0, 0.0, 0.5, 0.0
    k = np.arange(OCP.steps + 1)
    problem.reference[:] = np.column_stack([0.1 * k, 0 * k, 0 * k, 0 * k + 1.0, 0 * k])
    problem.x_high[1:, 0] = 0.4
    found = one(own(), problem, Guess(problem.reference, np.zeros((OCP.steps, 2))))
    assert found.status == "solved" and 0.39 < found.states[:, 0].max() <= 0.4 + 1e-6


def test_its_gains_are_how_the_answer_changes_with_the_state() -> None:
    """Where no bound is near, the QP's optimum is affine in the state at the start, with the gain as its slope."""
    problem, _ = drawn(11)
    problem.keep_away[..., 2] = 0.0
    wide = problem._replace(
        u_low=np.full(2, -50.0), u_high=np.full(2, 50.0), x_low=problem.x_low - 100.0, x_high=problem.x_high + 100.0
    )
    guess = Guess(np.tile(problem.x0, (OCP.steps + 1, 1)), np.zeros((OCP.steps, 2)))
    base = one(own(), wide, guess)
    assert base.gains is not None and base.gains.shape == (OCP.steps, 2, 5)
    for i in range(5):
        moved = wide._replace(x0=wide.x0 + 1e-2 * np.eye(5)[i])
        slope = (one(own(), moved, guess).inputs[0] - base.inputs[0]) / 1e-2
        np.testing.assert_allclose(slope, base.gains[0][:, i], atol=2e-3 * (1.0 + np.abs(base.gains[0]).max()))


NAN_AT = ("x0", "reference", "keep_away", "x_high", "u_low", "states", "inputs")


@pytest.mark.parametrize("where", NAN_AT)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_none_gives_a_named_status_and_the_next_good_problem_is_solved(
    where: str, value: float
) -> None:
    if value == np.inf and where in ("x_high", "u_low"):
        return  # a bound at infinity is none
    problem, guess = drawn(1)
    right = one(own(), problem, guess)
    spoilt = np.array(getattr(guess if where in ("states", "inputs") else problem, where))
    spoilt[(1,) * spoilt.ndim] = value
    bad = (
        (problem, guess._replace(**{where: spoilt}))
        if where in ("states", "inputs")
        else (problem._replace(**{where: spoilt}), guess)
    )
    found = own().solve(*bad, 3)
    assert found.status == STATUS[2]
    assert np.isnan(found.inputs).all() and np.isnan(found.states).all()
    np.testing.assert_allclose(one(own(), problem, guess).inputs, right.inputs, atol=1e-9)


def test_bounds_that_cross_are_named() -> None:
    problem, guess = drawn(1)
    found = own().solve(problem._replace(u_low=problem.u_high + 1.0), guess, 1)
    assert found.status == STATUS[2]


def test_bounds_that_cannot_be_kept_end_at_the_limit_of_iterations() -> None:
    problem, guess = drawn(1)
    problem.x0[3] = 1.0
    problem.x_high[1:, 3] = 0.2
    found = one(own(), problem, guess)
    assert found.status in STATUS[1:2] + STATUS[3:]


@needs_numba
@needs_compiler
@pytest.mark.slow
def test_numba_gives_the_answer_of_c() -> None:
    first, second = own("c", 1e-3), own("numba", 1e-3)
    assert (first.backend, second.backend) == ("c", "numba")
    same(first, second)


@needs_compiler
def test_c_gives_the_answer_of_plain_python() -> None:
    same(own("c", 1e-3), own("python", 1e-3))


def same(first: RiccatiSolver, second: RiccatiSolver) -> None:
    """Cold, warm, several iterations; the warm start is kept from problem to problem."""
    first.forget()
    second.forget()
    for seed in range(12):
        problem, guess = drawn(seed)
        a = b = Solution(guess.states, guess.inputs, np.zeros((OCP.steps, 2)), 0.0, 0)
        for share in (0.0, 0.5):
            a = first.solve(problem, shift(Guess(a.states, a.inputs), share), 1 + seed % 3)
            b = second.solve(problem, shift(Guess(b.states, b.inputs), share), 1 + seed % 3)
            assert (a.status, a.iterations) == (b.status, b.iterations)
            np.testing.assert_allclose(a.states, b.states, atol=1e-7)
            np.testing.assert_allclose(a.inputs, b.inputs, atol=1e-6)


@needs_compiler
def test_a_build_that_computes_something_else_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    right = engine.c_source

    def wrong(*values: object) -> str:
        return right(*values).replace("0.995 / last_ratio", "0.9 / last_ratio")  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "c_source", wrong)
    with pytest.raises(BuildError, match="away from plain Python"):
        engine.make_engine(OCP, "c")


def test_without_a_compiler_and_without_numba_hpipm_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> None:
        raise BuildError("There is no compiler.", "Install one.")

    monkeypatch.setattr(engine, "_load", nothing)
    with pytest.raises(BuildError, match="gcc"):
        engine.make_engine(OCP)
    assert isinstance(make_solver("riccati", OCP), RealTimeIteration)
    assert solver_table.make_solver("hpipm", OCP) is not None


@needs_compiler
def test_loading_it_leaves_the_processor_s_arithmetic_as_it_was() -> None:
    """Linked with -ffast-math, a library would flush small numbers to zero in the whole process."""
    own("c")
    assert float(np.float64(5e-324) * 1.0) > 0.0


@pytest.mark.parametrize("seed", range(4))
def test_the_printed_code_computes_what_casadi_computes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for name in ("linearise", "row", "factor", "sweep", "forward"):
        function = getattr(stages(), name)
        ins = [rng.uniform(0.5, 1.5, function.numel_in(i)) for i in range(function.n_in())]
        flat = np.concatenate(ins)
        source = translate.translate(function, [f"given[{i}]" for i in range(len(flat))], "python")
        space = {"given": flat, "math": __import__("math"), "turn": lambda a: (np.sin(a), np.cos(a))}
        exec("\n".join(source.lines), space)
        found = [eval(value, space) for value in source.outputs]
        shaped = [np.reshape(value, function.size_in(i), order="F") for i, value in enumerate(ins)]
        right = function(*shaped)
        right = right if isinstance(right, tuple) else (right,)
        np.testing.assert_allclose(
            found, np.concatenate([np.ravel(np.asarray(v), order="F") for v in right]), rtol=1e-9
        )
