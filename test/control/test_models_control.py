"""Models of motion: derivatives, kernels against peers, and a drive to a goal pose past a post with each of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import casadi as ca
import numpy as np
import pytest
import yaml
from closed_loop import World, straight
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_control.body import body_of
from physical_ai_control.choice import Chooser, Pace, Progress
from physical_ai_control.core import ControllerCore
from physical_ai_control.guard import Guard
from physical_ai_control.mpc import models
from physical_ai_control.mpc.model import Limits, Model, Rollout
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution
from physical_ai_control.mpc.riccati.solver import RiccatiSolver
from physical_ai_control.mpc.solvers import RealTimeIteration, WholeNlp, make_solver
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast, nobody
from physical_ai_control.pilot import Drive, Pilot
from physical_ai_control.route import Route
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import ParameterError
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Drivetrain, load_robot, robot_file

LIMITS = Limits(0.9, 1.5, 1.4, 2.5)
DRIVETRAIN = Drivetrain(wheelbase_m=0.35, max_steering_rad=0.6, max_steering_rate_rps=1.5, max_lateral_mps=0.8)
LEAST_RADIUS_M = 0.35 / np.tan(0.6)
NAMES = ("unicycle", "ackermann", "omni")
LAG_S = 0.12
STAGES_S: Array = np.arange(26, dtype=np.float64) * 0.1
NOBODY = Forecast(m.Prediction(0.0, "odom", layouts.empty(layouts.PREDICTION, 0)))
every_model = pytest.mark.parametrize("name", NAMES)
near_one = st.floats(-1.0, 1.0, allow_nan=False)


@lru_cache
def model(name: str) -> Model:
    return models.declared(name, LIMITS, DRIVETRAIN)


def small(of: Model) -> Ocp:
    return Ocp(steps=10, moving=2, static=1, model=of)


# --- declarations ---


def test_a_wrong_name_is_refused_with_the_choices() -> None:
    with pytest.raises(ParameterError, match=r"'hovercraft'.*ackermann, omni, unicycle"):
        models.declared("hovercraft", LIMITS, Drivetrain())
    with pytest.raises(ParameterError, match="'hovercraft'"):
        ControllerCore(ControllerParameters(model="hovercraft"))


def test_a_car_without_a_wheelbase_is_refused_by_what_is_missing() -> None:
    with pytest.raises(ParameterError, match="wheelbase_m"):
        models.declared("ackermann", LIMITS, Drivetrain())


def test_another_model_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(models.__path__[0]) / "unicycle.py").read_text().replace('"unicycle"', '"sledge"')
    (tmp_path / "sledge.py").write_text(text.replace("x[3] * ca.sin(x[2])", "x[3] * ca.sin(x[2]) - 0.1 * x[4]"))
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    assert "sledge" in models.names()
    ocp = small(models.declared("sledge", LIMITS, Drivetrain()))
    p, guess = drawn(ocp, 1)
    mine, other = RiccatiSolver(ocp, "python", accuracy=1e-8), RealTimeIteration(ocp, "hpipm")
    assert mine.solve(p, guess, 1).cost == pytest.approx(other.solve(p, guess, 1).cost, rel=1e-3, abs=1e-3)


# --- derivatives ---


@lru_cache
def stepped(name: str) -> ca.Function:
    x, u = ca.SX.sym("x", model(name).nx), ca.SX.sym("u", model(name).nu)
    after = model(name).step(x, u, 0.1)
    return ca.Function("step", [x, u], [after, ca.jacobian(after, ca.vertcat(x, u))])


@every_model
@settings(max_examples=25, deadline=None)
@given(st.lists(near_one, min_size=9, max_size=9))
def test_jacobians_are_what_finite_differences_are(name: str, numbers: list[float]) -> None:
    nx, nu = model(name).nx, model(name).nu
    at = np.array(numbers[: nx + nu]) * np.array([5.0, 5.0, 3.0, 1.0, *([0.6] * (nx - 4)), *([1.0] * nu)])

    def after(z: Array) -> Array:
        return np.asarray(stepped(name)(z[:nx], z[nx:])[0], dtype=float).ravel()

    slopes = np.column_stack([(after(at + e) - after(at - e)) / 2e-5 for e in 1e-5 * np.eye(nx + nu)])
    np.testing.assert_allclose(np.asarray(stepped(name)(at[:nx], at[nx:])[1]), slopes, atol=1e-8)


@every_model
@settings(max_examples=25, deadline=None)
@given(st.lists(near_one, min_size=6, max_size=6))
def test_the_twist_of_a_moving_state_tells_the_state(name: str, numbers: list[float]) -> None:
    of = model(name)
    state = 0.55 * np.array(numbers[: of.nx])
    state[3] = 0.3 + abs(state[3])
    twist = of.twists(state[None])[0]
    motion = np.array([*state[:3], twist[0], twist[2], twist[1]])
    np.testing.assert_allclose(of.of_motion(motion[None])[0], state, atol=1e-9)


def test_a_standing_car_keeps_the_steering_it_planned() -> None:
    still, before = np.zeros((1, 5)), np.array([0.0, 0.0, 0.0, 0.0, 0.3])
    assert model("ackermann").of_motion(still, before)[0, 4] == 0.3


# --- kernels ---


@lru_cache
def ocp_of(name: str) -> Ocp:
    return small(model(name))


@lru_cache
def peers(name: str) -> tuple[RiccatiSolver, RealTimeIteration]:
    try:
        mine = RiccatiSolver(ocp_of(name), "c", accuracy=1e-8)
    except Exception:
        mine = RiccatiSolver(ocp_of(name), "python", accuracy=1e-8)
    return mine, RealTimeIteration(ocp_of(name), "hpipm")


def drawn(ocp: Ocp, seed: int) -> tuple[Problem, Guess]:
    """A robot somewhere with points around its way, bounds that bind, and a guess that is no trajectory."""
    rng, n, of = np.random.default_rng(seed), ocp.steps, ocp.model
    k = np.arange(n + 1)
    x0 = np.concatenate([rng.uniform(-3, 3, 3), [rng.uniform(0.0, 0.8)], rng.uniform(-0.4, 0.4, of.nx - 4)])
    yaw, speed = x0[2] + rng.uniform(-0.7, 0.7), rng.uniform(0.1, 1.2)
    reference = np.zeros((n + 1, of.nx))
    reference[:, 0], reference[:, 1] = x0[0] + 0.1 * speed * k * np.cos(yaw), x0[1] + 0.1 * speed * k * np.sin(yaw)
    reference[:, 2], reference[:, 3] = yaw, speed
    away = np.zeros((n + 1, ocp.rows, 4))
    away[..., :2] = x0[:2] + rng.uniform(-1.2, 1.2, (ocp.rows, 2))
    away[..., 2], away[..., 3] = rng.choice([0.3, 0.5], ocp.rows), rng.choice([0.0, 0.15, -0.15], ocp.rows)
    most = np.array([1e4, 1e4, 1e4, 1.1, *([0.6] * (of.nx - 4))])
    low, high = np.tile(-most, (n + 1, 1)), np.tile(most, (n + 1, 1))
    low[:, 3] = -0.2
    guess = Guess(reference + rng.normal(0.0, 0.05, reference.shape), rng.normal(0.0, 0.2, (n, of.nu)))
    return Problem(x0, reference, away, low, high, -np.full(of.nu, 1.2), np.full(of.nu, 1.2)), guess


@every_model
def test_its_own_solver_agrees_with_hpipm_on_each_quadratic_problem(name: str) -> None:
    mine, other = peers(name)
    for seed in range(30):
        p, guess = drawn(ocp_of(name), seed)
        mine.forget()
        found, right = mine.solve(p, guess, 1), other.solve(p, guess, 1)
        assert found.status == "solved"
        assert found.cost <= right.cost + 1e-3 * (1.0 + abs(right.cost))
        np.testing.assert_allclose(found.inputs, right.inputs, atol=0.05)
        residuals(ocp_of(name), p, found, model_gap=False)


@every_model
def test_iterated_it_reaches_the_cost_of_a_whole_nlp_solver(name: str) -> None:
    mine, whole = peers(name)[0], WholeNlp(ocp_of(name), "ipopt")
    for seed in range(4):
        p, guess = drawn(ocp_of(name), seed)
        mine.forget()
        found = mine.solve(p, guess, 25)
        right = whole.solve(p, Guess(found.states, found.inputs), 60)
        assert found.cost <= 1.02 * right.cost + 0.01
        residuals(ocp_of(name), p, found, model_gap=True)


def residuals(ocp: Ocp, p: Problem, found: Solution, model_gap: bool) -> None:
    """Start, bounds, distances but for the slack and, once converged, the model: looked at here, not believed."""
    x, u = found.states, found.inputs
    np.testing.assert_allclose(x[0], p.x0, atol=1e-6)
    assert (x[1:] >= p.x_low[1:] - 5e-3).all() and (x[1:] <= p.x_high[1:] + 5e-3).all()
    assert (u >= p.u_low - 5e-3).all() and (u <= p.u_high + 5e-3).all()
    assert (found.slack > -1e-6).all()
    if not model_gap:
        return
    np.testing.assert_allclose(Rollout(ocp.model, ocp.steps, ocp.dt_s)(p.x0, u), x, atol=5e-3)
    for k in range(1, ocp.steps):
        for row, (px, py, reach, offset) in enumerate(p.keep_away[k]):
            away = np.hypot(x[k, 0] + offset * np.cos(x[k, 2]) - px, x[k, 1] + offset * np.sin(x[k, 2]) - py)
            assert reach == 0.0 or away + found.slack[k, int(row >= ocp.moving)] > reach - 5e-3


# --- drives ---


class Plant:
    """A base of each kind that follows its command with a lag, in steps of 10 ms; not the model's equations."""

    def __init__(self, name: str) -> None:
        self.name, self.pose, self.twist, self.steering = name, np.zeros(3), np.zeros(3), 0.0

    def move(self, command: Array, dt: float) -> None:
        """`command`: forward speed, speed to the left, yaw rate."""
        follow = 1.0 - np.exp(-dt / LAG_S)
        v = self.twist[0] + (command[0] - self.twist[0]) * follow
        if self.name == "ackermann":
            wanted = np.arctan(DRIVETRAIN.wheelbase_m * command[2] / command[0]) if command[0] > 0.02 else self.steering
            change = (np.clip(wanted, -0.6, 0.6) - self.steering) * follow
            self.steering += np.clip(change, -1.5 * dt, 1.5 * dt)
            self.twist = np.array([v, 0.0, v * np.tan(self.steering) / DRIVETRAIN.wheelbase_m])
        else:
            self.twist = self.twist + (command - self.twist) * follow
            self.twist[1] *= self.name == "omni"
        c, s = np.cos(self.pose[2]), np.sin(self.pose[2])
        self.pose = self.pose + dt * np.array(
            [c * self.twist[0] - s * self.twist[1], s * self.twist[0] + c * self.twist[1], self.twist[2]]
        )

    @property
    def motion(self) -> Array:
        left = [self.twist[1]] if self.name == "omni" else []
        return np.array([*self.pose, self.twist[0], self.twist[2], *left])


POST = np.array([2.2, 0.35, 0.15])


def posted(robot: Array) -> Surroundings:
    size, count = 0.1, 160
    corner = np.array([-2.0, -8.0])
    centre = corner + (np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1) + 0.5) * size
    cells = np.where(np.hypot(centre[..., 0] - POST[0], centre[..., 1] - POST[1]) <= POST[2], 100, 0).astype(np.int8)
    grid = m.OccupancyGrid(0.0, "odom", size, np.array([*corner, 0.0]), cells)
    return Surroundings(grid, robot, 50, np.zeros((0, 3)), 0.1)


class Listening:
    """A solver whose every problem and answer is looked at."""

    def __init__(self, ocp: Ocp) -> None:
        self.inner, self.ocp = make_solver("riccati", ocp), ocp
        self.rollout = Rollout(ocp.model, ocp.steps, ocp.dt_s)

    def solve(self, p: Problem, guess: Guess, iterations: int) -> Solution:
        found = self.inner.solve(p, guess, iterations)
        residuals(self.ocp, p, found, model_gap=False)
        driven = self.rollout(p.x0, found.inputs)
        assert np.hypot(*(driven - found.states)[:8, :2].T).max() < 0.1
        return found


def drive_to(name: str, goal: tuple[float, float, float], seconds: float) -> tuple[Plant, float]:
    """Along a straight route to the goal pose; the plant at its end and how near its circles came to the post."""
    ocp, body, plant = Ocp(model=model(name)), body_of(load_robot("scout")), Plant(name)
    pilot = Pilot(ocp, Listening(ocp), body, 0.06)
    chooser = Chooser(ocp.steps, ocp.dt_s, body.half_radius_m + 0.06, 0.75)
    t = np.linspace(0.0, 1.0, 30)
    bend = t * t * (3.0 - 2.0 * t)  # ends in the heading of the goal
    route = Route(np.column_stack([t * goal[0], bend * goal[1], 0 * t + goal[2]]), 0.7, 1.4, 0.6)
    times, s, near = STAGES_S, 0.0, np.inf
    around = posted(plant.motion)
    guard = Guard(ControllerParameters(), body, 1.5, times, model(name).least_radius_m)
    for tick in range(int(seconds / 0.1)):
        s = route.locate(plant.pose[:2], s)
        place, _, normal = route.at(np.array(s))
        along = Progress(s, float(normal @ (plant.pose[:2] - place)), float(plant.twist[0]))
        pace = Pace(0.8, 0.9, 1.5)
        reference = chooser.choose(route, along, pace, np.zeros(3), nobody(26), np.zeros((0, 26)), around)
        drive = pilot.drive(
            0.1 * tick, plant.motion, reference.states, 0.8, nobody(26), np.zeros((0, 26)), around, 1, 4
        )
        assert drive is not None and drive.fresh, drive
        assert guard.refuse(0.1 * tick, drive, NOBODY, around) == ""
        for k in range(10):
            at = 0.01 * k + LAG_S
            v, w = (float(np.interp(at, times, drive.states[:, i])) for i in (3, 4))
            left = 0.0 if drive.lateral_mps is None else float(np.interp(at, times, drive.lateral_mps))
            v, w = model(name).feasible(np.array([v, w]), np.array([2.0, 2.0]))
            plant.move(np.array([v, left, w]), 0.01)
            ahead = np.array([np.cos(plant.pose[2]), np.sin(plant.pose[2])])
            for offset in (body.front_m, body.rear_m):
                near = min(near, float(np.hypot(*(plant.pose[:2] + offset * ahead - POST[:2])) - POST[2]))
    return plant, near - body.half_radius_m


@every_model
def test_it_drives_to_a_goal_pose_past_a_post(name: str) -> None:
    plant, clearance = drive_to(name, (4.5, 0.8, 0.0), 11.0)
    assert np.hypot(plant.pose[0] - 4.5, plant.pose[1] - 0.8) < 0.25
    assert abs(plant.pose[2]) < 0.25
    assert np.abs(plant.twist).max() < 0.06
    assert clearance > -0.02


def test_an_omnidirectional_base_goes_sideways_where_its_chain_carries_that() -> None:
    ocp, plant, still = Ocp(model=model("omni")), Plant("omni"), nobody(26)
    pilot = Pilot(ocp, Listening(ocp), body_of(load_robot("scout")), 0.06)
    times, away = STAGES_S, posted(np.array([0.0, 0.0, 0.0]))
    for tick in range(60):
        y = np.minimum(1.5, plant.pose[1] + 0.6 * times)
        reference = np.column_stack([0 * y, y, 0 * y, 0 * y, 0 * y, np.gradient(y, 0.1)])
        drive = pilot.drive(0.1 * tick, plant.motion, reference, 0.8, still, np.zeros((0, 26)), away, 1, 4)
        assert drive is not None and drive.fresh and drive.lateral_mps is not None
        assert np.abs(drive.lateral_mps).max() <= 0.8 + 0.05
        for k in range(10):
            at = 0.01 * k + LAG_S
            columns = drive.states[:, 3], drive.lateral_mps, drive.states[:, 4]
            plant.move(np.array([np.interp(at, times, column) for column in columns]), 0.01)
    np.testing.assert_allclose(plant.pose, [0.0, 1.5, 0.0], atol=0.1)


# --- in the controller ---


def robot_with(folder: Path, **drivetrain: object) -> str:
    values = yaml.safe_load(robot_file("scout").read_text())
    values["drivetrain"] = drivetrain
    del values["urdf"]
    path = folder / "robot.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


class CarWorld(World):
    """The world with a car in it; keeps the tightest turn that was commanded."""

    tightest_m = np.inf

    def _move(self, dt: float) -> None:
        v, w = self.command
        if abs(w) > 1e-6:
            self.tightest_m = min(self.tightest_m, abs(v / w))
        most = abs(self.state[3]) / LEAST_RADIUS_M
        self.state[4] = np.clip(self.state[4], -most, most)
        super()._move(dt)


def test_a_car_is_never_asked_to_turn_where_it_stands(tmp_path: Path) -> None:
    robot = robot_with(tmp_path, **DRIVETRAIN.model_dump() | {"model": "ackermann"})
    world = CarWorld(
        start=(0.0, 0.0, 1.2), discs=np.array([[3.0, 0.1, 0.15]]), parameters=ControllerParameters(robot=robot)
    )
    world.plan(straight(6.0, 2.0))
    outcome = world.run(25.0)
    assert outcome.modes[-1] == "arrived"  # in the heading it came with: it cannot turn there
    assert np.hypot(world.state[0] - 6.0, world.state[1]) < 0.35
    assert world.tightest_m > LEAST_RADIUS_M - 1e-6
    assert outcome.contacts == 0


def test_the_guard_refuses_a_turn_that_the_base_cannot_drive() -> None:
    states = np.zeros((26, 5))
    states[:, 3], states[:, 4] = 0.2, 1.0
    tight = Drive(states, np.zeros((25, 2)), np.zeros(2), 0.0, 1, True, "")
    body, times, free = body_of(load_robot("scout")), STAGES_S, posted(np.zeros(3))
    may = Guard(ControllerParameters(), body, 1.5, times)
    may_not = Guard(ControllerParameters(), body, 1.5, times, LEAST_RADIUS_M)
    assert may.refuse(0.0, tight, NOBODY, free) == ""
    assert "tighter" in may_not.refuse(0.0, tight, NOBODY, free)


def test_of_an_omnidirectional_base_only_what_the_gate_carries_is_planned(tmp_path: Path) -> None:
    robot = robot_with(tmp_path, model="omni", max_lateral_mps=0.8)
    world = World(discs=np.array([[1.6, 0.2, 0.15]]), parameters=ControllerParameters(robot=robot))
    world.plan(straight(3.2))
    sideways = []
    pilot = world.controller._pilot
    inner = pilot.drive

    def listen(*values: object) -> Drive | None:
        found = inner(*values)  # type: ignore[arg-type]
        if found is not None and found.lateral_mps is not None:
            sideways.append(float(np.abs(found.lateral_mps).max()))
        return found

    pilot.drive = listen  # type: ignore[assignment, method-assign]
    outcome = world.run(15.0)
    assert outcome.modes[-1] == "arrived" and outcome.contacts == 0
    assert max(sideways) < 0.05
